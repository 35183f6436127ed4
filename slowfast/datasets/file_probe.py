"""What one media file really holds, and the reason where it cannot be used."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from slowfast.datasets.media import (
    DEFAULT_OPTIONS,
    FrameFolder,
    Media,
    MediaOptions,
    VideoFile,
    open_media,
)
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.utils.errors import MediaError
from slowfast.utils.remote import exists, is_remote, open_binary

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


@dataclass
class FileProbe:
    """Facts of a file; ``reason`` says why it cannot be used and is empty where it can.

    ``audio_reason`` says why its audio cannot be used: it cannot be decoded, or a clip with audio
    was asked for and there is too little of it or none. ``digest`` hashes the size and both ends
    of the file. ``slow`` says why clips of it load slowly. Times are in seconds.
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
    slow: str = ""
    audio: bool = False
    audio_rate: int = 0
    audio_channels: int = 0
    audio_duration: float = 0.0


def probe_file(
    path: str,
    full: bool = False,
    windows: AVClipSampler | None = None,
    options: MediaOptions = DEFAULT_OPTIONS,
) -> FileProbe:
    """Open a file or frame folder, decode parts of it and return what was found.

    Never raises for what a file can do wrong.

    Args:
        path: the file or folder.
        full: decode everything.
        windows: what a clip needs where it has audio.
        options: limits, and whether damaged frames are used.
    """
    probe = FileProbe(path)
    try:
        if not exists(path):
            probe.exists, probe.reason = False, f"{path}: no such file."
            return probe
        _identify(probe)
        with open_media(path, options) as media:
            _read_facts(probe, media)
            _check_header(probe, media)
            _decode(media, probe, full)
            probe.slow = media.slow
            if windows is not None and not probe.audio_reason:
                problem = windows.why_too_short(media.video, media.audio)
                probe.audio_reason = f"{path}: {problem}." if problem else ""
    except MediaError as error:
        probe.reason = str(error)
    except OSError as error:
        probe.reason = f"{path}: {error}"
    return probe


def crashed_probe(path: str) -> FileProbe:
    """Return the probe of a file whose decoding ended the process."""
    return FileProbe(path, reason=f"{path}: decoding it crashes the decoder.")


def _identify(probe: FileProbe) -> None:
    path = Path(probe.path)
    if not is_remote(probe.path):
        if not path.is_dir() and not path.is_file():  # a pipe would wait for ever
            raise MediaError(f"{path}: not a regular file.")
        if path.is_dir():
            probe.size_bytes = sum(p.stat().st_size for p in path.iterdir() if p.is_file())
            return
    with open_binary(probe.path) as file:
        probe.size_bytes = file.seek(0, io.SEEK_END)
        digest = hashlib.sha256(str(probe.size_bytes).encode())
        for begin in (0, max(probe.size_bytes - HASHED_BYTES, 0)):
            file.seek(begin)
            digest.update(file.read(HASHED_BYTES))
    probe.digest = digest.hexdigest()[:32]


def _read_facts(probe: FileProbe, media: Media) -> None:
    if media.audio is not None:
        audio = media.audio
        probe.audio, probe.audio_rate, probe.audio_channels = True, audio.rate, audio.channels
        probe.audio_duration = 0.0 if math.isnan(audio.duration) else audio.duration
    if media.video is None:
        raise MediaError(f"{probe.path}: the file has no video stream.")
    video = media.video
    probe.fps, probe.frames, probe.duration = video.fps, video.num_frames, video.duration
    probe.width, probe.height, probe.codec = video.width, video.height, video.codec


def _check_header(probe: FileProbe, media: Media) -> None:
    if isinstance(media, FrameFolder):
        return
    claimed = media.claimed_seconds
    held = max(media.video.start + probe.duration, probe.audio_duration)
    if claimed > HEADER_SLACK_FACTOR * held + HEADER_SLACK_SECONDS:
        raise MediaError(
            f"{probe.path}: the header claims {claimed:.1f} s but the streams hold {held:.1f} s."
        )


def _decode(media: Media, probe: FileProbe, full: bool) -> None:
    if isinstance(media, FrameFolder):
        every = range(probe.frames)
        media.read_frames(every if full else sample_frames(probe.frames), transform=_corner)
        return
    if full:
        _decode_every_frame(media)
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


def _corner(frame: torch.Tensor) -> torch.Tensor:
    return frame[:, :1, :1].clone()


def _decode_every_frame(media: VideoFile) -> None:
    """Read all frames, a few at a time, and compare their number with a straight decode."""
    decoded = media.count_frames()
    promised = media.video.num_frames
    if decoded + max(MISSING_FRAMES, MISSING_FRACTION * promised) < promised:
        raise MediaError(
            f"{media.path}: holds {decoded} of the {promised} frames that the header promises; "
            "the file is cut off or damaged."
        )
