"""What one media file really holds, and the reason where it cannot be used."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import torch

from slowfast.datasets.media import FrameFolder, VideoFile, open_media
from slowfast.datasets.windows import AudioVisualWindows
from slowfast.utils.errors import MediaError

HASHED_BYTES = 64 * 1024
EDGE_FRAMES = 3
MIDDLE_FRAMES = 16
SOUND_SECONDS = 0.25
WHOLE_SOUND_SECONDS = 60.0
# Streams may end this much before the container says so before the header counts as false.
HEADER_SLACK_SECONDS = 2.0
HEADER_SLACK_FACTOR = 1.5
# A full decode may miss this share of the promised frames (edit lists, broken last packets).
MISSING_FRACTION = 0.02
MISSING_FRAMES = 2
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"uuid")


@dataclass
class FileProbe:
    """Facts of a file; ``reason`` says why it cannot be used and is empty where it can.

    ``audio_reason`` says why its sound cannot be used: it cannot be decoded, or a clip with sound
    was asked for and there is too little of it or none. ``digest`` hashes the size and both ends
    of the file. Times are in seconds.
    """

    path: str
    exists: bool = True
    reason: str = ""
    audio_reason: str = ""
    size_bytes: int = 0
    digest: str = ""
    duration: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    frames: int = 0
    codec: str = ""
    audio: bool = False
    audio_rate: int = 0
    audio_channels: int = 0
    audio_duration: float = 0.0


def probe_file(
    path: str, full: bool = False, windows: AudioVisualWindows | None = None
) -> FileProbe:
    """Open a file or frame folder, decode parts of it and return what was found.

    Never raises for what a file can do wrong.

    Args:
        path: the file or folder.
        full: decode everything.
        windows: what a clip needs where it has sound.
    """
    probe = FileProbe(path)
    if not Path(path).exists():
        probe.exists, probe.reason = False, f"{path}: no such file."
        return probe
    try:
        _identify(probe)
        with open_media(path) as media:
            _read_facts(probe, media)
            _check_header(probe, media)
            _decode(media, probe, full)
            if windows is not None and not probe.audio_reason:
                problem = windows.problem(media.video, media.audio)
                probe.audio_reason = f"{path}: {problem}." if problem else ""
    except (MediaError, OSError, av.FFmpegError) as error:
        probe.reason = str(error)
    return probe


def crashed_probe(path: str) -> FileProbe:
    """Return the probe of a file whose decoding ended the process."""
    return FileProbe(path, reason=f"{path}: decoding it crashes the decoder.")


def _identify(probe: FileProbe) -> None:
    path = Path(probe.path)
    if path.is_dir():
        probe.size_bytes = sum(p.stat().st_size for p in path.iterdir() if p.is_file())
        return
    probe.size_bytes = path.stat().st_size
    digest = hashlib.sha256(str(probe.size_bytes).encode())
    with path.open("rb") as file:
        digest.update(file.read(HASHED_BYTES))
        file.seek(max(probe.size_bytes - HASHED_BYTES, 0))
        digest.update(file.read(HASHED_BYTES))
    probe.digest = digest.hexdigest()[:32]


def _read_facts(probe: FileProbe, media: VideoFile | FrameFolder) -> None:
    if media.audio is not None:
        audio = media.audio
        probe.audio, probe.audio_rate, probe.audio_channels = True, audio.rate, audio.channels
        probe.audio_duration = 0.0 if math.isnan(audio.duration) else audio.duration
    if media.video is None:
        raise MediaError(f"{probe.path}: the file has no video stream.")
    video = media.video
    probe.fps, probe.frames, probe.duration = video.fps, video.num_frames, video.duration
    probe.width, probe.height, probe.codec = video.width, video.height, video.codec


def _check_header(probe: FileProbe, media: VideoFile | FrameFolder) -> None:
    if probe.frames < 2:
        raise MediaError(f"{probe.path}: holds one picture only, not a video.")
    if isinstance(media, FrameFolder):
        return
    promised = promised_bytes(probe.path)
    if promised > probe.size_bytes:
        raise MediaError(
            f"{probe.path}: has {probe.size_bytes} of {promised} bytes; the file is cut off."
        )
    claimed = container_seconds(probe.path)
    held = max(media.video.start + probe.duration, probe.audio_duration)
    if claimed > HEADER_SLACK_FACTOR * held + HEADER_SLACK_SECONDS:
        raise MediaError(
            f"{probe.path}: the header claims {claimed:.1f} s but the streams hold {held:.1f} s."
        )


def promised_bytes(path: str | Path) -> int:
    """Return where the boxes of an MP4 or MOV file end; 0 for other formats.

    A file that is shorter than this was cut off, even where all headers are in place.
    """
    with Path(path).open("rb") as file:
        return max((position for position, _ in _mp4_boxes(file)), default=0)


def _mp4_boxes(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield position and kind of the outer boxes, and at last the end of the last box."""
    size = file.seek(0, 2)
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if position == 0 and kind not in MP4_BOXES:
            return
        yield position, kind
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        # 0 stands for "to the end of the file"; less than a header is no box
        position = position + length if length >= 8 else size
    yield position, b""


