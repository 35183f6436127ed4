"""Files as people have them: every container and codec, cut by copy, uneven, turned, without rates.

The truth about each is a straight decode (:func:`straight_decode`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from oracles.media_files import HEIGHT, WIDTH, picture

MILLISECONDS = Fraction(1, 1000)


@dataclass(frozen=True)
class Kind:
    """What a file is like.

    ``first`` is the number of the first frame's time stamp, ``uneven`` draws the distances of
    frames, ``options`` are those of the encoder and ``muxer`` those of the container; ``form``
    names the container where the suffix does not.
    """

    suffix: str = ".mp4"
    codec: str = "libx264"
    frames: int = 120
    fps: int = 25
    gop: int = 48
    b_frames: int = 0
    first: int = 0
    uneven: bool = False
    form: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    muxer: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        named = {k: v for k, v in vars(self).items() if v != getattr(Kind, k)}
        return "-".join(f"{k}={v}" for k, v in named.items()) or "plain"


def write(path: Path, kind: Kind) -> Path:
    """Write numbered frames."""
    base = MILLISECONDS if kind.uneven else Fraction(1, kind.fps)
    steps = np.random.default_rng(7).integers(15, 70, kind.frames)
    times = np.concatenate([[0], np.cumsum(steps)]) if kind.uneven else np.arange(kind.frames)
    with av.open(str(path), "w", format=kind.form, options=dict(kind.muxer)) as out:
        stream = out.add_stream(kind.codec, rate=kind.fps, options=_encoder_options(kind))
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = {"gif": "rgb8"}.get(kind.codec, "yuv420p")
        if kind.codec not in ("libx264", "libx265", "libvpx", "libvpx-vp9", "gif"):
            stream.bit_rate = 4_000_000
        stream.codec_context.time_base = base
        for number in range(kind.frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = int(times[number]) + kind.first, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _encoder_options(kind: Kind) -> dict[str, str]:
    options = {"g": str(kind.gop), "bf": str(kind.b_frames), "threads": "1"}
    if kind.codec == "libx264":
        options |= {"preset": "veryfast", "sc_threshold": "0"}
    if kind.codec == "libx265":
        options = {
            "preset": "ultrafast",
            "x265-params": f"keyint={kind.gop}:bframes={kind.b_frames}:log-level=none:pools=1",
        }
    if kind.codec.startswith("libvpx"):
        options |= {"cpu-used": "8", "deadline": "realtime"}
        del options["bf"]
    return options | dict(kind.options)


def cut_by_copy(source: Path, target: Path, start: float, length: float) -> Path:
    """Do what ``ffmpeg -ss START -i SOURCE -t LENGTH -c copy TARGET`` does.

    Packets are copied from the key frame before the start; their times are moved so that the start
    is 0, which leaves frames before it that MP4 hides by an edit list.
    """
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        begin = float((stream.start_time or 0) * stream.time_base)
        reader.seek(int((begin + start) * av.time_base))
        shift = round((begin + start) / stream.time_base)
        for packet in reader.demux(stream):
            if packet.dts is None or packet.dts * packet.time_base > begin + start + length:
                continue
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copy
            writer.mux(packet)
    return target


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix ((a, b), (c, d)) into the first track of an MP4."""
    a, b, c, d = (value << 16 for value in matrix)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def straight_decode(path: Path) -> tuple[list[np.ndarray], list[int | None], Fraction]:
    """Return frames ``(H, W, 3)`` in the order in which a decode shows them, times and their unit.

    No seek, no index, no display matrix.
    """
    with av.open(str(path), metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        size = frames[0].width, frames[0].height
        images = [f.reformat(*size, format="rgb24").to_ndarray() for f in frames]
        return images, [f.pts for f in frames], stream.time_base
