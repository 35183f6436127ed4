"""Self-supervised pretraining on frames, audio and text, watched by retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.pretraining import load_pretraining, train_files_name
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.audio import build_audio_features
from slowfast.datasets.audio.spec_augment import POLICIES
from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.evaluation import retrieval
from slowfast.models.text.vocabulary import build_tokeniser
from slowfast.ssl.base import GRADIENTS, SSL_METHODS, SSLModel, UnknownItems, build_ssl_model
from slowfast.tasks.base import Batch, EvalSet, ItemEvaluator, StepOutput, Task
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.paths import local_path

RANKS = (1, 5, 10)


@TASK_REGISTRY.register(name="pretrain")
class Pretrain(Task):
    """Trains a model of :mod:`slowfast.ssl` and measures how well audio, or text, finds its frames."""

    primary_metric = "retrieval_r1"
    report_sections = ("retrieval",)

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        method = SSL_METHODS.get(cfg.MODEL.MODEL_NAME)
        self.modalities, self.plan = method.modalities, method.build_view_plan(cfg)
        if cfg.AUDIO.ENABLE != ("audio" in self.modalities):
            raise ConfigError(
                f"{cfg.MODEL.MODEL_NAME} learns from {' and '.join(self.modalities)}: set "
                f"AUDIO.ENABLE {not cfg.AUDIO.ENABLE}."
            )
        data = cfg.DATA
        self.clips = ClipPreprocessor.from_cfg(
            data,
            channels_last=cfg.MODEL.CHANNELS_LAST,
            color_rule=data.COLOR_JITTER_RULE,
        )
        self.sound = build_audio_features(cfg.AUDIO) if "audio" in self.modalities else None
        self.masks = POLICIES[cfg.AUDIO.SPEC_AUGMENT] if self.sound else None
        self.tokenise = build_tokeniser(cfg.TEXT) if "text" in self.modalities else None
        self._train: Dataset | None = None
        # What is looked for by what: the modalities, or two clips of a video where it is alone.
        self.sides = self.modalities if len(self.modalities) > 1 else ("video", "other")

    def dataset(self, split: str, views: str | None = None) -> Dataset:
        """Return the dataset of a split; the training list is read once."""
        what = dataset_name(self.cfg, split), self.cfg, split
        if split != "train" or views is not None:
            return build_dataset(*what, views, tokenise=self.tokenise)
        if self._train is None:
            self._train = build_dataset(*what, plan=self.plan, tokenise=self.tokenise)
        return self._train

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the model with a memory for each training file."""
        videos = self.dataset("train").items.check_distinct()
        return build_ssl_model(self.cfg, videos)

    def build_test_model(self) -> nn.Module:
        """Return the model without a training list: its memories take no part in a test."""
        return build_ssl_model(self.cfg, UnknownItems())

    def initialise_test(self, model: nn.Module) -> ImportReport | None:
        """Load all networks from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg)

    def initialise(self, model: nn.Module) -> None:
        """Take weights, and memories where asked, from ``SSL.CHECKPOINT``."""
        ssl = self.cfg.SSL
        if ssl.CHECKPOINT:
            fingerprint = self.list_fingerprint(self.dataset("train"))
            architecture = {"MODEL.ARCH": self.cfg.MODEL.ARCH}
            if self.sound is not None:
                architecture["AUDIO.ARCH"] = self.cfg.AUDIO.ARCH
            path = local_path(ssl.CHECKPOINT, "SSL.CHECKPOINT")
            load_pretraining(model, path, fingerprint, ssl.CHECKPOINT_PARTS, architecture)

    def evaluations(self) -> list[EvalSet]:
        """Return what is measured; a method of frames alone looks for another clip of the video."""
        if "other" in self.sides:
            return [EvalSet("val", "val", "pair"), EvalSet("test", "test", "pair")]
        return super().evaluations()

    def inputs(self, batch: Batch, device: torch.device) -> dict[str, Any]:
        """Return ``video``, ``audio``, ``text`` and ``index`` as the model reads them."""
        inputs = {key: batch[key] for key in ("index", GRADIENTS) if key in batch}
        if "video" in self.modalities:
            color = batch["color"].flatten(0, 1) if "color" in batch else None
            inputs["video"] = self.clips.to(device)(batch["video"].flatten(0, 1), color)
        if self.sound is not None:
            inputs["audio"] = self._audio_of(batch, device)
        if self.tokenise is not None:
            inputs["text"] = batch["text"].flatten(0, 1)
        return inputs

    def _audio_of(self, batch: Batch, device: torch.device) -> Tensor:
        """Return the audio features of all views, masked and running as their frames do."""
        levels, along = self.sound.to(device)(batch["audio"].flatten(0, 1)), self.sound.time_dim
        if "audio_mask" in batch:
            levels = self.masks(levels, batch["audio_mask"].flatten(0, 1), along)
        if self.plan.reverse:
            begin, end = batch["time"].flatten(0, 1).unbind(1)
            levels = torch.where((begin > end)[:, None, None, None], levels.flip(along), levels)
        return levels

    def example(self, model: nn.Module) -> tuple[nn.Module, tuple]:
        """Return the encoder with a clip and a spectrogram, or words."""
        _, ((clip,),) = super().example(model)
        inputs = {"video": [clip]}
        if self.sound is not None:
            inputs["audio"] = torch.empty(1, *self.sound.output_shape, device="meta")
        if self.tokenise is not None:
            words = self.cfg.TEXT.MAX_WORDS
            inputs["text"] = torch.empty(1, words, dtype=torch.int64, device="meta")
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
        return StepOutput(losses, {**metrics, **_counted(batch)}, len(batch["index"]))

    def encode(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return the embeddings that the losses of the method compare."""
        return model.encode(self.inputs(batch, batch["index"].device))

    def losses(self, model: nn.Module, embeddings: dict[str, Tensor], batch: Batch) -> StepOutput:
        """Return the losses and metrics of the method on embeddings of several batches."""
        losses, metrics = model.losses(embeddings, batch)
        return StepOutput(losses, {**metrics, **_counted(batch)}, len(batch["index"]))

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Return two unit embeddings ``(B, D)`` of each file, one of each of ``sides``."""
        found = model.embed(self.inputs(batch, batch["index"].device))
        if "other" in self.sides:
            found["video"], found["other"] = found["video"].unflatten(0, (-1, 2)).unbind(dim=1)
        units = {side: F.normalize(found[side].float(), dim=1) for side in self.sides}
        return {
            **{key: batch[key].cpu().numpy() for key in ("index", "label", "valid")},
            **{f"{side}_embedding": unit.cpu().numpy() for side, unit in units.items()},
        }

    def evaluator(self, dataset: Dataset) -> RetrievalEvaluator:
        """Return an evaluator of retrieval between the two sides of a file."""
        return RetrievalEvaluator(dataset, self.sides)


def _counted(batch: Batch) -> dict[str, Tensor]:
    """Return the share, in percent, of the captions of a batch without a known word."""
    if "text" not in batch:
        return {}
    return {"captions_without_words": 100.0 * (batch["text"] == 0).all(dim=-1).float().mean()}


class _Embed(nn.Module):
    """The embedding of a method as a module, whose cost is measured."""

    def __init__(self, model: SSLModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return self.model.embed(batch)


class RetrievalEvaluator(ItemEvaluator):
    """Share of files, in percent, whose one side is among the first R for the other, and back.

    It is that of the readable files; the unreadable ones count as not found.

    Args:
        dataset: its ``items`` give files and class names.
        sides: ``video`` and ``audio``, say; rows have an embedding ``(N, D)`` of each.
    """

    def __init__(self, dataset: Dataset, sides: Sequence[str] = ("video", "audio")) -> None:
        super().__init__(dataset)
        self.sides = sides

    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return the recalls in both directions and their means, and the median ranks."""
        valid = found["valid"]
        one, two = (found[f"{side}_embedding"][valid] for side in self.sides)
        ranks = retrieval.ranks(one, two), retrieval.ranks(two, one)
        forth, back = (retrieval.recall(found, len(valid), RANKS) for found in ranks)
        first, second = (side[0] for side in self.sides)
        measures = {f"retrieval_r{k}": (forth[k] + back[k]) / 2 for k in RANKS}
        measures |= {f"{first}2{second}_r{k}": forth[k] for k in RANKS}
        measures |= {f"{second}2{first}_r{k}": back[k] for k in RANKS}
        measures[f"{first}2{second}_median_rank"] = retrieval.median_rank(ranks[0], len(valid))
        measures[f"{second}2{first}_median_rank"] = retrieval.median_rank(ranks[1], len(valid))
        return {**measures, "chance_r1": 100.0 / len(valid)}
