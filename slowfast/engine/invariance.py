"""Measuring what a network ignores: clips of held-out videos, shifted and turned around."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from slowfast.checkpoint.pretrained import initialise
from slowfast.datasets.audio import build_audio_features
from slowfast.datasets.build import dataset_name, load_items
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.feature_clips import build_feature_clips
from slowfast.datasets.loader import build_loader
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.engine.launch import device_of
from slowfast.evaluation.invariance import Space, direction_auc, measure
from slowfast.models.backbones import build_backbone
from slowfast.models.heads.pooling import global_pool
from slowfast.ssl.base import SSL_METHODS
from slowfast.tasks.build import build_task
from slowfast.utils.errors import AnnotationError
from slowfast.utils.files import write_text
from slowfast.visualization.figures import invariance_figure

BINS = 8


class Subject(nn.Module):
    """The network that is looked at, and how it sees a batch.

    Args:
        method: a self-supervised method with its embeddings, or None.
        backbones: by modality, with ``pooling``.
        clips: from uint8 clips to what the video network reads.
        audio: from waveforms to what the audio network reads, where there is one.
    """

    def __init__(self, method, backbones, clips, audio=None) -> None:
        super().__init__()
        self.method, self.backbones = method, nn.ModuleDict(backbones)
        self.clips, self.audio = clips, audio

    @torch.inference_mode()
    def forward(self, batch: dict[str, Any], back: bool) -> dict[str, Tensor]:
        """Return features and embeddings ``(B, K, D)`` by name, of clips that may run backwards."""
        (video,) = self.clips(batch["video"].flatten(0, 1))
        inputs = {"video": [video.flip(2) if back else video]}
        if self.audio is not None:
            levels = self.audio(batch["audio"].flatten(0, 1))
            inputs["audio"] = levels.flip(self.audio.time_dim) if back else levels
        found = {}
        for modality, network in self.backbones.items():
            x = inputs[modality][0] if modality == "video" else inputs[modality]
            found[f"{modality} features"] = global_pool(network(x), network.pooling)
        if self.method is not None:
            embedded = self.method.embed(inputs)
            found |= {f"{modality} embedding": x for modality, x in embedded.items()}
        return {name: x.unflatten(0, batch["video"].shape[:2]) for name, x in found.items()}


def build_subject(cfg) -> Subject:
    """Return the network of a config with the weights of ``MODEL.CKPT``.

    A self-supervised method (``MODEL.MODEL_NAME``) is loaded with its audio network and heads; for
    every other config it is the video network ``MODEL.ARCH`` alone.

    Raises:
        CheckpointError: a part would stay random.
    """
    clips = ClipPreprocessor.from_cfg(cfg.DATA)
    if cfg.MODEL.MODEL_NAME not in SSL_METHODS:
        backbone = build_backbone(cfg.MODEL.ARCH)
        initialise(backbone, cfg)
        return Subject(None, {"video": backbone}, clips)
    task = build_task(cfg)
    method = task.build_test_model()
    task.initialise_test(method)
    parts = method.parts()
    # Words have no direction and no length that could be shifted.
    known = [m for m in method.modalities if m != "text" and f"{m}_backbone" in parts]
    backbones = {modality: parts[f"{modality}_backbone"] for modality in known}
    audio = build_audio_features(cfg.AUDIO) if "audio" in backbones else None
    return Subject(method, backbones, clips, audio)


def _batches(cfg, dataset: ClipDataset, device: torch.device) -> Iterator[dict[str, Any]]:
    """Yield batches without the files that cannot be read."""
    for batch in build_loader(cfg, dataset):
        good = batch["valid"]
        if good.any():
            wanted = ("video", "audio", "time")
            yield {key: batch[key][good].to(device) for key in wanted if key in batch}


def build_diagnosis(
    cfg, out: str | Path, clips: int = 4, files: int = 200, split: str = "val"
) -> str:
    """Measure, write ``invariance.json`` and ``invariance.png``, and return a table.

    Args:
        cfg: names the network, its weights and the list.
        out: folder for both files.
        clips: of each video, at least 2.
        files: at most so many, spread over the list.
        split: the list.

    Raises:
        AnnotationError: fewer than two files can be read.
    """
    device = device_of(cfg)
    subject = build_subject(cfg).to(device).eval()
    items = load_items(cfg, split, dataset_name(cfg, split))
    items = items.subset(np.linspace(0, len(items) - 1, min(files, len(items))).round().astype(int))
    modalities = ("video",) if subject.audio is None else ("video", "audio")
    dataset = build_feature_clips(cfg, items, split, modalities, clips)
    found: dict[str, list[np.ndarray]] = {}
    for batch in _batches(cfg, dataset, device):
        found.setdefault("start", []).append(batch["time"][..., 0].cpu().numpy())
        for back in (False, True):
            for name, x in subject(batch, back).items():
                found.setdefault(f"{name}{' back' * back}", []).append(x.float().cpu().numpy())
    arrays = {name: np.concatenate(parts).astype(np.float64) for name, parts in found.items()}
    if not arrays or len(arrays["start"]) < 2:
        raise AnnotationError(f"{dataset.items.source}: at least two readable videos are needed.")
    results = _measure_all(arrays)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "invariance.json", json.dumps(results, indent=1) + "\n")
    (out / "invariance.png").write_bytes(invariance_figure(results))
    return _table(results, len(arrays["start"]), clips)


def _measure_all(arrays: dict[str, np.ndarray]) -> dict[str, dict]:
    """Return the measures of every space: features of each modality, embeddings across them."""
    start = arrays["start"]
    longest = float((start.max(axis=1) - start.min(axis=1)).max())
    edges = np.linspace(0, longest * 1.0001 + 1e-6, BINS + 1)
    spaces = {}
    for name in arrays:
        if name.endswith("features"):
            x, back = arrays[name], arrays[f"{name} back"]
            spaces[name] = Space(x, x, back, start, same=True)
    if "audio embedding" in arrays:
        for one, two in (("video", "audio"), ("audio", "video")):
            keys = arrays[f"{two} embedding"], arrays[f"{two} embedding back"]
            spaces[f"{one} finds {two}"] = Space(arrays[f"{one} embedding"], *keys, start)
    results = {name: measure(space, edges) for name, space in spaces.items()}
    for name, space in spaces.items():
        if space.same:
            results[name]["reversal"]["direction_auc"] = direction_auc(space.key, space.back)
    return results


def _table(results: dict[str, dict], files: int, clips: int) -> str:
    lines = [
        f"{files} videos, {clips} clips each. kept: 1 = ignored, 0 = as another video; auc: 0.5 = not told.",
        f"{'':<20}{'kept: reversal':>16}{'shift':>8}{'auc: reversal':>16}{'shift':>8}{'linear':>9}",
    ]
    for name, found in results.items():
        reversal, shift = found["reversal"], found["shift"]
        numbers = (reversal["kept"], shift["kept"], reversal["auc"], shift["auc"])
        cells = [_cell(x, width) for x, width in zip(numbers, (16, 8, 16, 8), strict=True)]
        lines.append(f"{name:<20}{''.join(cells)}{_cell(reversal.get('direction_auc'), 9)}")
    return "\n".join(lines)


def _cell(number: float | None, width: int) -> str:
    return f"{'-' if number is None else format(number, '.3f'):>{width}}"
