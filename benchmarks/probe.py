"""An epoch of a linear probe on cached features against one that runs the frozen network each time.

Both learn from the same random clips, which lie in memory: reading videos, which only the second kind
of epoch has to do as well, is not counted.

    python benchmarks/probe.py [--clips 64] [--arch avid_r2plus1d_18] [--frames 8] [--crop 112] [--pairs 10]

Goal: an epoch on cached features takes at most 1/20 of the time.
"""

import argparse
import sys

import numpy as np
import torch
from timing import in_turns, median, setting, table_row
from torch import Tensor
from torch.nn import functional as F

from slowfast.evaluation.probe_training import Clips, Recipe, train_probes
from slowfast.models.backbones import build_backbone
from slowfast.models.feature_maps import parse_feature
from slowfast.models.frozen_probe import FrozenProbe
from slowfast.models.heads.linear_probes import LinearProbes

FEATURES = ("video.conv5x:max4", "video")
CLASSES = 100
GOAL = 20


def end_to_end(model: FrozenProbe, clips: Tensor, labels: Tensor, batch: int) -> None:
    """Train the classifiers for an epoch, each step through the frozen network."""
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=1e-3)
    model.train()
    for begin in range(0, len(clips), batch):
        part = slice(begin, begin + batch)
        logits = model([clips[part]])
        loss = sum(F.cross_entropy(own, labels[part]) for own in logits.unbind(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def cached(features: list[np.ndarray], labels: np.ndarray, batch: int, pairs: int) -> None:
    """Train classifiers for an epoch on features, with so many pairs of rate and decay at once."""
    recipe = Recipe(tuple(1e-3 for _ in range(pairs)), epochs=1, batch_size=batch)
    for own in features:
        probes = LinearProbes(own.shape[-1], CLASSES, pairs)
        train_probes(probes, Clips.of(own), labels, recipe.grid, recipe)


def main() -> int:
    """Measure in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--arch", default="avid_r2plus1d_18")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--crop", type=int, default=112)
    parser.add_argument("--pairs", type=int, default=10, help="of rate and decay")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(0)
    names = [parse_feature(name) for name in FEATURES]
    model = FrozenProbe(build_backbone(args.arch), names, CLASSES, args.frames)
    clips = torch.randn(args.clips, 3, args.frames, args.crop, args.crop)
    labels = torch.randint(CLASSES, (args.clips,))
    parts = [model.extract(part) for part in clips.split(args.batch)]
    features = [torch.cat([p[f.text] for p in parts]).numpy()[:, None] for f in names]
    works = {
        "end to end": lambda: end_to_end(model, clips, labels, args.batch),
        "cached, 1 pair": lambda: cached(features, labels.numpy(), args.batch, 1),
        f"cached, {args.pairs} pairs": lambda: cached(
            features, labels.numpy(), args.batch, args.pairs
        ),
    }
    for work in list(works.values())[1:]:
        work()
    seconds = {name: median(rounds).wall for name, rounds in in_turns(works, args.rounds).items()}
    print(setting())
    print(
        f"{args.clips} clips of {args.frames}x{args.crop}x{args.crop}, {args.arch}, "
        f"{', '.join(FEATURES)}"
    )
    whole = seconds["end to end"]
    for name, own in seconds.items():
        print(f"{name:18}{own:9.3f} s per epoch, 1/{whole / own:.0f} of end to end")
    gain = whole / seconds["cached, 1 pair"]
    table_row(
        "epoch of a linear probe on cached features", gain, "times as fast", least=GOAL, form=".0f"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
