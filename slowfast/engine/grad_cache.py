"""Large in-batch losses on little memory: embeddings first, gradients part by part.

Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup" (2021). All parts
of a step are encoded without gradients, the loss is taken of all of them at once, and each part is
encoded again to carry the gradients of its embeddings on. Loss and gradients are those of one large
batch, but for batch normalisation, whose statistics are those of each part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from slowfast.engine.precision import Precision
from slowfast.tasks.base import Batch, StepOutput, Task
from slowfast.utils.draws import part_of_batch


@dataclass
class Draws:
    """What a step drew.

    Attributes:
        states: of random generators before each batch.
        shared: what belongs to all batches together, such as places of crops.
    """

    states: list[tuple[Tensor, ...]] = field(default_factory=list)
    shared: list[Tensor] = field(default_factory=list)


def cached_losses(
    task: Task, model: nn.Module, batches: Sequence[Batch], precision: Precision
) -> tuple[StepOutput, dict[str, Tensor], Draws]:
    """Return the losses of all batches together, the embeddings they depend on, and what was drawn.

    Args:
        task: with :meth:`Task.encode` and :meth:`Task.losses`.
        model: the bare model.
        batches: on the device of the model.
        precision: of the run.
    """
    found, draws = [], Draws()
    with torch.no_grad(), kept_statistics(model):
        for batch in batches:
            draws.states.append(_random_state())
            with precision.autocast(), part_of_batch(draws.shared):
                found.append(task.encode(model, batch))
    joined = {name: torch.cat([part[name] for part in found]) for name in found[0]}
    embeddings = {name: tensor.requires_grad_() for name, tensor in joined.items()}
    index = torch.cat([batch["index"] for batch in batches])
    with precision.autocast():
        return task.losses(model, embeddings, {"index": index}), embeddings, draws


def carry_gradients(
    task: Task,
    model: nn.Module,
    batches: Sequence[Batch],
    embeddings: dict[str, Tensor],
    draws: Draws,
    precision: Precision,
) -> None:
    """Encode every batch again and carry the gradients of its embeddings to the weights.

    Args:
        task, batches, precision: see :func:`cached_losses`.
        model: the wrapped model; only the last batch exchanges gradients between processes.
        embeddings: with the gradients of the loss; those that are keys alone have none.
        draws: of the step.
    """
    begin = 0
    for k, (batch, state) in enumerate(zip(batches, draws.states, strict=True)):
        end = begin + len(batch["index"])
        gradients = {
            name: tensor.grad[begin:end]
            for name, tensor in embeddings.items()
            if tensor.grad is not None
        }
        _set_random_state(state)
        apart = k < len(batches) - 1 and hasattr(model, "no_sync")
        with model.no_sync() if apart else nullcontext():
            with precision.autocast(), part_of_batch(draws.shared):
                output = task.training_step(model, {**batch, "gradients": gradients})
            sum(output.losses.values()).backward()
        begin = end


@contextmanager
def kept_statistics(model: nn.Module) -> Iterator[None]:
    """Let normalisation layers end with the running statistics that they began with."""
    buffers = [
        buffer
        for layer in model.modules()
        if isinstance(layer, _NormBase)
        for buffer in layer.buffers(recurse=False)
    ]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)


def _random_state() -> tuple[Tensor, ...]:
    if torch.cuda.is_available():
        return torch.get_rng_state(), torch.cuda.get_rng_state()
    return (torch.get_rng_state(),)


def _set_random_state(state: tuple[Tensor, ...]) -> None:
    torch.set_rng_state(state[0])
    if len(state) > 1:
        torch.cuda.set_rng_state(state[1])
