"""Frames and a waveform to an MP4 file (H.264 and AAC), the same bytes every time."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np

from slowfast.datasets.media.encode import AudioEncoder, Encoding, MediaWriter

# One thread and x264's ``cpu-independent`` keep the encoder's decisions the same everywhere; its
# macroblock tree is off because it gave other bytes from one run to the next on frames this small.
ENCODING = Encoding(gop=12, crf=21, x264="cpu-independent=1:no-mbtree=1", bitexact=True)
_AUDIO_BLOCK = 1024
AUDIO_BIT_RATE = 48_000


def write_media(
    path: str | Path,
    frames: np.ndarray,
    frame_rate: int,
    waveform: np.ndarray | None = None,
    sample_rate: int = 24_000,
) -> int:
    """Write ``path`` (``.mp4``) and return its size in bytes.

    ``frames`` is uint8 ``(T, H, W, 3)`` with even H and W, ``waveform`` float ``(S,)`` in
    [-1, 1]. The file appears under its name only when it is complete.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with MediaWriter(path, ENCODING, frame_rate) as writer:
        if waveform is not None:
            audio = writer.add_audio(sample_rate, 1, AUDIO_BIT_RATE)
        for frame in frames:
            writer.add(frame)
        if waveform is not None:
            _add_waveform(audio, waveform, sample_rate)
    return Path(path).stat().st_size


def partial_path(path: Path) -> Path:
    """Return the name under which this process writes ``path`` until it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _add_waveform(audio: AudioEncoder, waveform: np.ndarray, sample_rate: int) -> None:
    for begin in range(0, len(waveform), _AUDIO_BLOCK):
        block = np.ascontiguousarray(waveform[None, begin : begin + _AUDIO_BLOCK], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        audio.add(frame, begin)
