"""The numbers of training steps, kept on the device and read a few steps at a time.

Reading a number makes the host wait for the device, which then has nothing to do. So the steps between
two log lines hand in tensors, and one copy brings them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from slowfast.tasks.base import Batch, StepOutput

NORM, SCALE = "grad_norm", "grad_scale"
# A gradient scaler that has come down to this from 65536 has left out 24 steps; what is not finite
# then is so at any scale.
LOWEST_SCALE = 2.0**-8


@dataclass
class StepRecord:
    """What is known of a step before its numbers are read.

    Attributes:
        epoch, step: where it was taken.
        learning_rate: of it.
        files: ``{"index": rows of the list}`` of each of its batches.
        batch_size: items in all of them.
        losses, metrics: names of what was measured of each batch.
        scaled: whether a scaler leaves out steps whose gradient is not finite; else it is an error.
        values: norm and scale of the gradient, then losses and metrics of each batch, 1-D.
    """

    epoch: int
    step: int
    learning_rate: float
    files: list[dict[str, Any]]
    batch_size: int
    losses: list[str]
    metrics: list[str]
    scaled: bool
    values: Tensor

    @classmethod
    def of(
        cls,
        place: tuple[int, int],
        learning_rate: float,
        batches: Sequence[Batch],
        outputs: Sequence[StepOutput],
        grad_norm: Tensor,
        scale: Tensor | None,
    ) -> StepRecord:
        """Return the record of a step at ``(epoch, step)``; nothing is read."""
        losses, metrics = list(outputs[0].losses), list(outputs[0].metrics)
        values = [grad_norm, 1.0 if scale is None else scale]
        for output in outputs:
            values += [output.losses[name] for name in losses]
            values += [output.metrics[name] for name in metrics]
        device = grad_norm.device
        held = torch.stack([torch.as_tensor(v, device=device).detach() for v in values])
        files = [{"index": batch["index"]} for batch in batches]
        size = sum(output.batch_size for output in outputs)
        return cls(*place, learning_rate, files, size, losses, metrics, scale is not None, held)

    def numbers(self, values: Sequence[float]) -> dict[str, float]:
        """Return the means over the batches of the step by name, and the ``loss`` they add up to."""
        norm, scale, *rest = values
        names = [*self.losses, *self.metrics]
        parts = [rest[k : k + len(names)] for k in range(0, len(rest), len(names))]
        means = {
            name: sum(column) / len(parts)
            for name, column in zip(names, zip(*parts, strict=True), strict=True)
        }
        loss = sum(means[name] for name in self.losses)
        scales = {SCALE: scale} if self.scaled else {}
        return {"lr": self.learning_rate, NORM: norm, **scales, **means, "loss": loss}

    def problem(self, numbers: Mapping[str, float]) -> str:
        """Return what is not finite and must be; empty where nothing is."""
        if not math.isfinite(numbers["loss"]):
            return f"loss {numbers['loss']}"
        if not self.scaled and not math.isfinite(numbers[NORM]):
            return f"gradient norm {numbers[NORM]}"
        if self.scaled and not LOWEST_SCALE <= numbers[SCALE] < math.inf:
            return f"gradient at scale {numbers[SCALE]:g}"
        return ""


def read(records: Sequence[StepRecord]) -> list[dict[str, float]]:
    """Return the numbers of all records; the one moment at which the host waits."""
    if not records:
        return []
    values = torch.cat([record.values for record in records]).tolist()
    found, begin = [], 0
    for record in records:
        end = begin + len(record.values)
        found.append(record.numbers(values[begin:end]))
        begin = end
    return found
