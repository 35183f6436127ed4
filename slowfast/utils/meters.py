"""PySlowFast's meters for programs with training and test loops of their own.

They log the lines that PySlowFast logs (``json_stats: {...}``); our own engine does not use them.
"""

from __future__ import annotations

import datetime
import time
from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slowfast.datasets.build import read_items
from slowfast.datasets.pyslowfast import video_numbers
from slowfast.evaluation import multilabel
from slowfast.evaluation.boxes import Boxes, image_keys
from slowfast.tasks.detection import GroundTruth
from slowfast.utils.errors import SlowFastError
from slowfast.utils.logging import get_logger, log_json_stats
from slowfast.utils.metrics import topk_accuracies
from slowfast.utils.misc import cpu_mem_usage, gpu_mem_usage

logger = get_logger(__name__)


class ScalarMeter:
    """A number over time: the median of the last ``window_size`` values, the mean of all."""

    def __init__(self, window_size: int) -> None:
        self.deque: deque[float] = deque(maxlen=window_size)
        self.reset()

    def reset(self) -> None:
        """Forget all values."""
        self.deque.clear()
        self.total, self.count = 0.0, 0

    def add_value(self, value: float) -> None:
        """Take one value."""
        self.deque.append(float(value))
        self.total, self.count = self.total + float(value), self.count + 1

    def get_win_median(self) -> float:
        """Return the median of the window."""
        return float(np.median(self.deque))

    def get_win_avg(self) -> float:
        """Return the mean of the window."""
        return float(np.mean(self.deque))

    def get_global_avg(self) -> float:
        """Return the mean of all values."""
        return self.total / self.count


class _Clock:
    """Seconds of an iteration: waiting for data, and computing."""

    def __init__(self) -> None:
        self.began = self.loaded = self.ended = time.perf_counter()

    def iter_tic(self) -> None:
        """Begin an iteration."""
        self.began = self.loaded = self.ended = time.perf_counter()

    def data_toc(self) -> None:
        """Say that the batch is there."""
        self.loaded = self.ended = time.perf_counter()

    def iter_toc(self) -> None:
        """End an iteration."""
        self.ended = time.perf_counter()

    def _times(self) -> dict[str, float]:
        data, net = self.loaded - self.began, self.ended - self.loaded
        return {"dt": data + net, "dt_data": data, "dt_net": net}

    def _eta(self, iterations: int) -> str:
        return str(datetime.timedelta(seconds=int((self.ended - self.began) * iterations)))


class _ErrorMeter(_Clock):
    """Errors in percent over the iterations of an epoch."""

    def __init__(self, iterations: int, cfg) -> None:
        super().__init__()
        self._cfg, self.iterations = cfg, iterations
        self.suffix = {"ssl": "ssl"}.get(cfg.TASK, "")
        self.windows: dict[str, ScalarMeter] = {}
        self.reset()

    def reset(self) -> None:
        """Begin a new epoch."""
        self.windows.clear()
        self.sums: dict[str, float] = {}
        self.num_samples = 0

    def _add(self, values: dict[str, float], count: int) -> None:
        self.num_samples += count
        for name, value in values.items():
            self.windows.setdefault(name, ScalarMeter(self._cfg.LOG_PERIOD)).add_value(value)
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * count

    def _window(self) -> dict[str, float]:
        return {name: meter.get_win_median() for name, meter in self.windows.items()}

    def _mean(self) -> dict[str, float]:
        return {name: total / self.num_samples for name, total in self.sums.items()}

    def _is_due(self, cur_iter: int) -> bool:
        return (cur_iter + 1) % self._cfg.LOG_PERIOD == 0

    def _place(self, cur_epoch: int, cur_iter: int | None = None) -> dict[str, str]:
        place = {"epoch": f"{cur_epoch + 1}/{self._cfg.SOLVER.MAX_EPOCH}"}
        if cur_iter is not None:
            place["iter"] = f"{cur_iter + 1}/{self.iterations}"
        return {**place, "gpu_mem": f"{gpu_mem_usage():.2f}G"}


class TrainMeter(_ErrorMeter):
    """Numbers of a training epoch."""

    def __init__(self, epoch_iters: int, cfg) -> None:
        self.lr = self.grad_norm = 0.0
        super().__init__(epoch_iters, cfg)

    def update_stats(
        self,
        top1_err: float | None,
        top5_err: float | None,
        loss: float,
        lr: float,
        grad_norm: float,
        mb_size: int,
        multi_loss: Any = None,
    ) -> None:
        """Take the numbers of a batch of ``mb_size`` clips; errors are None for several labels."""
        self.lr, self.grad_norm = lr, grad_norm
        values = {"loss": loss, "top1_err": top1_err, "top5_err": top5_err}
        values |= {f"loss_{k}": one for k, one in enumerate(multi_loss or ())}
        self._add({key: value for key, value in values.items() if value is not None}, mb_size)

    def log_iter_stats(self, cur_epoch: int, cur_iter: int) -> None:
        """Log medians over the last ``LOG_PERIOD`` iterations, each time so many have passed."""
        if self._is_due(cur_iter):
            left = self._cfg.SOLVER.MAX_EPOCH - cur_epoch
            kind = {"_type": f"train_iter_{self.suffix}", "lr": self.lr}
            eta = self._eta(left * self.iterations - cur_iter - 1)
            stats = {**kind, **self._times(), "eta": eta, "grad_norm": self.grad_norm}
            log_json_stats({**stats, **self._place(cur_epoch, cur_iter), **self._window()})

    def log_epoch_stats(self, cur_epoch: int) -> None:
        """Log the means over the epoch."""
        left = (self._cfg.SOLVER.MAX_EPOCH - cur_epoch - 1) * self.iterations
        kind = {"_type": "train_epoch" + ("_ssl" if self.suffix else ""), "lr": self.lr}
        stats = {**kind, **self._times(), "eta": self._eta(left), "grad_norm": self.grad_norm}
        log_json_stats({**stats, **self._place(cur_epoch), **_ram(), **self._mean()})


