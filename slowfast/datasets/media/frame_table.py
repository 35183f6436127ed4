"""When each frame of a video stream is shown: by the header, by the packets, or by decoding it.

The truth is what a straight decode shows. Decoding everything is the slow way to know it, so that
cheaper ones are tried first: the index of an ordinary MP4, then the times of the packets. Where
the frames that come out contradict such a table, the reader tries the next way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slowfast.datasets.media.container import Container, time_of

MP4_FORMAT = "mov,mp4,m4a,3gp,3g2,mj2"
# Codecs whose key frames may be followed by frames shown earlier.
OPEN_GOP_CODECS = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "vvc"}
# Formats that are cut anywhere, without a table of what they hold.
STREAMED_FORMATS = {"mpegts", "mpeg"}
# A header's average rate is kept where it counts this share of the frames, or four, wrong at most:
# where a copy was cut, some B-frames are missing.
RATE_SLACK = 0.02


@dataclass(frozen=True)
class FrameTable:
    """Times of the frames of a stream, in its ticks.

    Attributes:
        times: (N,) float, ascending; one per frame shown.
        key_times, key_seeks: (K,) when the key frames are shown, and where to seek to reach them;
            empty where frames can only be counted from the start.
        slack: how much the time of a frame may differ from the table.
        estimated: whether the times of key frames are only near the true ones.
    """

    times: np.ndarray
    key_times: np.ndarray
    key_seeks: np.ndarray
    slack: float = 0.5
    estimated: bool = False

    @property
    def seekable(self) -> bool:
        """Whether decoding can begin in the middle."""
        return len(self.key_times) > 0

    @property
    def period(self) -> float | None:
        """Mean distance of two frames in ticks, or None for one frame."""
        span = float(self.times[-1] - self.times[0])
        return span / (len(self.times) - 1) if len(self.times) > 1 and span > 0 else None

    def is_even(self) -> bool:
        """Tell whether every frame lies within half a period of where an even rate puts it."""
        if self.period is None:
            return True
        even = self.times[0] + np.arange(len(self.times)) * self.period
        return bool(np.abs(self.times - even).max() <= self.period / 2)

    def first_from(self, time: float) -> float:
        """Return the time of the first frame shown at or after a time."""
        row = int(np.searchsorted(self.times, time - self.slack))
        return float(self.times[min(row, len(self.times) - 1)])

    def key_before(self, target: float) -> int:
        """Return the row of the last key frame at or before a time, -1 where there is none."""
        return int(np.searchsorted(self.key_times, target + self.slack, side="right")) - 1

    def can_begin_at(self, time: float, target: float) -> bool:
        """Tell whether a packet of this time is a key frame of the table, in time for a target.

        Other times come where a format stores few of them and FFmpeg counts on from the wrong one.
        """
        if time > target + self.slack:
            return False
        row = self.key_before(time)
        return self.estimated or (row >= 0 and abs(self.key_times[row] - time) <= self.slack)

    def seek_places(self, target: float) -> list[int]:
        """Return where to seek to decode a time: there, then its key frame, then earlier ones."""
        row = self.key_before(target)
        rows = [k for k in (row, row - 1, row - 3) if k >= 0]
        return [int(target + self.slack), *(int(self.key_seeks[k]) for k in rows)]


def table_from_header(container: Container) -> FrameTable | None:
    """Return the table of an MP4 whose index holds every frame, evenly spaced, none hidden."""
    stream = container.video
    if container.format != MP4_FORMAT or container.boxes.fragmented or stream.start_time is None:
        return None
    entries = stream.index_entries
    count = len(entries)
    if count < 2 or count != stream.frames:
        return None
    facts = [(e.timestamp, e.is_keyframe, e.is_discard) for e in entries]
    times = np.array([fact[0] for fact in facts], dtype=np.float64)
    keys = np.array([fact[1] for fact in facts])
    period = (times[-1] - times[0]) / (count - 1)
    even = times[0] + np.arange(count) * period
    hidden = any(fact[2] for fact in facts)
    if period <= 0 or hidden or not keys[0] or np.abs(times - even).max() > 1:
        return None
    if stream.duration is None or abs(stream.duration - count * period) > period / 2:
        return None
    # The index holds decoding times; frames are shown a constant delay later.
    delay = stream.start_time - times[0]
    shown = even + delay
    near = times[keys] + delay
    return FrameTable(shown, near, near, period / 2, estimated=True)


def table_from_packets(container: Container) -> FrameTable | None:
    """Return the table by the times of all packets, or None where those do not tell it.

    AVI stores no display times; with B-frames neither their order nor their number is known, since
    packed ones leave empty packets behind. VP8 has packets that only serve later frames.
    """
    stream = container.video
    codec = stream.codec_context.name
    if container.format == "avi" and stream.codec_context.has_b_frames:
        return None
    shown: list[int] = []
    keys: list[tuple[int, int]] = []
    for packet in container.packets(stream):
        if not packet.size or (codec == "vp8" and not bytes(packet)[0] & 0x10):
            continue
        at = time_of(packet)
        if at is None or not (keys or packet.is_keyframe):
            return None
        if packet.is_keyframe:
            keys.append((at, at if packet.dts is None else packet.dts))
        if not packet.is_discard:
            shown.append(at)
        if len(shown) > container.options.max_frames:
            container.refuse_frames(len(shown))
    times = np.array(sorted(shown), dtype=np.float64)
    if not len(times) or (np.diff(times) <= 0).any():
        return None
    keys.sort()
    # MP4 hides such frames by an edit list.
    may_lack_some = codec in OPEN_GOP_CODECS and container.format != MP4_FORMAT
    if may_lack_some and not _begins_at(container, times[0]):
        return None
    if container.format in STREAMED_FORMATS and not _ends_with(container, times, keys[-1]):
        return None
    return FrameTable(times, *np.array(keys, dtype=np.float64).T)


def _begins_at(container: Container, time: float) -> bool:
    """Tell whether the first frame shown is that of a time.

    A stream cut in an open group of pictures begins with frames that lack what they refer to.
    """
    container.rewind()
    for packet in container.packets(container.video):
        for frame in packet.decode():
            return frame.pts is not None and abs(frame.pts - time) < 1
    return False


def _ends_with(container: Container, times: np.ndarray, key: tuple[int, int]) -> bool:
    """Tell whether decoding from the last key frame shows all frames from there on.

    A recording that was cut off ends with half a frame, which counts as a packet.
    """
    packets, landed = container.packets_before(
        container.video.index, [key[0], key[1]], lambda time: time == key[0]
    )
    if landed is None:
        return False
    shown = [frame.pts for packet in packets for frame in packet.decode()]
    expected = times[times >= landed]
    return np.array_equal(sorted(at for at in shown if at is not None and at >= landed), expected)


def table_from_decoding(container: Container) -> FrameTable:
    """Return the table of a straight decode; its frames can be reached by counting only."""
    times: list[float] = []
    for packet in container.packets(container.video):
        for frame in packet.decode():
            last = times[-1] if times else 0.0
            times.append(float(frame.pts) if frame.pts is not None else last + 1)
            if len(times) > container.options.max_frames:
                container.refuse_frames(len(times))
    # AVI's guessed times are swapped between neighbours; the frames themselves come in order.
    return FrameTable(np.sort(np.array(times)), np.empty(0), np.empty(0))


def rate_of(container: Container, table: FrameTable) -> float:
    """Return frames per second: the header's average where the frames agree, else theirs.

    Returns 0 where nothing tells it: one frame and no rate.
    """
    stream = container.video
    header = float(stream.average_rate or 0)
    if table.period is None:
        return header or float(stream.guessed_rate or 0)
    gaps = len(table.times) - 1
    found = 1.0 / (table.period * float(stream.time_base))
    agrees = abs(header / found - 1) * gaps <= max(4.0, RATE_SLACK * gaps)
    return header if header and agrees else found
