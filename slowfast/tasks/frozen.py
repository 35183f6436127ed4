"""A frozen network of any checkpoint, from batches of clips to features of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.audio import build_audio_features
from slowfast.datasets.audio.log_mel import LogMel
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.feature_maps import (
    EMBEDDING,
    LOG_MEL,
    MODALITIES,
    FeatureName,
    Taps,
    modalities_of,
)
from slowfast.models.parts import parts_of
from slowfast.ssl.base import SSL_METHODS, SSLModel, UnknownItems, build_ssl_model
from slowfast.tasks.base import Batch
from slowfast.utils.errors import ConfigError

PERCENTILE = 0.9


class FrozenFeatures(nn.Module):
    """Networks that only compute features.

    Args:
        features: what is computed.
        networks: the backbone of each modality, with ``pooling``; those of the method, if any.
        clips: from uint8 clips to what the video network reads.
        audio: from waveforms to what the audio network reads.
        method: a self-supervised method, for its embeddings.
        log_mel: from waveforms to mel bands, for the control feature.
    """

    def __init__(
        self,
        features: Sequence[FeatureName],
        networks: Mapping[str, nn.Module],
        clips: nn.Module,
        audio: nn.Module | None = None,
        method: SSLModel | None = None,
        log_mel: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.features = list(features)
        self.method, self.networks = method, nn.ModuleDict(networks)
        self.clips, self.audio, self.log_mel = clips, audio, log_mel
        self.taps = {
            modality: Taps(
                network, [f for f in features if f.modality == modality and f.of_network]
            )
            for modality, network in networks.items()
        }
        self.requires_grad_(False).eval()

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a batch must hold."""
        return modalities_of(self.features)

    def parts(self) -> dict[str, nn.Module]:
        """Return what a checkpoint fills."""
        if self.method is not None:
            return parts_of(self.method)
        return {f"{modality}_backbone": network for modality, network in self.networks.items()}

    def train(self, mode: bool = True) -> FrozenFeatures:
        """Stay in eval mode."""
        return super().train(False)

    @torch.inference_mode()
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return every feature by its name: ``(B, V, D)``, or tokens ``(B, V, N, C)``."""
        found, views = {}, batch[self.modalities[0]].shape[:2]
        inputs = {}
        if "video" in self.modalities:
            (inputs["video"],) = self.clips(batch["video"].flatten(0, 1))
        if "audio" in self.modalities:
            waves = batch["audio"].flatten(0, 1)
            if self.audio is not None:
                inputs["audio"] = self.audio(waves)
            if self.log_mel is not None:
                found[f"audio.{LOG_MEL}"] = _moments(self.log_mel(waves))
        with ExitStack() as stack:
            for taps in self.taps.values():
                stack.enter_context(taps.into(found))
            self._run(inputs, found)
        return {f.text: found[f.text].unflatten(0, views).float() for f in self.features}

    def _run(self, inputs: dict[str, Tensor], found: dict[str, Tensor]) -> None:
        """Run every network that a feature is of, once."""
        embedded = {f.modality for f in self.features if f.layer == EMBEDDING}
        if embedded:
            given = {m: [x] if m == "video" else x for m, x in inputs.items()}
            embeddings = self.method.embed(given)
            found |= {f"{m}.{EMBEDDING}": embeddings[m] for m in embedded}
            return
        for modality in {f.modality for f in self.features if f.of_network}:
            self.networks[modality](inputs[modality])


def _moments(levels: Tensor) -> Tensor:
    """Return mean, deviation and 90th percentile over time ``(B, 3 M)`` of ``(B, 1, M, T)``."""
    bands = levels[:, 0].float()
    high = bands.quantile(PERCENTILE, dim=2)
    return torch.cat([bands.mean(dim=2), bands.std(dim=2, correction=0), high], dim=1)


def build_frozen(cfg, features: Sequence[FeatureName]) -> FrozenFeatures:
    """Return the networks of a config with random weights drawn from ``RNG_SEED``.

    ``MODEL.MODEL_NAME`` may be a self-supervised method, whose heads then take part; otherwise they
    are ``MODEL.ARCH`` and, where audio is wanted, ``AUDIO.ARCH``.

    Raises:
        ConfigError: a feature that the networks do not have.
    """
    torch.manual_seed(cfg.RNG_SEED)
    wanted = {f.modality for f in features}
    clips = ClipPreprocessor.from_cfg(cfg.DATA, channels_last=cfg.MODEL.CHANNELS_LAST)
    method = None
    if cfg.MODEL.MODEL_NAME in SSL_METHODS:
        method = build_ssl_model(cfg, UnknownItems())
        parts = method.parts()
        networks = {m: parts[f"{m}_backbone"] for m in MODALITIES if f"{m}_backbone" in parts}
    else:
        networks = {"video": build_backbone(cfg.MODEL.ARCH)}
        if "audio" in wanted:
            networks["audio"] = build_audio_backbone(cfg.AUDIO.ARCH)
    _check(cfg, features, networks, method)
    log_mel = None
    if any(f.layer == LOG_MEL for f in features):
        log_mel = LogMel(sample_rate=cfg.AUDIO.SAMPLE_RATE, duration=cfg.AUDIO.DURATION)
    hears = any(f.modality == "audio" and f.layer != LOG_MEL for f in features)
    audio = build_audio_features(cfg.AUDIO) if hears else None
    return FrozenFeatures(features, networks, clips, audio, method, log_mel)


def _check(cfg, features, networks, method) -> None:
    for feature in features:
        if feature.modality not in networks:
            raise ConfigError(f"{feature.text}: {cfg.MODEL.MODEL_NAME} has no audio network.")
        if feature.layer == EMBEDDING:
            if method is None:
                raise ConfigError(
                    f"{feature.text}: MODEL.MODEL_NAME {cfg.MODEL.MODEL_NAME} has no embeddings; name "
                    "the self-supervised method that made MODEL.CKPT."
                )
            missing = [m for m in method.modalities if all(f.modality != m for f in features)]
            if missing:
                raise ConfigError(
                    f"{feature.text}: {cfg.MODEL.MODEL_NAME} embeds {' and '.join(method.modalities)} "
                    f"together; name a feature of {missing[0]} too."
                )


def fill_frozen(model: FrozenFeatures, cfg) -> ImportReport | None:
    """Load ``MODEL.CKPT`` into the networks; without one they stay random, and there is no report.

    Raises:
        CheckpointError: a part would stay random beside others that do not.
    """
    return initialise(model if model.method is None else model.method, cfg)