class ValMeter(_ErrorMeter):
    """Numbers of a validation, and the least errors so far."""

    def __init__(self, max_iter: int, cfg) -> None:
        self.least: dict[str, float] = {}
        super().__init__(max_iter, cfg)

    def reset(self) -> None:
        """Begin a new validation."""
        super().reset()
        self.all_preds: list[Tensor] = []
        self.all_labels: list[Tensor] = []

    def update_stats(self, top1_err: float, top5_err: float, mb_size: int) -> None:
        """Take the errors of a batch of ``mb_size`` clips."""
        self._add({"top1_err": top1_err, "top5_err": top5_err}, mb_size)

    def update_predictions(self, preds: Tensor, labels: Tensor) -> None:
        """Take scores and labels ``(N, C)`` where a clip has several labels."""
        self.all_preds.append(preds)
        self.all_labels.append(labels)

    def log_iter_stats(self, cur_epoch: int, cur_iter: int) -> None:
        """Log medians over the last ``LOG_PERIOD`` iterations, each time so many have passed."""
        if self._is_due(cur_iter):
            took = {"time_diff": self.ended - self.began}
            took["eta"] = self._eta(self.iterations - cur_iter - 1)
            kind = {"_type": "val_iter" + ("_ssl" if self.suffix else "")}
            log_json_stats({**kind, **took, **self._place(cur_epoch, cur_iter), **self._window()})

    def log_epoch_stats(self, cur_epoch: int) -> dict[str, float]:
        """Log and return mean errors with the least so far, or ``map`` for several labels."""
        if self._cfg.DATA.MULTI_LABEL:
            found = {"map": get_map(torch.cat(self.all_preds), torch.cat(self.all_labels))}
        else:
            found = self._mean()
            self.least = {k: min(v, self.least.get(k, v)) for k, v in found.items()}
            found |= {f"min_{key}": value for key, value in self.least.items()}
        kind = {"_type": "val_epoch" + ("_ssl" if self.suffix else "")}
        took = {"time_diff": self.ended - self.began}
        log_json_stats({**kind, **took, **self._place(cur_epoch), **_ram(), **found})
        return found


