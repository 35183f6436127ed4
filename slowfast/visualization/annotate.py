"""Writing a video with boxes and words on its pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slowfast.utils.files import TEMPORARY
from slowfast.visualization.box_figures import Drawn
from slowfast.visualization.figures import COLORS, short

WORD_LENGTH = 40
LEAST_HEIGHT = 360  # of a picture with words on it


def draw_boxes(picture: np.ndarray, boxes: Iterable[Drawn]) -> np.ndarray:
    """Return a copy of a picture, uint8 ``(H, W, 3)``, with boxes and their words.

    Small pictures are enlarged a whole number of times, so that words leave something to see.
    """
    height, width = picture.shape[:2]
    times = max(1, round(LEAST_HEIGHT / height))
    height, width = height * times, width * times
    image = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
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


def write_video(path: str | Path, pictures: Iterable[np.ndarray], fps: float) -> int:
    """Write pictures, uint8 ``(H, W, 3)``, as H.264 and return how many there were.

    Odd rows and columns, which H.264 cannot hold, are cut off. The file appears when it is whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}{TEMPORARY}{path.suffix}")
    count = 0
    try:
        with av.open(str(temporary), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            stream.pix_fmt, stream.options = "yuv420p", {"crf": "20"}
            for picture in pictures:
                height, width = (n - n % 2 for n in picture.shape[:2])
                if not count:
                    stream.width, stream.height = width, height
                frame = av.VideoFrame.from_ndarray(
                    np.ascontiguousarray(picture[:height, :width]), format="rgb24"
                )
                container.mux(stream.encode(frame))
                count += 1
            container.mux(stream.encode())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return count
