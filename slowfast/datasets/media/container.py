"""One media file opened through PyAV: which streams are read, and packets from a place in them.

Everything that opening, seeking and decoding can raise leaves this package as a ``MediaError``
with the name of the file (:func:`media_errors`).
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.stream import Disposition

from slowfast.datasets.media.mp4 import MaskedFile, layout_misleads, read_mp4_boxes
from slowfast.datasets.media.options import MediaOptions
from slowfast.utils.errors import MediaError, SlowFastError
from slowfast.utils.remote import is_remote, open_binary

# Formats that hold streams themselves. FFmpeg also knows play lists and scripts (concat, hls,
# dash, image2, lavfi ...), which would give the frames of other files.
FORMATS = (
    "aac,ac3,aiff,amr,ape,apng,asf,au,av1,avi,caf,dts,dv,eac3,flac,flv,live_flv,gif,gxf,h261,h263,"
    "h264,hevc,ivf,m4v,matroska,mjpeg,mlv,mov,mp3,mpeg,mpegts,mpegvideo,mxf,nsv,nut,obu,ogg,rm,"
    "roq,rpl,swf,tak,tta,vc1,voc,w64,wav,webm_dash_manifest,wtv,wv,yuv4mpegpipe"
)
OPEN_SECONDS = 20.0
# What PyAV raises on damaged files, apart from its own errors: streams that appear late, names
# that are not text, sizes that overflow, codecs without a decoder.
BROKEN = (
    *(av.FFmpegError, OSError, EOFError, ValueError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, RuntimeError, MemoryError, SystemError, AssertionError),
)
STILLS = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
STILL_CODECS = {"png", "bmp", "webp", "tiff", "mjpeg", "jpeg2000", "ljpeg"}


@contextmanager
def media_errors(path: str | Path, what: str) -> Iterator[None]:
    """Turn whatever a damaged file makes PyAV raise into a ``MediaError``."""
    try:
        yield
    except SlowFastError:
        raise
    except BROKEN as error:
        raise MediaError(f"{path}: {what} ({reason_of(error)}).") from error


def reason_of(error: BaseException) -> str:
    """Return FFmpeg's words for an error, or the exception's own."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def name_of(path: str | Path) -> str | Path:
    """Return a path as it is kept: as text where it is not one of this machine's disk."""
    return str(path) if is_remote(path) else Path(path)


