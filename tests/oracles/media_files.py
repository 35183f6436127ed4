"""Small real media files whose frames carry their number and whose sound is one beep."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

BITS = 12
BLOCK = 8
WIDTH, HEIGHT = BITS * BLOCK, 64
TICKS = 90_000
BEEP_SECONDS = 0.1


@dataclass(frozen=True)
class Settings:
    """What a file is like; times in seconds.

    ``first`` is the time of the first picture, ``audio_first`` that of the first sample, and
    ``beep`` the time of a tone of 0.1 s; ``audio_rate`` 0 stands for no sound, ``audio_seconds`` 0
    for sound to the end of the pictures or a second past the beep. ``rotation`` is
    what the display matrix of an MP4 asks for, in degrees counter-clockwise. ``shade`` changes
    the content without changing the numbers. ``fast_start`` puts the index at the beginning.
    """

    frames: int = 60
    fps: Fraction = Fraction(30)
    gop: int = 12
    b_frames: int = 2
    first: float = 0.0
    audio_rate: int = 0
    audio_layout: str = "mono"
    audio_first: float = 0.0
    audio_seconds: float = 0.0
    audio_codec: str = "aac"
    beep: float = 1.0
    suffix: str = ".mp4"
    rotation: int = 0
    shade: int = 0
    fast_start: bool = True


def picture(number: int, shade: int = 0) -> np.ndarray:
    """Return an RGB picture ``(H, W, 3)`` whose columns spell ``number``, lowest bit first."""
    bits = (number >> np.arange(BITS)) & 1
    row = np.where(bits.repeat(BLOCK), 220, 30).astype(np.uint8)
    image = np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)).copy()
    texture = np.random.default_rng(shade).integers(0, 60, (HEIGHT // 8, WIDTH // 8), np.uint8)
    image[HEIGHT // 2 :] = (texture.repeat(8, 0).repeat(8, 1)[: HEIGHT // 2] + 90)[..., None]
    return image


def number_of(image) -> int:
    """Read the number of a picture ``(3, H, W)``, at whatever size."""
    image = np.asarray(image, dtype=np.float64)
    upper = image[:, : image.shape[1] // 3].mean((0, 1))
    blocks = upper[: upper.size // BITS * BITS].reshape(BITS, -1)
    middle = blocks[:, blocks.shape[1] // 4 : -(blocks.shape[1] // 4) or None]
    return int(((middle.mean(1) > 125) << np.arange(BITS)).sum())


def numbers_of(frames) -> list[int]:
    """Read the numbers of frames ``(T, 3, H, W)``."""
    return [number_of(frame) for frame in frames]


def tone(rate: int) -> np.ndarray:
    """Return the samples of the beep."""
    times = np.arange(round(BEEP_SECONDS * rate)) / rate
    return np.sin(2 * np.pi * 1000 * times) * np.hanning(len(times))


def time_of_beep(waveform, rate: int) -> float:
    """Return where in ``waveform`` the beep begins, by cross-correlation."""
    match = np.correlate(np.asarray(waveform, dtype=np.float64), tone(rate), "valid")
    return int(np.argmax(np.abs(match))) / rate


def write_video(path: Path, settings: Settings) -> None:
    """Write one file."""
    options = {"movflags": "+faststart"} if settings.fast_start else {}
    options = options if settings.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        video = _video_stream(container, settings)
        audio = None
        if settings.audio_rate:
            audio = container.add_stream(
                settings.audio_codec, rate=settings.audio_rate, layout=settings.audio_layout
            )
        for number in range(settings.frames):
            frame = av.VideoFrame.from_ndarray(picture(number, settings.shade), format="rgb24")
            frame.time_base = video.codec_context.time_base
            seconds = settings.first + number / float(settings.fps)
            frame.pts = round(seconds / float(frame.time_base))
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _encode_sound(container, audio, settings)
    if settings.rotation:
        rotate_display(path, settings.rotation)


def _video_stream(container, settings: Settings):
    options = {
        "g": str(settings.gop),
        "bf": str(settings.b_frames),
        "crf": "16",
        "preset": "veryfast",
        "sc_threshold": "0",
        "threads": "1",
    }
    avi = settings.suffix == ".avi"
    codec = "mpeg4" if avi else "libx264"
    options = {"g": str(settings.gop), "bf": str(settings.b_frames)} if avi else options
    stream = container.add_stream(codec, rate=settings.fps, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    if avi:
        stream.bit_rate = 2_000_000
    stream.codec_context.time_base = 1 / settings.fps if avi else Fraction(1, TICKS)
    return stream


def _encode_sound(container, stream, settings: Settings) -> None:
    rate = settings.audio_rate
    count = round((settings.first + settings.frames / float(settings.fps)) * rate)
    wave = np.zeros(max(count, round((settings.beep + 1) * rate)), dtype=np.float32)
    begin = round(settings.beep * rate)
    wave[begin : begin + len(tone(rate))] = 0.5 * tone(rate)
    wave = wave[round(settings.audio_first * rate) :]
    if settings.audio_seconds:
        wave = wave[: round(settings.audio_seconds * rate)]
    channels = len(av.AudioLayout(settings.audio_layout).channels)
    for begin in range(0, len(wave), 1024):
        block = np.ascontiguousarray(np.tile(wave[None, begin : begin + 1024], (channels, 1)))
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=settings.audio_layout)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = begin + round(settings.audio_first * rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def rotate_display(path: Path, degrees: int) -> None:
    """Write a rotation into the display matrix of the first track of an MP4."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = struct.pack(">9i", cos * one, -sin * one, 0, sin * one, cos * one, 0, 0, 0, 1 << 30)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = matrix
    path.write_bytes(data)


