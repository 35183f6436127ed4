"""Frames and a waveform to an MP4 file (H.264 and AAC), the same bytes every time."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# ``bitexact`` keeps library versions and creation times out of the container. One thread and
# x264's ``cpu-independent`` keep the encoder's decisions the same everywhere; its macroblock
# tree is off because it gave other bytes from one run to the next on pictures this small.
_CONTAINER_OPTIONS = {"fflags": "+bitexact", "movflags": "+faststart"}
_VIDEO_OPTIONS = {
    "preset": "veryfast",
    "crf": "21",
    "g": "12",
    "threads": "1",
    "x264-params": "cpu-independent=1:no-mbtree=1",
}
_AUDIO_BLOCK = 1024


def write_media(
    path: str | Path,
    frames: np.ndarray,
    frame_rate: int,
    waveform: np.ndarray | None = None,
    sample_rate: int = 24_000,
    audio_bit_rate: int = 48_000,
) -> int:
    """Write ``path`` (``.mp4``) and return its size in bytes.

    ``frames`` is uint8 ``(T, H, W, 3)`` with even H and W, ``waveform`` float ``(S,)`` in
    [-1, 1]. The file appears under its name only when it is complete.
    """
    path = Path(path)
    partial = partial_path(path)
    try:
        with av.open(str(partial), "w", format="mp4", options=_CONTAINER_OPTIONS) as container:
            video = _add_video(container, frames, frame_rate)
            audio = None if waveform is None else _add_audio(container, sample_rate, audio_bit_rate)
            _encode_frames(container, video, frames)
            if audio is not None:
                _encode_waveform(container, audio, waveform, sample_rate)
        size = partial.stat().st_size
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return size


def partial_path(path: Path) -> Path:
    """Return the name under which this process writes ``path`` until it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _add_video(container: av.container.OutputContainer, frames: np.ndarray, frame_rate: int):
    stream = container.add_stream("libx264", rate=frame_rate, options=_VIDEO_OPTIONS)
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, frame_rate)
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    return stream


def _add_audio(container: av.container.OutputContainer, sample_rate: int, bit_rate: int):
    stream = container.add_stream("aac", rate=sample_rate, layout="mono")
    stream.bit_rate = bit_rate
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    return stream


def _encode_frames(container: av.container.OutputContainer, stream, frames: np.ndarray) -> None:
    for number, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts = number
        frame.time_base = stream.codec_context.time_base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode_waveform(
    container: av.container.OutputContainer, stream, waveform: np.ndarray, sample_rate: int
) -> None:
    for begin in range(0, len(waveform), _AUDIO_BLOCK):
        block = np.ascontiguousarray(waveform[None, begin : begin + _AUDIO_BLOCK], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        frame.pts = begin
        frame.time_base = Fraction(1, sample_rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