class Container:
    """An open media file.

    Args:
        path: a regular file in one of ``FORMATS``, here or elsewhere (:mod:`slowfast.utils.remote`).
        options: limits and threads.

    Attributes:
        size: bytes of the file.
        boxes: what the boxes of an MP4 say.
        moved: whether packets were read since the file was opened.
        video, audio: the streams that are read, or None; a new object after :meth:`rewind`.
        unsupported: codecs of streams that this FFmpeg cannot decode.

    Raises:
        MediaError: missing, empty or unreadable file, or one without any stream to decode.
    """

    def __init__(self, path: str | Path, options: MediaOptions) -> None:
        self.path, self.options = name_of(path), options
        self._input, self._file = None, None
        self.start_clock()
        try:
            with media_errors(self.path, "not readable as media"):
                self._look_into_file()
                self._check_claims()
                self._open()
                self._choose_streams()
        except MediaError:
            self.close()
            raise

    def _look_into_file(self) -> None:
        """Learn size and boxes; files that lie elsewhere stay open to be read from."""
        here = isinstance(self.path, Path)
        try:
            if here and not self.path.is_file() and self.path.exists():
                raise MediaError(f"{self.path}: not a regular file.")
            self._file = open_binary(self.path, self.options.cache)
        except FileNotFoundError as error:
            reason = "" if here else f" ({error})"
            raise MediaError(f"{self.path}: no such file{reason}.") from error
        self.size = self._file.seek(0, io.SEEK_END)
        if self.size == 0:
            raise MediaError(f"{self.path}: the file is empty (0 bytes).")
        self.boxes = read_mp4_boxes(self._file, self.size)
        if layout_misleads(self.path, self.boxes):
            layouts = self.boxes.layouts
            self._file = MaskedFile(self._file, str(self.path), self.size, layouts)
        elif here:
            self._file.close()
            self._file = None

    def _check_claims(self) -> None:
        if self.boxes.problem:
            raise MediaError(f"{self.path}: damaged: {self.boxes.problem}.")
        if self.boxes.end > self.size:
            raise MediaError(
                f"{self.path}: has {self.size} of {self.boxes.end} bytes; the file is cut off."
            )
        if self.boxes.samples > self.options.max_frames:
            self.refuse_frames(self.boxes.samples)

    def refuse_frames(self, count: int) -> None:
        """Raise: more frames than ``DATA.MAX_FRAMES`` admits."""
        raise MediaError(
            f"{self.path}: claims {count} frames; DATA.MAX_FRAMES admits {self.options.max_frames}."
        )

    def _open(self) -> None:
        source = self._file or os.path.abspath(self.path)  # FFmpeg takes "a:b.mp4" for an address
        if self._file is not None:
            self._file.seek(0)
        # Stream titles may hold bytes that are not UTF-8 (HMDB51 does).
        self._input = av.open(
            source,
            metadata_errors="ignore",
            container_options={"format_whitelist": FORMATS},
            timeout=(OPEN_SECONDS, self.options.timeout or None),
        )
        self.moved = False

    def _choose_streams(self) -> None:
        self.unsupported: list[str] = []
        self._video = self._choose("video")
        self._audio = self._choose("audio")
        if self._video is None and self._audio is None:
            found = f" that can be decoded ({', '.join(self.unsupported)})"
            raise MediaError(
                f"{self.path}: the file holds neither a video nor an audio stream"
                f"{found if self.unsupported else ''}."
            )
        self._prepare()

    def _choose(self, kind: str) -> int | None:
        """Return the index of the stream that a player would show: no cover, no still image."""
        able = []
        for stream in getattr(self._input.streams, kind):
            if stream.codec_context is None:
                self.unsupported.append(f"a {kind} stream in a codec unknown to FFmpeg")
            else:
                able.append(stream)
        moving = [stream.index for stream in able if not _is_still(stream)]
        if len(moving) > 1 and kind == "video":
            moving = self._with_several_packets(moving) or moving
        moving = moving or [stream.index for stream in able]
        best = self._input.streams.best(kind)
        if best is not None and best.index in moving:
            return best.index
        return moving[0] if moving else None

    def _with_several_packets(self, indices: list[int]) -> list[int]:
        """Return the streams that hold more than one frame."""
        counts = dict.fromkeys(indices, 0)
        for packet in self._input.demux([self._input.streams[k] for k in indices]):
            self.check_clock()
            if packet.size and packet.stream.index in counts:
                counts[packet.stream.index] += 1
        self._input.close()
        self._open()
        return [index for index, count in counts.items() if count > 1]

    def _prepare(self) -> None:
        if self.video is not None:
            context = self.video.codec_context
            context.thread_count = self.options.threads
            context.thread_type = "SLICE" if self.options.threads == 1 else "AUTO"
            context.options = {**context.options, "max_pixels": str(self.options.max_pixels)}

    @property
    def video(self) -> av.VideoStream | None:
        """The video stream that is read."""
        return None if self._video is None else self._input.streams[self._video]

    @property
    def audio(self) -> av.AudioStream | None:
        """The audio stream that is read."""
        return None if self._audio is None else self._input.streams[self._audio]

    @property
    def format(self) -> str:
        """FFmpeg's names of the container format."""
        return self._input.format.name

    @property
    def is_plain_file(self) -> bool:
        """Whether FFmpeg reads the file from this machine's disk, as it is."""
        return self._file is None

    @property
    def start(self) -> Fraction:
        """When the container begins by its header, in seconds."""
        return Fraction(self._input.start_time or 0, av.time_base)

    @property
    def end(self) -> float | None:
        """When the container ends by its header, in seconds."""
        if self._input.duration is None:
            return None
        return ((self._input.start_time or 0) + self._input.duration) / av.time_base

    @property
    def claimed_seconds(self) -> float:
        """How long the file lasts by its header, 0 where that is silent.

        FFmpeg trusts the tables of frames more than an MP4's movie header, other players do not.
        """
        return max((self._input.duration or 0) / av.time_base, self.boxes.seconds)

    def start_clock(self) -> None:
        """Begin to count the seconds that a call may take."""
        self._began = time.monotonic()

    def check_clock(self) -> None:
        """Raise if the call has taken longer than ``DATA.READ_TIMEOUT``."""
        limit = self.options.timeout
        if limit and time.monotonic() - self._began > limit:
            raise MediaError(
                f"{self.path}: reading it took longer than DATA.READ_TIMEOUT = {limit:g} s."
            )

    def packets(self, *streams: av.stream.Stream) -> Iterator[av.Packet]:
        """Yield the packets of streams from here, at last the empty ones that end decoding."""
        self.moved = True
        for packet in self._input.demux(streams):
            self.check_clock()
            yield packet

    def packets_from(self, seconds: Fraction, *streams: av.stream.Stream) -> Iterator[av.Packet]:
        """Yield packets from a time on or earlier; from the start where no seek works."""
        tick = self.video.time_base
        target, indices = int(seconds / tick), [stream.index for stream in streams]
        _, landed = self.packets_before(self._video, [target], lambda time: time <= target)
        if landed is not None:  # the key frame was taken out to be looked at
            self._input.seek(target, stream=self.video)
        return self.packets(*(self._input.streams[index] for index in indices))

    def packets_before(
        self, index: int, places: Iterable[int], accept: Callable[[int], bool]
    ) -> tuple[Iterator[av.Packet], int | None]:
        """Seek to a packet from which decoding can begin.

        Where a seek lands is looked at: containers seek by decoding times, by display times or to
        packets that are not key frames. Each place is tried once; where none does, the file is
        opened again and read from its start.

        Args:
            index: of the stream.
            places: where to seek to, in ticks, one after the other.
            accept: whether a key frame of this time, in ticks, will do.

        Returns:
            the packets, and the time of the first one, or None at the start of the file.
        """
        for place in places:
            stream = self._input.streams[index]
            try:
                self._input.seek(int(place), stream=stream)
                packets = self.packets(stream)
                first = next((p for p in packets if p.is_keyframe and p.size), None)
            except av.FFmpegError:
                continue
            if first is not None:
                at = time_of(first)
                if at is not None and accept(at):
                    return chain([first], packets), at
        self.rewind()
        return self.packets(self._input.streams[index]), None

    def rewind(self) -> None:
        """Go to the very start by opening the file again; not every format can seek there."""
        self._input.close()
        self._open()
        self._prepare()

    def close(self) -> None:
        """Release the file."""
        if self._input is not None:
            self._input.close()
        if self._file is not None:
            self._file.close()


def time_of(packet: av.Packet) -> int | None:
    """Return when a packet is shown, in ticks; formats without display times have the other."""
    return packet.dts if packet.pts is None else packet.pts


def _is_still(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & STILLS) or stream.codec_context.name in STILL_CODECS
