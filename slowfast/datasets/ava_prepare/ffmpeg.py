"""Cutting and extracting with FFmpeg's program, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import av

from slowfast.datasets.ava_prepare.encoding import AUDIO_CODEC, VIDEO_CODEC, VIDEO_OPTIONS
from slowfast.utils.errors import MediaError

TOOLS = ("auto", "ffmpeg", "pyav")


@cache
def describe() -> str:
    """Return ``ffmpeg`` with its version, or nothing where it is missing or cannot encode H.264."""
    program = shutil.which("ffmpeg")
    if program is None:
        return ""
    done = [
        subprocess.run(
            [program, "-hide_banner", flag], capture_output=True, text=True, check=False
        ).stdout
        for flag in ("-version", "-encoders")
    ]
    if VIDEO_CODEC not in done[1]:
        return ""
    words = done[0].split()
    return f"ffmpeg {words[2]}" if words[:2] == ["ffmpeg", "version"] else "ffmpeg"


def choose_tool(tool: str) -> str:
    """Return who does the work, with the version, for one of :data:`TOOLS`.

    Raises:
        MediaError: ffmpeg was asked for and is not there.
    """
    found = describe()
    if tool == "ffmpeg" and not found:
        raise MediaError(
            f"no program ffmpeg with the encoder {VIDEO_CODEC} was found on PATH. Install it, or "
            "use PyAV: --tool pyav."
        )
    return found if found and tool != "pyav" else f"pyav {av.__version__}"


def cut(source: Path, target: Path, start: float, length: float, threads: int) -> str:
    """Write ``length`` seconds from ``start`` as an MP4; return what FFmpeg complained of.

    Raises:
        MediaError: FFmpeg failed.
    """
    encoder = [word for key, value in VIDEO_OPTIONS.items() for word in (f"-{key}", value)]
    return _run(
        source,
        # Before the input, both count exactly and do not decode what comes earlier.
        ["-ss", f"{start:.6f}", "-t", f"{length:.6f}"],
        ["-sn", "-dn", "-c:v", VIDEO_CODEC, *encoder]
        + ["-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p"]
        # Fine enough not to move pictures to a grid of their rate that begins at 0.
        + ["-enc_time_base", "1:90000", "-threads", str(threads), "-c:a", AUDIO_CODEC]
        + ["-movflags", "+faststart", "-f", "mp4", str(target)],
    )


def extract(source: Path, folder: Path, name: str, rate: int, threads: int) -> str:
    """Write pictures ``name_%06d.jpg`` at a constant rate; return what FFmpeg complained of.

    The filter does what ``-r`` does up to ``rate`` pictures per second; with more, ``-r`` drifts.

    Raises:
        MediaError: FFmpeg failed.
    """
    pattern = f"{folder / name}".replace("%", "%%") + "_%06d.jpg"
    return _run(
        source,
        ["-threads", str(threads)],
        ["-an", "-sn", "-dn", "-vf", f"fps={rate}:start_time=0", "-q:v", "1", pattern],
    )


def _run(source: Path, before: list[str], after: list[str]) -> str:
    program = shutil.which("ffmpeg") or "ffmpeg"
    words = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    done = subprocess.run(
        [*words, *before, "-i", str(source), *after],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    complaint = " ".join(done.stderr.split())[-300:]
    if done.returncode:
        raise MediaError(f"{source}: ffmpeg failed with status {done.returncode}: {complaint}")
    return complaint
