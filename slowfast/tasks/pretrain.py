"""Self-supervised pretraining on sound and pictures, watched by cross-modal retrieval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.pretraining import load_pretraining
from slowfast.checkpoint.remap import train_files_name
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.audio_features import build_audio_features
from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.loader import construct_loader
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.evaluation import retrieval
from slowfast.evaluation.predictions import Predictions, save_predictions
from slowfast.ssl.base import SSL_METHODS, SSLModel, build_ssl_model
from slowfast.tasks.base import Batch, EvalSet, Evaluator, StepOutput, Task
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.paths import local_path

RANKS = (1, 5, 10)


@TASK_REGISTRY.register(name="pretrain")
class Pretrain(Task):
    """Trains a model of :mod:`slowfast.ssl` and measures how well sound finds its pictures."""

    primary_metric = "retrieval_r1"
    report_sections = ("retrieval",)

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        self.modalities = SSL_METHODS.get(cfg.MODEL.MODEL_NAME).modalities
        if cfg.AUDIO.ENABLE != ("audio" in self.modalities):
            raise ConfigError(
                f"{cfg.MODEL.MODEL_NAME} learns from {' and '.join(self.modalities)}: set "
                f"AUDIO.ENABLE {not cfg.AUDIO.ENABLE}."
            )
        data = cfg.DATA
        self.clips = ClipPreprocessor(
            data.MEAN,
            data.STD,
            data.REVERSE_INPUT_CHANNEL,
            channels_last=cfg.MODEL.CHANNELS_LAST,
        )
        self.sound = build_audio_features(cfg.AUDIO) if "audio" in self.modalities else None
        self._datasets: dict[str, Dataset] = {}

    def dataset(self, split: str) -> Dataset:
        """Return the dataset of a split; the lists are read once."""
        if split not in self._datasets:
            name = dataset_name(self.cfg, split)
            views = SSL_METHODS.get(self.cfg.MODEL.MODEL_NAME).views
            self._datasets[split] = build_dataset(name, self.cfg, split, count=views)
        return self._datasets[split]

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the model with a memory for each training file."""
        videos = self.dataset("train").items.check_distinct()
        return build_ssl_model(self.cfg, videos)

    def build_test_model(self) -> nn.Module:
        """Return the model without a training list: its memories take no part in a test."""
        return build_ssl_model(self.cfg, _UnknownItems())

    def initialise_test(self, model: nn.Module) -> ImportReport | None:
        """Load all networks from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg)

    def initialise(self, model: nn.Module) -> None:
        """Take weights, and memories where asked, from ``SSL.CHECKPOINT``."""
        ssl = self.cfg.SSL
        if ssl.CHECKPOINT:
            fingerprint = self.list_fingerprint(self.dataset("train"))
            architecture = {"MODEL.ARCH": self.cfg.MODEL.ARCH, "AUDIO.ARCH": self.cfg.AUDIO.ARCH}
            path = local_path(ssl.CHECKPOINT, "SSL.CHECKPOINT")
            load_pretraining(model, path, fingerprint, ssl.CHECKPOINT_PARTS, architecture)

    def evaluations(self) -> list[EvalSet]:
        """Return what is measured; without both modalities there is no retrieval to measure."""
        return super().evaluations() if {"video", "audio"} <= set(self.modalities) else []

    def build_loader(self, split: str) -> DataLoader:
        """Return the loader of a split; no labels are needed."""
        return construct_loader(self.cfg, split, self.dataset(split))

    def inputs(self, batch: Batch, device: torch.device) -> dict[str, Any]:
        """Return ``video``, ``audio`` and ``index`` as the model reads them."""
        inputs = {"index": batch["index"]}
        if "video" in self.modalities:
            color = batch["color"].flatten(0, 1) if "color" in batch else None
            inputs["video"] = self.clips.to(device)(batch["video"].flatten(0, 1), color)
        if self.sound is not None:
            inputs["audio"] = self.sound.to(device)(batch["audio"].flatten(0, 1))
        return inputs

    def example(self, model: nn.Module) -> tuple[nn.Module, tuple]:
        """Return the encoder with a clip and a spectrogram."""
        _, ((clip,),) = super().example(model)
        inputs = {"video": [clip]}
        if self.sound is not None:
            inputs["audio"] = torch.empty(1, *self.sound.output_shape, device="meta")
        return _Embed(model), (inputs,)

    def prepare_dry_run(self, model: nn.Module) -> None:
        """Let a method with positives have some, right or wrong."""
        model.prepare_dry_run()

    def on_epoch_start(self, model: nn.Module, epoch: int, output_dir: Path) -> dict[str, float]:
        """Keep the list of the memories, search positives, and judge them where labels exist."""
        dataset = self.dataset("train")
        train_files = output_dir / train_files_name(self.list_fingerprint(dataset))
        if du.is_root_proc() and not train_files.is_file():
            dataset.items.save(train_files)
        return model.on_epoch_start(epoch)

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the losses and metrics of the method."""
        inputs = self.inputs(batch, batch["index"].device)
        losses, metrics = model(inputs)
        return StepOutput(losses, metrics, len(batch["index"]))

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Return unit embeddings ``(B, D)`` of the pictures and the sound of each file."""
        inputs = self.inputs(batch, batch["index"].device)
        found = model.embed(inputs)
        return {
            "index": batch["index"].cpu().numpy(),
            "label": batch["label"].cpu().numpy(),
            "valid": batch["valid"].cpu().numpy(),
            "video_embedding": F.normalize(found["video"].float(), dim=1).cpu().numpy(),
            "audio_embedding": F.normalize(found["audio"].float(), dim=1).cpu().numpy(),
        }

    def evaluator(self, dataset: Dataset) -> RetrievalEvaluator:
        """Return an evaluator of retrieval between sound and pictures."""
        return RetrievalEvaluator(dataset)


class _UnknownItems:
    """Stands in for a training list that a test need not have."""

    labels = ()

    def __len__(self) -> int:
        return 10_000  # more than any number of positives


class _Embed(nn.Module):
    """The embedding of a method as a module, whose cost is measured."""

    def __init__(self, model: SSLModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self.model.embed(batch)


class RetrievalEvaluator(Evaluator):
    """Share of files, in percent, whose sound is among the first R for their pictures, and back.

    Args:
        dataset: its ``videos`` give files and class names.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._predictions = Predictions()
        self.arrays: dict[str, np.ndarray] = {}

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``label``, ``valid`` ``(N,)`` and both embeddings ``(N, D)``."""
        self._predictions.add(predictions)

    def compute(self) -> dict[str, float]:
        """Return the measures over the readable files; the unreadable ones count as not found."""
        self._predictions.gather()
        return du.on_root(self._measure)

    def _measure(self) -> dict[str, float]:
        self.arrays = found = self._predictions.join()
        valid = found["valid"]
        video, audio = found["video_embedding"][valid], found["audio_embedding"][valid]
        forth = retrieval.recall(retrieval.ranks(video, audio), len(valid), RANKS)
        back = retrieval.recall(retrieval.ranks(audio, video), len(valid), RANKS)
        measures = {f"retrieval_r{k}": (forth[k] + back[k]) / 2 for k in RANKS}
        measures |= {f"v2a_r{k}": forth[k] for k in RANKS}
        measures |= {f"a2v_r{k}": back[k] for k in RANKS}
        measures["chance_r1"] = 100.0 / len(valid)
        return {**measures, "num_videos": len(valid), "num_unreadable": int((~valid).sum())}

    def save(self, path: Path) -> None:
        """Write embeddings, labels, files and class names."""
        videos = self.dataset.items
        files = [videos.paths[int(row)] for row in self.arrays["index"]]
        names = {"path": np.array(files), "class_names": np.array(videos.class_names)}
        save_predictions(path, {**self.arrays, **names})
