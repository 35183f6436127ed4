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
        if run is None or not run.goes_on_with(frame, time):
            if run is not None:
                run.finish()
            run = _Run(window, round((time - start) * rate), time, rate)
        run.feed(frame)
    if run is not None:
        run.finish()
    return torch.from_numpy(np.clip(window, -1.0, 1.0, out=window))


class _Run:
    """A stretch of sound of one format without holes, resampled in one go into its place."""

    def __init__(self, window: np.ndarray, offset: int, time: float, rate: int) -> None:
        self.expected_time = time
        self._window, self._offset, self._rate = window, offset, rate
        self._pieces: list[np.ndarray] = []
        self._first: av.AudioFrame | None = None

    def goes_on_with(self, frame: av.AudioFrame, time: float) -> bool:
        """Tell whether a frame follows without a hole and in the same format."""
        return abs(time - self.expected_time) <= HOLE_SECONDS and self._kind(frame) == self._kind(
            self._first
        )

    @staticmethod
    def _kind(frame: av.AudioFrame) -> tuple[str, str, int]:
        return frame.format.name, frame.layout.name, frame.sample_rate

    def feed(self, frame: av.AudioFrame) -> None:
        self._first = self._first or frame
        self.expected_time += frame.samples / frame.sample_rate
        self._pieces.append(frame.to_ndarray())

    def finish(self) -> None:
        first = self._first
        # A filter graph costs as much for a frame of 20 ms as for a second of sound.
        whole = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(np.concatenate(self._pieces, axis=1)),
            format=first.format.name,
            layout=first.layout.name,
        )
        whole.sample_rate = first.sample_rate
        resampler = av.AudioResampler(format="flt", layout="mono", rate=self._rate)
        for piece in [*resampler.resample(whole), *resampler.resample(None)]:
            self._place(piece.to_ndarray().reshape(-1))

    def _place(self, data: np.ndarray) -> None:
        low = max(self._offset, 0)
        high = min(self._offset + len(data), len(self._window))
        if high > low:
            self._window[low:high] = data[low - self._offset : high - self._offset]
        self._offset += len(data)
