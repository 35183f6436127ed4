"""Video and sound of one file through PyAV.

Only what a clip needs is decoded: a seek to the key frame before the first wanted frame, one
forward walk, and a colour conversion for the wanted frames alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter

from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.datasets.media.waveform import read_waveform
from slowfast.utils.errors import MediaError

PictureTransform = Callable[[torch.Tensor], torch.Tensor]

# A header may promise a little more than the stream holds; past this the file counts as cut off.
MISSING_SECONDS = 0.5
MISSING_FRACTION = 0.05
MATROSKA_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
# A seek inside the walk pays only where it jumps over this many seconds of frames.
SEEK_AHEAD_SECONDS = 1.0


class VideoFile:
    """One open media file; close it, or use it in a ``with`` statement.

    Args:
        path: file in any container and codec that FFmpeg knows.
        threads: codec threads, 0 = FFmpeg's choice.

    Attributes:
        video: facts of the best video stream, or None.
        audio: facts of the best audio stream, or None.

    Raises:
        MediaError: missing, empty or unreadable file, or one with neither video nor audio.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self.path = Path(path)
        self._threads = threads
        self._reformatter = VideoReformatter()
        self._container = self._open()
        try:
            self._video = self._container.streams.best("video")
            self._audio = self._container.streams.best("audio")
            if self._video is None and self._audio is None:
                raise MediaError(f"{path}: the file holds neither a video nor an audio stream.")
            self.video = self._video_info() if self._video is not None else None
            self.audio = self._audio_info() if self._audio is not None else None
        except BaseException:
            self._container.close()
            raise

    def _open(self) -> av.container.InputContainer:
        if not self.path.is_file():
            raise MediaError(f"{self.path}: no such file.")
        if self.path.stat().st_size == 0:
            raise MediaError(f"{self.path}: the file is empty (0 bytes).")
        try:
            # Stream titles may hold bytes that are not UTF-8 (HMDB51 does).
            return av.open(str(self.path), metadata_errors="ignore")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise MediaError(f"{self.path}: not readable as media ({_reason(error)}).") from error

    def _video_info(self) -> VideoInfo:
        stream = self._video
        stream.codec_context.thread_count = self._threads
        stream.codec_context.thread_type = "SLICE" if self._threads == 1 else "AUTO"
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        count, start = stream.frames, stream.start_time
        if not rate or not count or start is None:
            rate, count, start = self._probe_packets(rate)
        if not stream.codec_context.width or not stream.codec_context.height:
            raise MediaError(f"{self.path}: the video stream has no picture size.")
        return VideoInfo(
            fps=float(rate),
            num_frames=count,
            start=float(start * stream.time_base),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            codec=stream.codec_context.name,
        )

    def _probe_packets(self, rate: float | None) -> tuple[float, int, int]:
        """Return rate, frame count and first pts by walking the packets, without decoding."""
        stream = self._video
        try:
            times = [p.pts for p in self._container.demux(stream) if p.pts is not None and p.size]
            if times:  # an empty stream cannot be rewound
                self._container.seek(0)
        except av.FFmpegError as error:
            raise MediaError(f"{self.path}: damaged stream ({_reason(error)}).") from error
        if not times:
            raise MediaError(f"{self.path}: the video stream holds no frame.")
        span = float((max(times) - min(times)) * stream.time_base)
        if not rate:
            if span <= 0:
                raise MediaError(f"{self.path}: no frame rate in the header and one frame only.")
            rate = (len(times) - 1) / span
        return float(rate), len(times), min(times)

    def _audio_info(self) -> AudioInfo:
        stream, context = self._audio, self._audio.codec_context
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
        if self._container.duration is None:
            return math.nan
        return ((self._container.start_time or 0) + self._container.duration) / av.time_base

    def read_frames(
        self, indices: Sequence[int], transform: PictureTransform | None = None
    ) -> torch.Tensor:
        """Return frames by number in one forward pass.

        Args:
            indices: frame numbers counted from 0 at ``video.start`` with ``video.fps``, in any
                order and with repeats; numbers outside the video are clamped to its ends.
            transform: applied once to each distinct picture ``(3, H, W)`` as it is decoded, so
                that a long list of frames need not be held at full size.

        Returns:
            uint8 tensor ``(T, 3, H, W)``, RGB, display rotation applied.

        Raises:
            MediaError: no video stream, a decoding error, or the stream ends well before the
                frame that the header promises.
        """
        if self.video is None:
            raise MediaError(f"{self.path}: the file has no video stream.")
        last = self.video.num_frames - 1
        wanted = [min(max(int(i), 0), last) for i in indices]
        unique = sorted(set(wanted))
        try:
            pictures = self._walk(unique, transform or _unchanged)
        except av.FFmpegError as error:
            raise MediaError(f"{self.path}: cannot be decoded ({_reason(error)}).") from error
        position = {frame: row for row, frame in enumerate(unique)}
        return torch.stack([pictures[position[i]] for i in wanted])

    def _walk(self, frames: list[int], transform: PictureTransform) -> list[torch.Tensor]:
        """Decode forwards and return one transformed picture per entry of ``frames``.

        Frame ``k`` is the first one shown later than half a period before its nominal time; where
        a variable-rate file has none near that time, the one still on screen is taken.
        """
        time_base = self._video.time_base
        period = 1.0 / (self.video.fps * float(time_base))
        first = round(self.video.start / float(time_base))
        targets = [first + frame * period for frame in frames]
        pictures: list[torch.Tensor] = []
        previous = None
        for frame in self._decode_from(targets):
            while len(pictures) < len(targets) and frame.pts > targets[len(pictures)] - period / 2:
                late = frame.pts > targets[len(pictures)] + period / 2
                chosen = previous if late and previous is not None else frame
                pictures.append(transform(self._picture(chosen)))
            previous = frame
            if len(pictures) == len(targets):
                return pictures
            self._next_target = targets[len(pictures)]
        self._check_end(targets[-1], previous)
        rest = transform(self._picture(previous))
        return pictures + [rest] * (len(targets) - len(pictures))

    def _decode_from(self, targets: list[float]) -> Iterator[av.VideoFrame]:
        """Yield decoded frames from the key frame before the first target, jumping over gaps."""
        self._next_target = targets[0]
        first = self._frames_after_seek(targets[0])
        ahead = SEEK_AHEAD_SECONDS / float(self._video.time_base)
        while True:
            for frame in first:
                if frame.pts is None:
                    continue
                yield frame
                gap = self._next_target - frame.pts
                if gap > ahead and self._key_frame_before(self._next_target) > frame.pts:
                    first = self._frames_after_seek(self._next_target)
                    break
            else:
                return

    def _frames_after_seek(self, target: float) -> Iterator[av.VideoFrame]:
        self._container.seek(int(target), stream=self._video)
        return in_display_order(self._container.decode(self._video), self._container.format.name)

    def _key_frame_before(self, target: float) -> float:
        entries = self._video.index_entries
        if len(entries) < 2:
            return -math.inf
        position = entries.search_timestamp(int(target), backward=True)
        return entries[position].timestamp if position >= 0 else -math.inf

    def _check_end(self, target: float, previous: av.VideoFrame | None) -> None:
        """Accept a last frame slightly before the header's promise, refuse a file cut short."""
        if previous is None:
            raise MediaError(f"{self.path}: no frame could be decoded.")
        missing = float((target - previous.pts) * self._video.time_base)
        if missing > max(MISSING_SECONDS, MISSING_FRACTION * self.video.duration):
            end = float(previous.pts * self._video.time_base) - self.video.start
            raise MediaError(
                f"{self.path}: pictures end at {end:.2f} s although the header promises "
                f"{self.video.duration:.2f} s; the file is cut off or damaged."
            )

    def _picture(self, frame: av.VideoFrame) -> torch.Tensor:
        # Left alone, FFmpeg starts a thread per core for each small picture.
        picture = self._reformatter.reformat(frame, format="rgb24", threads=self._threads)
        array = picture.to_ndarray()
        turns = round(frame.rotation / 90) % 4
        if turns:
            array = np.rot90(array, turns).copy()
        return torch.from_numpy(array).permute(2, 0, 1)

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Return the sound of a window as float32 mono samples.

        Args:
            start: in seconds, on the clock of ``video.time_of``.
            duration: in seconds.
            rate: samples per second of the result.

        Returns:
            ``(round(duration * rate),)``; silence where the stream has no sound for that time.

        Raises:
            MediaError: no audio stream, or a decoding error.
        """
        if self.audio is None:
            raise MediaError(f"{self.path}: the file has no audio stream.")
        try:
            return read_waveform(self._container, self._audio, start, duration, rate)
        except av.FFmpegError as error:
            raise MediaError(f"{self.path}: sound cannot be decoded ({_reason(error)}).") from error

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_display_order(frames: Iterable[av.VideoFrame], container: str) -> Iterator[av.VideoFrame]:
    """Yield decoded frames with ascending times.

    AVI stores no display times. With B-frames (most of HMDB51, half of UCF101) FFmpeg's guesses
    are swapped between neighbours, while the frames themselves come in the right order.
    """
    held = None
    for frame in frames:
        if container != "avi" or frame.pts is None:
            yield frame
            continue
        if held is not None:
            if frame.pts < held.pts:
                held.pts, frame.pts = frame.pts, held.pts
            yield held
        held = frame
    if held is not None:
        yield held


def _unchanged(picture: torch.Tensor) -> torch.Tensor:
    return picture


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
