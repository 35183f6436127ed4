"""Checkpoints of this package: a fine-tuned network, or both encoders of a pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add
from slowfast.checkpoint.store import saved_key


def saved_inputs(content: Mapping[str, Any]) -> r.Inputs | None:
    """Return the inputs of the config that the run had."""
    keys = ("MEAN", "STD", "REVERSE_INPUT_CHANNEL", "TRAIN_CROP_SIZE")
    mean, std, reverse, crop = (saved_key(content, f"DATA.{key}") for key in keys)
    return r.Inputs(tuple(mean), tuple(std), reverse, crop) if mean else None


SLOWFAST = add(
    "slowfast",
    r.Rule(
        title="Own run",
        at="model_state",
        parts={
            r"backbone\.": r.VIDEO,
            r"encoder\.video_backbone\.": r.VIDEO,
            r"encoder\.audio_backbone\.": r.AUDIO,
            r"encoder\.video_projection\.": r.VIDEO_HEAD,
            r"encoder\.audio_projection\.": r.AUDIO_HEAD,
            r"criterion\.|searched_epoch": r.MEMORY,
            r"head\.": r.CLASSIFIER,
        },
        inputs=saved_inputs,
        arch=lambda content: saved_key(content, "MODEL.ARCH"),
    ),
)
