"""Video and audio of one file through PyAV.

Only what a clip needs is decoded: a seek to the key frame before the first wanted frame, one
forward pass, and a colour conversion for the wanted frames alone. Whatever a seek or an index
says, the frames that come out are compared with the table of times; where they contradict it, a
slower and surer way takes over (:mod:`slowfast.datasets.media.frame_table`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import torch

from slowfast.datasets.media.base import FrameTransform, Media
from slowfast.datasets.media.container import Container, media_errors, reason_of, time_of
from slowfast.datasets.media.display import FrameConverter
from slowfast.datasets.media.frame_table import (
    rate_of,
    table_from_decoding,
    table_from_header,
    table_from_packets,
)
from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.datasets.media.options import DEFAULT_OPTIONS, MediaOptions
from slowfast.datasets.media.torchcodec_frames import TorchcodecFrames
from slowfast.datasets.media.waveform import TimedFrame, frames_from, read_waveform
from slowfast.utils.errors import MediaError

Decoded = tuple[av.VideoFrame, bool]  # a frame, and whether it is damaged

# A header may promise a little more than the stream holds; past this the file counts as cut off.
MISSING_SECONDS = 0.5
MISSING_FRACTION = 0.05
MATROSKA_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
# A seek inside the pass pays only where it jumps over this many seconds of frames.
SEEK_AHEAD_SECONDS = 1.0


class TableMismatchError(Exception):
    """The frames that came out are not those of the table."""


class VideoFile(Media):
    """One open media file; close it, or use it in a ``with`` statement.

    Args:
        path: a regular file in a container and codec that FFmpeg knows.
        options: limits, threads and what damaged frames are worth.

    Attributes:
        video: facts of the video stream that a player would show, or None.
        audio: facts of the best audio stream, or None.
        slow: why frames can only be reached by decoding from the start; empty where a seek works.

    Raises:
        MediaError: missing, empty or unreadable file, one that claims more than the limits admit,
            or one with neither video nor audio.
    """

    def __init__(self, path: str | Path, options: MediaOptions = DEFAULT_OPTIONS) -> None:
        self.options = options
        self._torchcodec: TorchcodecFrames | None = None
        self._container = Container(path, options)
        self.path = self._container.path
        try:
            with media_errors(self.path, "not readable as media"):
                self.audio = self._audio_info()
                if self._container.video is not None:
                    self._open_video()
        except BaseException:
            self._container.close()
            raise

    def _open_video(self) -> None:
        context = self._container.video.codec_context
        if not context.width or not context.height:
            raise MediaError(f"{self.path}: the video stream has no frame size.")
        if context.width * context.height > self.options.max_pixels:
            raise MediaError(
                f"{self.path}: frames of {context.width} x {context.height} pixels; "
                f"DATA.MAX_FRAME_PIXELS admits {self.options.max_pixels}."
            )
        if self.options.torchcodec:
            self._torchcodec = TorchcodecFrames(self._container)
        self._convert = FrameConverter(context.width, context.height, self.options.threads)
        self._ways = [table_from_header, table_from_packets, table_from_decoding]
        self._promised = 0
        self._next_table()

    def _next_table(self) -> None:
        """Take the cheapest way not tried yet to know when each frame is shown."""
        table = None
        with media_errors(self.path, "cannot be decoded"):
            while table is None and self._ways:
                if self._container.moved:
                    self._container.rewind()
                table = self._ways.pop(0)(self._container)
        if table is None or not len(table.times):
            raise MediaError(f"{self.path}: the video stream holds no frame.")
        if not table.seekable:
            self.slow = "its frames can only be counted from the start"
        self._table = table
        self._set_video_info()

    def _set_video_info(self) -> None:
        table, stream = self._table, self._container.video
        tick = float(stream.time_base)
        fps = rate_of(self._container, table)
        if not fps:
            raise MediaError(f"{self.path}: no frame rate in the header and one frame only.")
        self.video = VideoInfo(
            fps=fps,
            num_frames=len(table.times),
            start=float(table.times[0]) * tick,
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            codec=stream.codec_context.name,
            times=None if table.is_even() else (table.times - table.times[0]) * tick,
        )
        if self.video.duration > self.options.max_seconds:
            raise MediaError(
                f"{self.path}: lasts {self.video.duration:.0f} s; DATA.MAX_SECONDS admits "
                f"{self.options.max_seconds:g} s."
            )
        self._check_end()

    def _check_end(self) -> None:
        """Refuse a file whose index promised well more than its stream holds."""
        self._promised = max(self._promised, self.video.num_frames)
        missing = (self._promised - self.video.num_frames) / self.video.fps
        if missing > max(MISSING_SECONDS, MISSING_FRACTION * self._promised / self.video.fps):
            raise MediaError(
                f"{self.path}: frames end at {self.video.duration:.2f} s although the header "
                f"promises {self.video.duration + missing:.2f} s; the file is cut off or damaged."
            )

    def _audio_info(self) -> AudioInfo | None:
        stream = self._container.audio
        if stream is None:
            return None
        context = stream.codec_context
        start = float((stream.start_time or 0) * stream.time_base)
        if stream.duration is not None:
            duration = float(stream.duration * stream.time_base)
        else:
            duration = self._end_without_header(stream) - start
        return AudioInfo(context.rate, context.channels, start, duration, context.name)

    def _end_without_header(self, stream: av.AudioStream) -> float:
        """Return when a stream ends whose format has no field for it, in seconds.

        FFmpeg writes it as a tag into Matroska files; otherwise the container's end must do.
        """
        tag = MATROSKA_TIME.fullmatch(stream.metadata.get("DURATION", ""))
        if tag is not None:
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        end = self._container.end
        return math.nan if end is None else end

    def read_frames(
        self, indices: Sequence[int], transform: FrameTransform | None = None
    ) -> torch.Tensor:
        """Return frames by number in one forward pass.

        Args:
            indices: frame numbers in the order of a straight decode, from 0, in any order and
                with repeats; numbers outside the video are clamped to its ends.
            transform: applied once to each distinct frame ``(3, H, W)`` as it is decoded, so
                that a long list of frames need not be held at full size.

        Returns:
            uint8 tensor ``(T, 3, H, W)``, RGB, channels last in memory, as the display matrix shows it; frames whose size
            changes in the middle of a file are scaled to that of the video.

        Raises:
            MediaError: no video stream, a decoding error, a frame marked as damaged
                (``DATA.CORRUPT_FRAMES drop``), or a stream that ends well before the frame that
                the header promises.
        """
        if self.video is None:
            reasons = "; ".join(self._container.unsupported)
            raise MediaError(
                f"{self.path}: the file has no video stream"
                f"{f' that can be decoded ({reasons})' if reasons else ''}."
            )
        self._container.start_clock()
        while True:
            last = self.video.num_frames - 1
            wanted = [min(max(int(i), 0), last) for i in indices]
            unique = sorted(set(wanted))
            try:
                images = self._read(unique, transform or _unchanged)
                break
            except TableMismatchError as mismatch:
                if not self._ways:
                    raise MediaError(f"{self.path}: cannot be decoded ({mismatch}).") from mismatch
                self._next_table()
        position = {frame: row for row, frame in enumerate(unique)}
        images = [images[position[i]] for i in wanted]
        if transform is not None:
            return torch.stack(images)
        # Colour stays innermost in memory, as FFmpeg stores it: crops and resizing are faster so.
        return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)

    def _read(self, frames: list[int], transform: FrameTransform) -> list[torch.Tensor]:
        """Decode forwards and return one transformed frame per number.

        Raises:
            TableMismatchError: a frame of the table did not come.
        """
        if self._torchcodec is not None:
            images = self._torchcodec.read(self._table, frames, transform)
            if images is not None:
                return images
        wanted = self._table.times[frames] if self._table.seekable else np.asarray(frames, float)
        slack = self._table.slack
        images: list[torch.Tensor] = []
        damaged = False
        with media_errors(self.path, "cannot be decoded"):
            for frame, is_damaged, at in self._frames_for(wanted, images):
                # What refers to a damaged frame is damaged too.
                damaged = is_damaged or (damaged and not frame.key_frame)
                if at < wanted[len(images)] - slack:
                    continue
                if at > wanted[len(images)] + slack:
                    raise TableMismatchError("a frame is not where the index says")
                if damaged and not self.options.keep_corrupt:
                    self._refuse_damage(frames[len(images)])
                images.append(transform(self._convert(frame)))
                if len(images) == len(wanted):
                    return images
        raise TableMismatchError(
            "no frame could be decoded" if not images else "frames are missing"
        )

    def _refuse_damage(self, number: int) -> None:
        if self._table.seekable and self._ways:  # after a seek a marked frame may yet be whole
            raise TableMismatchError("a frame is marked as damaged")
        raise MediaError(
            f"{self.path}: frame {number} is damaged; DATA.CORRUPT_FRAMES keep would use it."
        )

    def _frames_for(
        self, wanted: np.ndarray, done: list[torch.Tensor]
    ) -> Iterator[tuple[av.VideoFrame, bool, float]]:
        """Yield frames, their damage and time (or number), jumping over gaps between wanted ones."""
        if not self._table.seekable:
            self._container.rewind()
            packets = self._container.packets(self._container.video)
            yield from ((*decoded, float(k)) for k, decoded in enumerate(_decode(packets)))
            return
        ahead = SEEK_AHEAD_SECONDS / float(self._container.video.time_base)
        jumped = -1  # for which of the wanted frames a jump was tried: once each
        frames = self._frames_from(wanted[0])
        while True:
            frame, damaged = next(frames, (None, False))
            if frame is None:
                return
            at = float(frame.pts) if frame.pts is not None else math.nan
            if math.isnan(at):
                raise TableMismatchError("a frame has no time")
            yield frame, damaged, at
            target = wanted[len(done)]
            if target - at > ahead and jumped < len(done):
                row = self._table.key_before(target)
                if row >= 0 and self._table.key_times[row] > at + self._table.slack:
                    frames, jumped = self._frames_from(target), len(done)

    def _frames_from(self, target: float) -> Iterator[Decoded]:
        table = self._table
        packets, landed = self._container.packets_before(
            self._container.video.index,
            table.seek_places(target),
            lambda time: table.can_begin_at(time, target),
        )
        frames = _decode(packets)
        if landed is None:
            self.slow = self.slow or "no seek in it lands where it should"
            yield from frames
            return
        try:
            yield from self._from_key_frame(frames, landed)
        except av.FFmpegError as error:  # decoding from the start may not meet it
            raise TableMismatchError(reason_of(error)) from error

    def _from_key_frame(self, frames: Iterator[Decoded], landed: int) -> Iterator[Decoded]:
        """Yield the frames from a key frame on; those before it lack what they refer to."""
        slack, first = self._table.slack, self._table.first_from(landed)
        begun = False
        for frame, damaged in frames:
            begun = begun or frame.pts is None
            if begun:
                yield frame, damaged
                continue
            if frame.pts < landed - slack:
                continue
            if frame.pts > first + slack:
                # A stream refreshed bit by bit has no whole frame there.
                raise TableMismatchError("decoding cannot begin at a key frame")
            if frame.pts <= landed + slack and not frame.key_frame:
                raise TableMismatchError("what the container calls a key frame is none")
            begun = True
            yield frame, damaged

    @property
    def claimed_seconds(self) -> float:
        """How long the file lasts by the header of its container; 0 where that is silent."""
        return self._container.claimed_seconds

    def count_frames(self) -> int:
        """Decode everything and return how many frames are shown.

        Raises:
            MediaError: a frame is damaged (``DATA.CORRUPT_FRAMES drop``) or cannot be decoded.
        """
        self._container.start_clock()
        self._container.rewind()
        count = 0
        with media_errors(self.path, "cannot be decoded"):
            for _, damaged in _decode(self._container.packets(self._container.video)):
                if damaged and not self.options.keep_corrupt:
                    raise MediaError(
                        f"{self.path}: frame {count} is damaged; DATA.CORRUPT_FRAMES keep would "
                        "use it."
                    )
                count += 1
        return count

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Return the audio of a window as float32 mono samples, the mean of the channels.

        Args:
            start: in seconds, on the clock of ``video.time_of``.
            duration: in seconds.
            rate: samples per second of the result.

        Returns:
            ``(round(duration * rate),)``; silence where the stream has no audio for that time.

        Raises:
            MediaError: no audio stream, or a decoding error.
        """
        if self.audio is None:
            raise MediaError(f"{self.path}: the file has no audio stream that can be decoded.")
        self._container.start_clock()
        with media_errors(self.path, "audio cannot be decoded"):
            return read_waveform(self._container, self.audio, start, duration, rate)

    def audio_frames(self) -> list[TimedFrame]:
        """Return all of the audio as it is decoded.

        Raises:
            MediaError: a decoding error.
        """
        self._container.start_clock()
        with media_errors(self.path, "audio cannot be decoded"):
            return list(frames_from(self._container, self.audio, self.audio.start))

    def close(self) -> None:
        """Release the file."""
        self._container.close()


def _decode(packets: Iterable[av.Packet]) -> Iterator[Decoded]:
    """Yield frames, and whether each was damaged: by the decoder's word, or by its packet's."""
    damaged_from = math.inf
    for packet in packets:
        if packet.is_corrupt and packet.size:
            at = time_of(packet)
            damaged_from = min(damaged_from, -math.inf if at is None else at)
        for frame in packet.decode():
            at = frame.pts if frame.pts is not None else math.inf
            damaged = frame.is_corrupt or at >= damaged_from
            if at >= damaged_from:
                damaged_from = math.inf
            yield frame, damaged


def _unchanged(frame: torch.Tensor) -> torch.Tensor:
    return frame
