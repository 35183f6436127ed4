"""The sound of a time window: mono, resampled, float, starting at the exact sample."""

from __future__ import annotations

import av
import numpy as np
import torch

# Decoding starts this much earlier, so that codecs with overlapping windows (AAC, Vorbis) and the
# resampling filter have settled when the window begins.
PREROLL_SECONDS = 0.25
# Timestamps that differ by more than this from the running sample count mark a hole.
HOLE_SECONDS = 0.02


def read_waveform(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    start: float,
    duration: float,
    rate: int,
) -> torch.Tensor:
    """Return ``(round(duration * rate),)`` float32 samples in [-1, 1] from time ``start``.

    Times are container seconds. Samples before the stream begins, after it ends and in holes are
    zero. Codecs may overshoot 1.0 (float AAC does); such samples are clipped.
    """
    window = np.zeros(round(duration * rate), dtype=np.float32)
    seek_to = max(start - PREROLL_SECONDS, 0.0)
    container.seek(int(seek_to / float(stream.time_base)), stream=stream)
    stop = start + duration + PREROLL_SECONDS
    run = None
    for frame in container.decode(stream):
        time = start if frame.pts is None else float(frame.pts * stream.time_base)
        if time > stop:
            break
        if run is None or abs(time - run.expected_time) > HOLE_SECONDS:
            if run is not None:
                run.finish()
            run = _Run(window, round((time - start) * rate), time, rate)
        run.feed(frame)
    if run is not None:
        run.finish()
    return torch.from_numpy(np.clip(window, -1.0, 1.0, out=window))


class _Run:
    """A stretch of sound without holes, resampled into its place in the window."""

    def __init__(self, window: np.ndarray, offset: int, time: float, rate: int) -> None:
        self.expected_time = time
        self._window, self._offset = window, offset
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)

    def feed(self, frame: av.AudioFrame) -> None:
        self.expected_time += frame.samples / frame.sample_rate
        self._place(self._resampler.resample(frame))

    def finish(self) -> None:
        self._place(self._resampler.resample(None))

    def _place(self, pieces: list[av.AudioFrame]) -> None:
        for piece in pieces:
            data = piece.to_ndarray().reshape(-1)
            low = max(self._offset, 0)
            high = min(self._offset + len(data), len(self._window))
            if high > low:
                self._window[low:high] = data[low - self._offset : high - self._offset]
            self._offset += len(data)
