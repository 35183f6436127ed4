"""PySlowFast's ``TestMeter`` for code that scores views one by one."""

from __future__ import annotations

import torch
from torch import Tensor

from slowfast.utils.errors import SlowFastError
from slowfast.utils.metrics import topk_accuracies


class TestMeter:
    """Joins the scores of the clips of each video.

    Args:
        num_videos, num_clips, num_cls: videos, clips per video and classes.
        ensemble_method: ``sum`` or ``max`` over clips.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(
        self, num_videos: int, num_clips: int, num_cls: int, ensemble_method: str = "sum"
    ) -> None:
        self.num_clips, self.ensemble_method = num_clips, ensemble_method
        self.video_preds = torch.zeros(num_videos, num_cls)
        self.video_labels = torch.zeros(num_videos, dtype=torch.long)
        self.clip_count = torch.zeros(num_videos, dtype=torch.long)

    def update_stats(self, preds: Tensor, labels: Tensor, clip_ids: Tensor) -> None:
        """Take scores ``(N, C)`` of clips; clip ``i`` belongs to video ``i // num_clips``.

        Raises:
            SlowFastError: clips of one video come with different labels.
        """
        for scores, label, clip in zip(preds, labels, clip_ids.tolist(), strict=True):
            video = clip // self.num_clips
            if self.clip_count[video] and self.video_labels[video] != label:
                raise SlowFastError(f"video {video}: its clips carry different labels")
            self.video_labels[video] = label
            if self.ensemble_method == "max" and self.clip_count[video]:
                self.video_preds[video] = torch.maximum(self.video_preds[video], scores)
            elif self.ensemble_method == "max":
                self.video_preds[video] = scores
            else:
                self.video_preds[video] += scores
            self.clip_count[video] += 1

    def finalize_metrics(self, ks: tuple[int, ...] = (1, 5)) -> dict[str, float]:
        """Return ``top<k>_acc`` in percent.

        Raises:
            SlowFastError: a video has more or fewer clips than it should.
        """
        wrong = (self.clip_count != self.num_clips).nonzero().flatten().tolist()
        if wrong:
            raise SlowFastError(f"videos {wrong[:10]} do not have {self.num_clips} clips each")
        accuracies = topk_accuracies(self.video_preds, self.video_labels, ks)
        return {f"top{k}_acc": float(a) for k, a in zip(ks, accuracies, strict=True)}
