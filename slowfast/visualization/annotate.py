"""Writing a video with boxes and words on its frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slowfast.datasets.media.encode import Encoding, MediaWriter
from slowfast.visualization.box_figures import LabelledBox
from slowfast.visualization.figures import COLORS, short

WORD_LENGTH = 40
MIN_HEIGHT = 360  # of a frame with words on it


def draw_boxes(frame: np.ndarray, boxes: Iterable[LabelledBox]) -> np.ndarray:
    """Return a copy of a frame, uint8 ``(H, W, 3)``, with boxes and their words.

    Small frames are enlarged a whole number of times, so that words leave something to see.
    """
    height, width = frame.shape[:2]
    times = max(1, round(MIN_HEIGHT / height))
    height, width = height * times, width * times
    image = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    size = max(10, height // 28)
    font = ImageFont.load_default(size)
    for place, drawn in enumerate(boxes):
        color = COLORS[place % len(COLORS)]
        x1, y1, x2, y2 = np.array(drawn.box) * [width, height, width, height]
        draw.rectangle([x1, y1, x2, y2], outline=color, width=max(2, height // 160))
        for line, word in enumerate(drawn.words):
            text = short(word, WORD_LENGTH)
            at = (x1 + 2, y1 + 2 + line * (size + 4))
            draw.rectangle(draw.textbbox(at, text, font=font), fill=color)
            draw.text(at, text, fill="white", font=font)
    return np.asarray(image)


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames, uint8 ``(H, W, 3)``, as H.264 and return how many there were.

    Odd rows and columns, which H.264 cannot hold, are cut off. The file appears when it is whole.
    """
    with MediaWriter(path, Encoding(gop=250, crf=20, preset="medium"), fps) as writer:
        for frame in frames:
            writer.add(frame)
    return writer.count
