"""Film strips: a few frames of a file beside each other, and tables of them."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from slowfast.datasets.media import open_media
from slowfast.utils.errors import MediaError
from slowfast.visualization import page

MOST_ROWS = 120  # of pixels: larger frames are shown smaller
QUALITY = 88


@dataclass
class Strip:
    """A file in a table.

    Attributes:
        frames: uint8 ``(T, H, W, 3)``, or None where the file cannot be shown.
        lines: what stands above them.
        framed: whether it is what was looked for.
    """

    frames: np.ndarray | None
    lines: Sequence[str]
    framed: bool = False


def read_strip(path: str, count: int) -> np.ndarray | None:
    """Return frames spread evenly over a file, uint8 ``(count, H, W, 3)``; None if it has none."""
    try:
        with open_media(path) as media:
            if media.video is None:
                return None
            places = np.linspace(0, media.video.num_frames - 1, count).astype(int)
            return media.read_frames(places.tolist()).permute(0, 2, 3, 1).numpy()
    except (MediaError, OSError):
        return None


def strip_table(rows: Sequence[Sequence[Strip]], header: Sequence[str] = ()) -> str:
    """Return a table of film strips.

    Args:
        rows: such as a query, then what was found for it.
        header: column titles.
    """
    head = "".join(f"<th>{html.escape(title)}</th>" for title in header)
    body = "".join(f"<tr>{''.join(_cell(strip) for strip in row)}</tr>" for row in rows)
    first = f"<tr>{head}</tr>" if head else ""
    return f'<table class="strips">{first}{body}</table>'


def _cell(strip: Strip) -> str:
    lines = [line for line in strip.lines if line]
    shown = "<em>cannot be shown</em>"
    if strip.frames is not None:
        shown = page.image(_jpeg(strip.frames), lines[0], "jpeg")
    words = "".join(f"{html.escape(line)}<br>" for line in lines)
    kind = ' class="framed"' if strip.framed else ""
    return f"<td{kind}>{words}{shown}</td>"


def _jpeg(frames: np.ndarray) -> bytes:
    """Draw the frames beside each other, with white lines between them."""
    gap = max(1, frames.shape[2] // 40)
    spaced = np.pad(frames, ((0, 0), (0, 0), (0, gap), (0, 0)), constant_values=255)
    image = Image.fromarray(np.concatenate(list(spaced), axis=1)[:, :-gap])
    image.thumbnail((image.width, MOST_ROWS))
    buffer = io.BytesIO()
    image.save(buffer, format="jpeg", quality=QUALITY)
    return buffer.getvalue()