def claim_duration(data: bytes, factor: int) -> bytes:
    """Multiply every duration in the headers of an MP4 (version 0 boxes)."""
    out = bytearray(data)
    for box, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        at = data.find(box)
        while at >= 0:
            place = at + 4 + offset
            (value,) = struct.unpack_from(">I", out, place)
            struct.pack_into(">I", out, place, min(value * factor, 2**31 - 1))
            at = data.find(box, at + 4)
    return bytes(out)


def write_sound_only(path: Path) -> None:
    """Write an AAC file without pictures."""
    settings = Settings(audio_rate=16000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        _encode_sound(container, stream, settings)


def write_empty_stream(path: Path) -> None:
    """Write a Matroska file whose video stream has no packet."""
    settings = Settings(audio_rate=16000, suffix=".mkv")
    with av.open(str(path), "w") as container:
        _video_stream(container, settings)
        audio = container.add_stream("aac", rate=16000, layout="mono")
        _encode_sound(container, audio, settings)


def flip_middle(data: bytes, length: int = 4096) -> bytes:
    """Invert up to 4 KiB in the middle."""
    begin = len(data) // 2 - length // 2
    middle = bytes(byte ^ 0xFF for byte in data[begin : begin + length])
    return data[:begin] + middle + data[begin + length :]


def damage(folder: Path, good: Path, other: str = "") -> dict[str, Path]:
    """Write ten kinds of files that no dataset can use, made from the MP4 ``good``."""
    data = good.read_bytes()
    contents = {
        "empty": b"",
        "cut_5": data[: len(data) * 5 // 100],
        "cut_30": data[: len(data) * 30 // 100],
        "cut_95": data[: len(data) * 95 // 100],
        "flipped": flip_middle(data),
        "html": b"<!DOCTYPE html><html><body>404 not found</body></html>\n" * 40,
        "random": np.random.default_rng(7).bytes(20_000),
        "fake_duration": claim_duration(data, 1000),
    }
    files = {}
    for kind, content in contents.items():
        files[kind] = folder / f"{kind}{other}.mp4"
        files[kind].write_bytes(content)
    files["sound_only"] = folder / f"sound_only{other}.mp4"
    write_sound_only(files["sound_only"])
    files["no_packet"] = folder / f"no_packet{other}.mkv"
    write_empty_stream(files["no_packet"])
    return files


def write_scenes(folder: Path, images: Path, names: list[str], count: int) -> None:
    """Write the list of SUN397 and images of noise, the first of each class in grey."""
    (folder / "ClassName.txt").write_text("\n".join(names))
    rng = np.random.default_rng(0)
    for name in names:
        (images / name[1:]).mkdir(parents=True)
        for k in range(count):
            pixels = rng.integers(0, 255, (180, 200, 3) if k else (180, 200), dtype=np.uint8)
            Image.fromarray(pixels).save(images / name[1:] / f"sun_{k}.png")
