"""What crops of the feature map cost, against crops of the input and against none.

    python benchmarks/stica.py [--arch r2plus1d_18] [--batch 2] [--frames 30] [--rounds 3]

One training step of STiCA on R(2+1)D-18 without crops, with those of the published 2L4S 2TL1TS, and
with as many crops of the input, cut to the same shares of space and time. Operations are counted in the
forward pass of the networks; times are medians of interleaved steps.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from timing import in_turns, median, ratio, setting, table_row
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.ssl.base import build_ssl_model
from slowfast.ssl.stica import STiCA

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs/main/stica/kinetics/30f-gap-2L4S-2TL1TS.yaml"
NO_CROPS = (
    "LARGE_CROPS",
    "1",
    "SMALL_CROPS",
    "0",
    "LARGE_TIME_CROPS",
    "0",
    "SMALL_TIME_CROPS",
    "0",
)


def build(args, *words: str) -> STiCA:
    """Return the method on a video network with other keys of ``SSL.STICA``."""
    pairs = [f"SSL.STICA.{word}" if k % 2 == 0 else word for k, word in enumerate(words)]
    keys = ["MODEL.ARCH", args.arch, "NUM_GPUS", "0", "BN.NORM_TYPE", "batchnorm"]
    keys += ["DATA.TRAIN_CROP_SIZE", str(args.crop), *args.keys, *pairs]
    cfg = assert_and_infer_cfg(load_cfg([CONFIG], keys))
    torch.manual_seed(0)
    return build_ssl_model(cfg, [])


def input_crops(model: STiCA, clips: list[Tensor]) -> list[Tensor]:
    """Return for every crop of the published loss a crop of the clips of the same share."""
    found = []
    for view, clip in enumerate(clips):
        frames, side = clip.shape[2], clip.shape[3]
        for family in model.families:
            counts = {0: (family.large, 0), 1: (family.large - 1, family.small)}[view]
            for count, window in zip(counts, family.windows, strict=True):
                if family.name == "space":
                    cells = round(side * window / 7)
                    found += [clip[..., :cells, :cells]] * count
                else:
                    found += [clip[:, :, : round(frames * window / 4)]] * count
    return found


def steps(args, device: torch.device) -> dict[str, object]:
    """Return the three steps as functions without arguments."""
    plain = build(args, "CROSS_MODAL_WEIGHT", "1.0", *NO_CROPS).to(device).train()
    crops = build(args).to(device).train()
    shape = (2 * args.batch, 3, args.frames, args.crop, args.crop)
    batch = {
        "video": [torch.randn(shape, device=device)],
        "audio": torch.randn(args.batch, 1, 257, 99, device=device),
    }

    def step(model: STiCA) -> None:
        sum(model(batch)[0].values()).backward()
        model.zero_grad(set_to_none=True)

    def with_input_crops() -> None:
        clips = list(batch["video"][0].unflatten(0, (-1, 2)).unbind(1))
        losses = sum(crops(batch)[0].values())
        branch = crops.encoder.branches["video"]
        for crop in input_crops(crops, clips):
            losses = losses + branch(crop).square().mean()
        losses.backward()
        crops.zero_grad(set_to_none=True)

    return {
        "none": lambda: step(plain),
        "feature": lambda: step(crops),
        "input": with_input_crops,
    }


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="r2plus1d_18")
    parser.add_argument("--batch", type=int, default=2, help="clips, each cut twice")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--crop", type=int, default=112)
    parser.add_argument("keys", nargs="*", help="KEY VALUE pairs of the config")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    works = steps(args, device)
    flops = {}
    for name, work in works.items():
        with FlopCounterMode(display=False) as counter:
            work()
        flops[name] = counter.get_total_flops()
    times = in_turns(works, args.rounds)
    print(setting(device.type))
    print(f"{args.arch}, {args.batch} clips x 2 x {args.frames} x {args.crop}^2")
    print(f"{'crops':10}{'TFLOP':>8}{'s/step':>9}{'of none':>9}{'of input crops':>16}")
    for name in works:
        shares = [ratio(times[name], times[base], "wall") for base in ("none", "input")]
        seconds = median(times[name]).wall
        print(f"{name:10}{flops[name] / 1e12:8.3f}{seconds:9.2f}{shares[0]:9.2f}{shares[1]:16.2f}")
    for base, what, most in (
        ("none", "a step without crops", 1.15),
        ("input", "input crops", 0.35),
    ):
        share = ratio(times["feature"], times[base], "wall")
        table_row("step of STiCA with feature crops", share, f"of {what}", most=most)
    return 0


if __name__ == "__main__":
    sys.exit(main())
