"""A user's own video with what its people do written on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from slowfast.datasets.lists.ava_boxes import read_box_lines
from slowfast.datasets.media import VideoFile, open_media
from slowfast.datasets.transforms.boxes import BoxTestGeometry, to_pixels
from slowfast.datasets.views import KeyframeView
from slowfast.engine.launch import device_of
from slowfast.engine.test import fill
from slowfast.evaluation.ava.label_map import read_label_map
from slowfast.tasks.detection import Detection
from slowfast.utils.errors import AnnotationError, MediaError
from slowfast.utils.logging import get_logger
from slowfast.visualization.box_figures import LabelledBox, draw_boxes, write_video

logger = get_logger(__name__)

# Returns the boxes (N, 4), as shares of the frame, of a second; the frame is its key frame.
BoxSource = Callable[[int, np.ndarray], np.ndarray]
FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class DisplayOptions:
    """What is written at a box.

    Attributes:
        top: actions at most.
        least_score: of an action.
    """

    top: int = 3
    least_score: float = 0.1


def boxes_of_file(
    path: str | Path, video: str, first_second: int = 0, least_score: float = 0.0
) -> BoxSource:
    """Return the boxes of a file in AVA's format.

    Args:
        path: lines ``video,second,x1,y1,x2,y2,action[,score]``; the actions do not matter.
        video: its name; where the file is about one video only, that one counts, whatever its name.
        first_second: the second in the file at which the video begins (AVA: 900).
        least_score: of the boxes that have a score.

    Raises:
        AnnotationError: the file is missing, a line is wrong, or no box is of that video.
    """
    lines = list(read_box_lines(path))
    videos = {line.key[0] for line in lines}
    if len(videos) == 1:
        (video,) = videos
    boxes: dict[int, dict[tuple[float, ...], None]] = {}
    for line in lines:
        if line.key[0] == video and (line.score is None or line.score >= least_score):
            boxes.setdefault(line.key[1] - first_second, {})[line.box] = None
    if not boxes:
        raise AnnotationError(
            f"{path}: holds no box of {video} with a score of {least_score:g} or more; videos it is "
            f"about: {len(videos)}."
        )
    return lambda second, _: np.array(list(boxes.get(second, {})), dtype=float).reshape(-1, 4)


class ActionVisualizer:
    """A trained detection network and the names of its actions.

    Args:
        cfg: of the run; its weights are found as for testing.
        task: of that config.
        shown: what is written.

    Raises:
        CheckpointError: there are no weights.
    """

    def __init__(self, cfg, task: Detection, shown: DisplayOptions) -> None:
        self.cfg, self.task, self.shown, self.device = cfg, task, shown, device_of(cfg)
        self.model = self.task.build_model().to(self.device).eval()
        source, _ = fill(cfg, self.task, self.model)
        logger.info("Weights of %s.", source)
        label_map = Path(cfg.AVA.ANNOTATION_DIR) / cfg.AVA.LABEL_MAP_FILE
        every = range(1, cfg.MODEL.NUM_CLASSES + 1)
        known = label_map.is_file()
        self.names = read_label_map(label_map) if known else {k: f"action {k}" for k in every}

    @torch.inference_mode()
    def actions(self, clip: Tensor, boxes: np.ndarray) -> list[LabelledBox]:
        """Return boxes ``(N, 4)`` with their surest actions.

        Args:
            clip: uint8 ``(T, 3, H, W)``.
            boxes: as shares of the frame.
        """
        if not len(boxes):
            return []
        geometry = BoxTestGeometry(self.cfg.DATA.TEST_CROP_SIZE)
        clip, pixels = geometry(clip, to_pixels(boxes, *clip.shape[-2:]))
        video = self.task.preprocess_on(self.model)(clip.transpose(0, 1)[None].to(self.device))
        rois = torch.cat([torch.zeros(len(pixels), 1), torch.from_numpy(pixels).float()], dim=1)
        scores = self.model(video, rois.to(self.device)).float().cpu().numpy()
        return [
            LabelledBox(tuple(box), self._words(row))
            for box, row in zip(boxes, scores, strict=True)
        ]

    def _words(self, scores: np.ndarray) -> list[str]:
        known = [k for k in np.argsort(-scores, kind="stable") if k + 1 in self.names]
        shown = [k for k in known[: self.shown.top] if scores[k] >= self.shown.least_score]
        return [f"{self.names[k + 1]} {scores[k]:.2f}" for k in shown]

    def clip_at(self, media: VideoFile, second: int) -> Tensor:
        """Return the clip around a second of a video, at the rate of the training's frames."""
        data, rate, info = self.cfg.DATA, self.cfg.AVA.FRAME_RATE, media.video
        clip = KeyframeView(data.NUM_FRAMES, data.SAMPLING_RATE)
        wanted = clip.around(second * rate, max(round(info.duration * rate), 1))
        return media.read_frames(info.nearest([k / rate for k in wanted]))


def annotate_video(
    visualizer: ActionVisualizer, video: str | Path, boxes: BoxSource, out: str | Path
) -> dict[str, int]:
    """Write a video with the boxes and actions of each second; return what was found.

    Raises:
        MediaError: the video cannot be read.
    """
    with open_media(video) as media:
        if media.video is None:
            raise MediaError(f"{video}: the file has no video stream.")
        drawn = []
        for second in range(int(np.ceil(media.video.duration))):
            clip = visualizer.clip_at(media, second)
            keyframe = clip[len(clip) // 2].permute(1, 2, 0).numpy()
            drawn.append(visualizer.actions(clip, boxes(second, keyframe)))
        annotated = frames_with_boxes(media, drawn)
        frames = write_video(out, annotated, media.video.fps)
    return {"frames": frames, "seconds": len(drawn), "boxes": sum(map(len, drawn))}


def frames_with_boxes(media: VideoFile, drawn: list[list[LabelledBox]]) -> Iterator[np.ndarray]:
    """Yield every frame with the boxes of the nearest second."""
    info = media.video
    for begin in range(0, info.num_frames, FRAMES_AT_ONCE):
        numbers = range(begin, min(begin + FRAMES_AT_ONCE, info.num_frames))
        for number, frame in zip(numbers, media.read_frames(list(numbers)), strict=True):
            nearest = min(round(number / info.fps), len(drawn) - 1)
            yield draw_boxes(frame.permute(1, 2, 0).numpy(), drawn[nearest])
