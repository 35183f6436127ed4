"""Training of probes on cached features: all learning rates and weight decays at once.

Which of them counts is decided by a held-out tenth of the training items, never by the test set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.datasets.samplers import TrainBatches

HELD_OUT = 10  # one of so many
ROWS, NUMBERS = 1024, 2**25  # samples, and numbers in them, that are scored at a time


# From a count H to so many classifiers on the same features: a module from features to logits
# ``(H, B, C)`` with ``of(place)``, the parameters of one of them.
Build = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Clips:
    """Features of the clips of some items, read from a memory-mapped file when they are needed.

    Attributes:
        array: ``(M, V, ...)``.
        rows: of the items ``(N,)``.
        joined: the tokens ``(V, T, C)`` of all clips of an item are one sample ``(V * T, C)``.
    """

    array: np.ndarray
    rows: np.ndarray
    joined: bool = False

    @classmethod
    def of(cls, array: np.ndarray) -> Clips:
        """Return all items of an array."""
        return cls(array, np.arange(len(array)))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def views(self) -> int:
        """Samples of an item."""
        return 1 if self.joined else self.array.shape[1]

    @property
    def size(self) -> int:
        """Numbers in a sample."""
        return int(np.prod(self.array.shape[1:])) // self.views

    def take(self, places: np.ndarray) -> Clips:
        """Return some of the items."""
        return replace(self, rows=self.rows[places])

    def samples(self, numbers: np.ndarray) -> np.ndarray:
        """Return samples ``(B, ...)`` by their numbers: all of the first item, then of the second."""
        rows = self.rows[numbers // self.views]
        if self.joined:
            found = self.array[rows]
            return found.reshape(len(rows), -1, found.shape[-1])
        return self.array[rows, numbers % self.views]


@dataclass(frozen=True)
class Recipe:
    """How probes learn: AdamW with a rate that falls to zero as a cosine.

    Attributes:
        lrs, decays: of which every pair is tried.
        epochs: passes over the training clips.
        batch_size: clips per step; fewer where there are fewer.
        seed: of the order.
    """

    lrs: Sequence[float]
    decays: Sequence[float] = (0.0,)
    epochs: int = 20
    batch_size: int = 256
    seed: int = 0

    @property
    def grid(self) -> list[tuple[float, float]]:
        """All pairs of rate and decay."""
        return list(product(self.lrs, self.decays))


class Fitted(NamedTuple):
    """A probe that was chosen and learned from all training items.

    Attributes:
        scores: probabilities of the test items ``(M, C)``, averaged over their clips.
        lr, decay: the pair that was chosen.
        held_out_acc: its accuracy on the held-out tenth, NaN where there was nothing to choose.
        every: probabilities by all pairs ``(H, M, C)``, learned without that tenth.
    """

    scores: np.ndarray
    lr: float
    decay: float
    held_out_acc: float
    every: np.ndarray


@torch.enable_grad()
def train_probes(
    probes: nn.Module,
    clips: Clips,
    labels: np.ndarray,
    grid: Sequence[tuple[float, float]],
    recipe: Recipe,
    device: torch.device | str = "cpu",
) -> None:
    """Train probes.

    Args:
        probes: H of them, on the device; changed in place.
        clips: of N items.
        labels: ``(N,)``.
        grid: rate and decay of each probe.
        recipe: everything else.
    """
    count = len(clips) * clips.views
    batch = min(recipe.batch_size, count)
    order = TrainBatches(count, batch, 1, recipe.seed)
    groups = [
        {"params": probes.of(k), "lr": lr, "weight_decay": decay}
        for k, (lr, decay) in enumerate(grid)
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
    probes.train()
    for epoch in range(recipe.epochs):
        rows = order.order(epoch)
        for step in range(len(order)):
            chosen = rows[step * batch : (step + 1) * batch]
            progress = (epoch + step / len(order)) / recipe.epochs
            for group, (lr, _) in zip(optimizer.param_groups, grid, strict=True):
                group["lr"] = lr * (math.cos(math.pi * progress) + 1) / 2
            x = _tensor(clips.samples(chosen), device)
            y = torch.from_numpy(labels[chosen // clips.views]).to(device)
            logits = probes(x).float()
            # The probes share nothing that learns: the sum of their losses is that of each.
            losses = F.cross_entropy(logits.flatten(0, 1), y.repeat(len(logits)), reduction="none")
            optimizer.zero_grad(set_to_none=True)
            losses.unflatten(0, logits.shape[:2]).mean(dim=1).sum().backward()
            optimizer.step()


@torch.inference_mode()
def probabilities(
    probes: nn.Module, clips: Clips, device: torch.device | str = "cpu"
) -> np.ndarray:
    """Return ``(H, M, C)`` of the clips of M items, averaged over the samples of an item."""
    probes.eval()
    rows = min(ROWS, max(1, NUMBERS // clips.size))
    found, size = [], max(1, rows // clips.views) * clips.views
    for begin in range(0, len(clips) * clips.views, size):
        numbers = np.arange(begin, min(begin + size, len(clips) * clips.views))
        scores = probes(_tensor(clips.samples(numbers), device)).float().softmax(dim=2)
        found.append(scores.unflatten(1, (-1, clips.views)).mean(dim=2).cpu().numpy())
    return np.concatenate(found, axis=1)


def held_out_tenth(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return which items ``(N,)`` are held out: a tenth of each class, one at least of two or more."""
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        count = max(round(len(own) / HELD_OUT), int(len(own) > 1))
        held[np.random.default_rng([seed, int(label)]).permutation(own)[:count]] = True
    return held


def fit_probes(
    build: Build,
    train: Clips,
    labels: np.ndarray,
    test: Clips,
    recipe: Recipe,
    device: torch.device | str = "cpu",
) -> Fitted:
    """Choose rate and decay on a held-out tenth, learn from all training items, and score others.

    Args:
        build: returns so many new probes.
        train, labels: of N items.
        test: of M items.
        recipe: with the pairs to try.
    """
    grid, best, accuracy = recipe.grid, 0, math.nan
    every = None
    if len(grid) > 1:
        held = held_out_tenth(labels, recipe.seed)
        probes = build(len(grid)).to(device)
        rest = train.take(~held)
        train_probes(probes, rest, labels[~held], grid, recipe, device)
        right = probabilities(probes, train.take(held), device).argmax(axis=2) == labels[held]
        best, accuracy = int(right.mean(axis=1).argmax()), 100.0 * float(right.mean(axis=1).max())
        every = probabilities(probes, test, device)
    probe = build(1).to(device)
    train_probes(probe, train, labels, [grid[best]], recipe, device)
    scores = probabilities(probe, test, device)
    return Fitted(scores[0], *grid[best], accuracy, scores if every is None else every)


def _tensor(values: np.ndarray, device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).to(device).float()