def container_seconds(path: str | Path) -> float:
    """Return the longest duration that the container's headers claim, 0 where they claim none.

    FFmpeg trusts the tables of frames more than an MP4's ``mvhd`` box, other players do not.
    """
    with av.open(str(path), metadata_errors="ignore") as container:
        claimed = (container.duration or 0) / av.time_base
    with Path(path).open("rb") as file:
        for position, kind in _mp4_boxes(file):
            if kind == b"moov":
                file.seek(position + 8)
                box = file.read(32)  # mvhd comes first; version 0 has 32-bit times
                ticks, length = (int.from_bytes(box[k : k + 4], "big") for k in (20, 24))
                if box[4:9] == b"mvhd\0" and ticks and length != 0xFFFFFFFF:
                    claimed = max(claimed, length / ticks)
    return claimed


def _decode(media: VideoFile | FrameFolder, probe: FileProbe, full: bool) -> None:
    if isinstance(media, FrameFolder):
        every = range(probe.frames)
        media.read_frames(every if full else sample_frames(probe.frames), transform=_corner)
        return
    if full:
        _decode_every_frame(probe)
    else:
        media.read_frames(sample_frames(probe.frames), transform=_corner)
    if probe.audio:
        _decode_sound(media, probe, full)


def _decode_sound(media: VideoFile, probe: FileProbe, full: bool) -> None:
    length = max(probe.audio_duration, probe.duration)
    if full:
        starts = [k * WHOLE_SOUND_SECONDS for k in range(math.ceil(length / WHOLE_SOUND_SECONDS))]
    else:
        starts = [0.0, length / 2]
    try:
        for start in starts:
            seconds = WHOLE_SOUND_SECONDS if full else SOUND_SECONDS
            media.read_waveform(start, seconds, probe.audio_rate)
    except MediaError as error:
        probe.audio_reason = str(error)


def sample_frames(count: int) -> list[int]:
    """Return a few frame numbers at the beginning, around the middle and at the end."""
    middle = max(count - MIDDLE_FRAMES, 0) // 2
    wanted = {*range(EDGE_FRAMES), *range(count - EDGE_FRAMES, count)}
    wanted |= set(range(middle, middle + MIDDLE_FRAMES))
    return sorted(frame for frame in wanted if 0 <= frame < count)


def _corner(picture: torch.Tensor) -> torch.Tensor:
    return picture[:, :1, :1].clone()


def _decode_every_frame(probe: FileProbe) -> None:
    decoded = 0
    try:
        with av.open(probe.path, metadata_errors="ignore") as container:
            stream = container.streams.best("video")
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise MediaError(f"{probe.path}: frame {decoded} is damaged.")
                decoded += 1
    except av.FFmpegError as error:
        reason = error.strerror or str(error)
        raise MediaError(
            f"{probe.path}: cannot be decoded after frame {decoded} ({reason})."
        ) from error
    if decoded + max(MISSING_FRAMES, MISSING_FRACTION * probe.frames) < probe.frames:
        raise MediaError(
            f"{probe.path}: holds {decoded} of the {probe.frames} frames that the header "
            "promises; the file is cut off or damaged."
        )
