"""The audio of a time window: mono, resampled, float, starting at the exact sample.

Channels are mixed by FFmpeg into 32-bit integers, which it normalises so that full scale stays
full scale: stereo is the mean of its channels, as in AVID's 16-bit reader, on whose released
statistics spectrograms are normalised. (For float output FFmpeg adds channels instead.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
import torch

from slowfast.datasets.media.container import Container
from slowfast.datasets.media.info import AudioInfo

TimedFrame = tuple[av.AudioFrame, float]  # and its time in seconds

# Decoding starts this much earlier, so that codecs with overlapping windows (AAC, Vorbis) and the
# resampling filter have settled when the window begins.
PREROLL_SECONDS = 0.25
# Timestamps that differ by more than this from the running sample count mark a hole.
HOLE_SECONDS = 0.02
# Where to begin instead, when a seek landed behind the window.
EARLIER_SECONDS = (0.0, 1.0, 5.0)
# A packet may begin this much after the window without the seek having failed.
LANDING_SECONDS = 0.05
# Layouts whose mix is the plain mean, which costs less in numpy than a filter call per packet.
PLAIN_LAYOUTS = {"mono", "stereo", "1 channels", "2 channels"}
# What FFmpeg's integer formats count as 1.0.
FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


def read_waveform(
    container: Container, audio: AudioInfo, start: float, duration: float, rate: int
) -> torch.Tensor:
    """Return ``(round(duration * rate),)`` float32 samples in [-1, 1] from time ``start``.

    Times are container seconds. Samples before the stream begins, after it ends and in holes are
    zero. Codecs may overshoot 1.0 (float AAC does); such samples are clipped.
    """
    frames = frames_from(container, audio, start - PREROLL_SECONDS)
    return mix_window(frames, start, duration, rate)


def mix_window(
    frames: Iterable[TimedFrame], start: float, duration: float, rate: int
) -> torch.Tensor:
    """Return the window of :func:`read_waveform` out of frames with their times, in order."""
    window = np.zeros(round(duration * rate), dtype=np.float32)
    stop = start + duration + PREROLL_SECONDS
    stretch = None
    for frame, time in frames:
        if time > stop:
            break
        if stretch is None or not stretch.continues_with(frame, time):
            if stretch is not None:
                stretch.finish()
            kind = _Plain if frame.layout.name in PLAIN_LAYOUTS else _Mixed
            stretch = kind(window, round((time - start) * rate), frame, time, rate)
        stretch.add(frame)
    if stretch is not None:
        stretch.finish()
    return torch.from_numpy(np.clip(window, -1.0, 1.0, out=window))


def frames_from(container: Container, audio: AudioInfo, start: float) -> Iterator[TimedFrame]:
    """Yield frames with their times in seconds, the first at or before ``start``."""
    tick = float(container.audio.time_base)
    # Before the stream begins its first packet will do; uncompressed audio has packets anywhere.
    target = max(start, audio.start + LANDING_SECONDS, 0.0) / tick
    begin = max(start, audio.start, 0.0) / tick
    places = [max(int(begin - earlier / tick), 0) for earlier in EARLIER_SECONDS]
    packets, landed = container.packets_before(
        container.audio.index, places, lambda time: time <= target
    )
    time, begun = max(start, audio.start), False
    for packet in packets:
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            if begun or landed is None:
                raise
            continue  # a seek may land inside a packet
        for frame in frames:
            begun = True
            if frame.pts is not None:
                time = float(frame.pts * frame.time_base)
            yield frame, time
            time += frame.samples / frame.sample_rate


class _Stretch:
    """Audio of one format without holes, resampled into its place in the window.

    Args:
        window: samples to fill.
        offset: where the stretch begins in it.
        first: its first frame, at ``time`` seconds.
        rate: samples per second of the window.
    """

    def __init__(
        self, window: np.ndarray, offset: int, first: av.AudioFrame, time: float, rate: int
    ) -> None:
        self._window, self._offset, self._rate = window, offset, rate
        self._kind, self._expected = _kind(first), time

    def continues_with(self, frame: av.AudioFrame, time: float) -> bool:
        """Tell whether a frame follows without a hole and in the same format."""
        return abs(time - self._expected) <= HOLE_SECONDS and _kind(frame) == self._kind

    def add(self, frame: av.AudioFrame) -> None:
        self._expected += frame.samples / frame.sample_rate
        self._add(frame)

    def _place(self, pieces: list[av.AudioFrame], scale: float) -> None:
        for piece in pieces:
            data = piece.to_ndarray().reshape(-1)
            low = max(self._offset, 0)
            high = min(self._offset + len(data), len(self._window))
            if high > low:
                self._window[low:high] = data[low - self._offset : high - self._offset] / scale
            self._offset += len(data)


class _Plain(_Stretch):
    """One or two channels: averaged in numpy and resampled in one go."""

    def __init__(self, *where) -> None:
        super().__init__(*where)
        self._pieces: list[np.ndarray] = []

    def _add(self, frame: av.AudioFrame) -> None:
        data = frame.to_ndarray()
        if not frame.format.is_planar:
            data = data.reshape(-1, frame.layout.nb_channels).T
        self._pieces.append(data)

    def finish(self) -> None:
        sample, rate = self._kind[0].removesuffix("p"), self._kind[2]
        whole = np.concatenate(self._pieces, axis=1).astype(np.float32)
        if sample == "u8":
            whole -= FULL_SCALE[sample]
        mono = whole.mean(axis=0, keepdims=True) / np.float32(FULL_SCALE.get(sample, 1.0))
        frame = av.AudioFrame.from_ndarray(mono, format="flt", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format="flt", layout="mono", rate=self._rate)
        self._place([*resampler.resample(frame), *resampler.resample(None)], 1.0)


class _Mixed(_Stretch):
    """Any other layout: mixed by FFmpeg, frame by frame.

    Arrays of eight channels or more are left alone: PyAV 18 reads past the end of such frames.
    """

    def __init__(self, *where) -> None:
        super().__init__(*where)
        self._resampler = av.AudioResampler(format="s32", layout="mono", rate=self._rate)

    def _add(self, frame: av.AudioFrame) -> None:
        frame.pts = None
        self._place(self._resampler.resample(frame), FULL_SCALE["s32"])

    def finish(self) -> None:
        self._place(self._resampler.resample(None), FULL_SCALE["s32"])


def _kind(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