class TestMeter(_Clock):
    """Joins the scores of the clips of each video.

    Args:
        num_videos, num_clips, num_cls: videos, clips per video and classes.
        overall_iters: iterations of the test.
        multi_label: labels are ``(C,)`` of 0 and 1 for each video.
        ensemble_method: ``sum`` or ``max`` over clips.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(
        self,
        num_videos: int,
        num_clips: int,
        num_cls: int,
        overall_iters: int,
        multi_label: bool = False,
        ensemble_method: str = "sum",
    ) -> None:
        super().__init__()
        self.num_clips, self.overall_iters = num_clips, overall_iters
        self.multi_label, self.ensemble_method = multi_label, ensemble_method
        self.stats: dict[str, str] = {}
        self.video_preds = torch.zeros(num_videos, num_cls)
        shape = (num_videos, num_cls) if multi_label else (num_videos,)
        self.video_labels = torch.zeros(shape, dtype=torch.float if multi_label else torch.long)
        self.clip_count = torch.zeros(num_videos, dtype=torch.long)

    def update_stats(self, preds: Tensor, labels: Tensor, clip_ids: Tensor) -> None:
        """Take scores ``(N, C)`` of clips; clip ``i`` belongs to video ``i // num_clips``.

        Raises:
            SlowFastError: clips of one video come with different labels.
        """
        for scores, label, clip in zip(preds, labels, clip_ids.tolist(), strict=True):
            video = clip // self.num_clips
            if self.clip_count[video] and not torch.equal(
                self.video_labels[video], label.to(self.video_labels.dtype)
            ):
                raise SlowFastError(f"video {video}: its clips carry different labels")
            self.video_labels[video] = label
            if self.ensemble_method == "max" and self.clip_count[video]:
                self.video_preds[video] = torch.maximum(self.video_preds[video], scores)
            elif self.ensemble_method == "max":
                self.video_preds[video] = scores
            else:
                self.video_preds[video] += scores
            self.clip_count[video] += 1

    def log_iter_stats(self, cur_iter: int) -> None:
        """Log how far a test is."""
        eta = self._eta(self.overall_iters - cur_iter - 1)
        took = {"time_diff": self.ended - self.began, "eta": eta}
        log_json_stats({"split": "test_iter", "cur_iter": str(cur_iter + 1), **took})

    def finalize_metrics(self, ks: tuple[int, ...] = (1, 5)) -> dict[str, str]:
        """Log, keep as ``stats`` and return ``top<k>_acc`` or ``map`` in percent, two decimals.

        Raises:
            SlowFastError: a video has more or fewer clips than it should.
        """
        wrong = (self.clip_count != self.num_clips).nonzero().flatten().tolist()
        if wrong:
            raise SlowFastError(f"videos {wrong[:10]} do not have {self.num_clips} clips each")
        if self.multi_label:
            found = {"map": 100 * get_map(self.video_preds, self.video_labels)}
            # PySlowFast repeats it under these names, which programs read.
            found |= {f"top{k}_acc": found["map"] for k in ks}
        else:
            scores = topk_accuracies(self.video_preds, self.video_labels, ks)
            found = {f"top{k}_acc": float(one) for k, one in zip(ks, scores, strict=True)}
        self.stats = {"split": "test_final"} | {key: f"{v:.2f}" for key, v in found.items()}
        log_json_stats(self.stats)
        return self.stats


class AVAMeter(_Clock):
    """Collects detections of an epoch and measures their frame-mAP.

    Args:
        overall_iters: iterations of an epoch.
        cfg: the whole config.
        mode: ``train``, ``val`` or ``test``.
    """

    def __init__(self, overall_iters: int, cfg, mode: str) -> None:
        super().__init__()
        self.cfg, self.overall_iters, self.mode = cfg, overall_iters, mode
        self.lr, self.full_map = 0.0, 0.0
        self.loss = ScalarMeter(cfg.LOG_PERIOD)
        if mode != "train":
            self.truth = GroundTruth(cfg)
            self.truth.check(mode)
            self.names = list(video_numbers(read_items(cfg, mode)))
        self.reset()

    def reset(self) -> None:
        """Begin a new epoch."""
        self.loss.reset()
        self.all_preds: list[Tensor] = []
        self.all_ori_boxes: list[Tensor] = []
        self.all_metadata: list[Tensor] = []

    def update_stats(
        self,
        preds: Tensor | None,
        ori_boxes: Tensor | None,
        metadata: Tensor | None,
        loss: float | None = None,
        lr: float | None = None,
    ) -> None:
        """Take scores ``(N, C)`` with ``meta["ori_boxes"]`` and ``meta["metadata"]``, or a loss."""
        if self.mode == "train":
            self.loss.add_value(loss)
            self.lr = lr
        else:
            self.all_preds.append(preds)
            self.all_ori_boxes.append(ori_boxes)
            self.all_metadata.append(metadata)

    def log_iter_stats(self, cur_epoch: int | None, cur_iter: int) -> None:
        """Log the state every ``LOG_PERIOD`` iterations; an epoch of None is a test."""
        if (cur_iter + 1) % self.cfg.LOG_PERIOD == 0:
            stats = {"_type": f"{self.mode}_iter", "mode": self.mode, **self._times()}
            stats |= {
                "cur_iter": str(cur_iter + 1),
                "eta": self._eta(self.overall_iters - cur_iter),
            }
            stats |= {} if cur_epoch is None else {"cur_epoch": str(cur_epoch + 1)}
            if self.mode == "train":
                stats |= {"loss": self.loss.get_win_median(), "lr": self.lr}
            log_json_stats(stats)

    def finalize_metrics(self, log: bool = True) -> float:
        """Keep as ``full_map`` and return the frame-mAP at an IoU of 0.5, from 0 to 1."""
        videos, seconds = torch.cat(self.all_metadata).long().T.tolist()
        keys = image_keys((self.names[video] for video in videos), seconds)
        boxes = torch.cat(self.all_ori_boxes)[:, 1:].numpy()
        found = Boxes.from_scores(keys, boxes, torch.cat(self.all_preds).numpy())
        self.full_map = self.truth.evaluate(found, self.mode).mean_ap
        if log:
            log_json_stats({"mode": self.mode, "map": self.full_map})
        return self.full_map

    def log_epoch_stats(self, cur_epoch: int) -> None:
        """Measure and log the frame-mAP of a validation."""
        if self.mode != "train":
            stats = {"_type": "val_epoch", "cur_epoch": str(cur_epoch + 1), "mode": self.mode}
            memory = {"gpu_mem": f"{gpu_mem_usage():.2f}G", **_ram()}
            log_json_stats({**stats, **memory, "map": self.finalize_metrics(log=False)})


def get_map(preds: Tensor, labels: Tensor) -> float:
    """Return the mean average precision, from 0 to 1, over the classes that have positives.

    Args:
        preds, labels: ``(N, C)``.
    """
    scores, truth = (np.asarray(one, dtype=np.float64) for one in (preds, labels))
    return float(multilabel.evaluate(scores, truth).mean)


def _ram() -> dict[str, str]:
    used, total = cpu_mem_usage()
    return {"RAM": f"{used:.2f}/{total:.2f}G"}
