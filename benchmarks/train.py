"""Our training step against a bare PyTorch loop on the same model and tensors.

Prints the overhead of the engine (goal: at most 3 %), clips and operations per second with their share
of what a matrix product reaches, the gain of bfloat16 with channels-last over float32 (goal: at least 2
times on a CPU with AVX-512 or AMX bfloat16, 2.5 times on a GPU), and whether reading could keep up.

    python benchmarks/train.py [--device cpu] [--arch r2plus1d_18] [--frames 8] [--crop 112] [--batch 4]
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import torch
from data import loader_of, write_video
from timing import in_turns, median, ratio, setting, table_row, timed
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from slowfast.config import get_cfg
from slowfast.datasets.transforms.color import IDENTITY
from slowfast.engine.trainer import Trainer
from slowfast.tasks.recognition import Recognition


class FixedBatches(Recognition):
    """Recognition on one batch of random clips that stays in memory."""

    def __init__(self, cfg, batch) -> None:
        super().__init__(cfg)
        self.batch = batch

    def list_fingerprint(self, dataset) -> str:
        """Return a constant: there is no list."""
        return ""

    def batch_files(self, dataset, batch) -> list[str]:
        """Return what stands for the files of the batch."""
        return ["random clips"]

    def build_loader(self, split: str, views: str | None = None):
        """Return a loader of nothing but the batch."""
        return DataLoader([0], collate_fn=lambda _: self.batch)


def config(args, fast: bool):
    """Return a config for the benchmark's model."""
    cfg = get_cfg()
    cfg.merge_from_list(
        [
            *(
                "NUM_GPUS",
                int(args.device == "cuda"),
                "MODEL.MODEL_NAME",
                "VSSL",
                "MODEL.ARCH",
                args.arch,
            ),
            *("MODEL.NUM_CLASSES", 101, "DATA.NUM_FRAMES", args.frames),
            *("DATA.TRAIN_CROP_SIZE", args.crop, "TRAIN.BATCH_SIZE", args.batch),
            *("SOLVER.BASE_LR", 1e-4, "SOLVER.OPTIMIZING_METHOD", "adam"),
            *("TRAIN.MIXED_PRECISION", fast, "MODEL.CHANNELS_LAST", fast),
        ]
    )
    return cfg


def random_batch(args) -> dict:
    """Return clips as the loader hands them over."""
    generator = torch.Generator().manual_seed(0)
    shape = (args.batch, 1, 3, args.frames, args.crop, args.crop)
    return {
        "video": torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8),
        "color": torch.tensor([[IDENTITY]] * args.batch),
        "label": torch.randint(0, 101, (args.batch,), generator=generator),
        "index": torch.arange(args.batch),
        "failures": [],
    }


def bare_step(trainer: Trainer, batch: dict, mean: torch.Tensor, std: torch.Tensor):
    """Return a function that takes one step as a short script would."""
    device = trainer.device
    model, optimizer = trainer.model, trainer.optimizer
    layout = torch.channels_last_3d if trainer.cfg.MODEL.CHANNELS_LAST else torch.contiguous_format
    precision = trainer.precision
    parameters = list(model.parameters())

    def step() -> None:
        clips = batch["video"][:, 0].to(device).float().div_(255.0)
        clips = ((clips - mean) / std).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=precision.dtype, enabled=precision.enabled):
            logits = model([clips])
        loss = F.cross_entropy(logits.float(), batch["label"].to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, float("inf"))
        optimizer.step()
        loss.item()

    return step


def step_flops(trainer: Trainer, batch: dict) -> int:
    """Return the floating-point operations of a step, a multiplication and an addition for two."""
    with FlopCounterMode(display=False) as counter:
        trainer.run_step([batch])
    trainer.read_numbers()
    return counter.get_total_flops()


def product_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """Return what a large matrix product reaches on a device: the peak that a step is measured by."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds = [timed(lambda: one @ other).wall for _ in range(8)]
    return 2 * side**3 / min(seconds) / 1e12


def loader_clips_per_second(args) -> float:
    """Return the clips that one core reads of the videos of ``benchmarks/data.py``, crops included."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.mp4" for k in range(2)]
        for k, path in enumerate(paths):
            write_video(path, k, {"g": "12"}, args.seconds)
        loader = loader_of(paths, args.loader_clips)
        seconds = min(timed(lambda: list(loader)).cpu for _ in range(2))
    return args.loader_clips // len(paths) * len(paths) / seconds


def measure(args, fast: bool) -> dict[str, float]:
    """Return medians of the bare and of our step, the median of their paired ratios, and TFLOP/s."""
    cfg = config(args, fast)
    batch = random_batch(args)
    trainer = Trainer(cfg, FixedBatches(cfg, batch), Path("."))
    trainer.enter_phase()
    trainer.model.train()
    mean = torch.tensor(cfg.DATA.MEAN, device=trainer.device).view(1, 3, 1, 1, 1)
    std = torch.tensor(cfg.DATA.STD, device=trainer.device).view(1, 3, 1, 1, 1)
    flops = step_flops(trainer, batch)

    def ours() -> None:
        trainer.run_step([batch])
        trainer.read_numbers()

    works = {"bare": bare_step(trainer, batch, mean, std), "ours": ours}
    in_turns(works, 2)
    times = in_turns(works, args.steps)
    seconds = {name: median(times[name]).wall for name in works}
    dtype = trainer.precision.dtype if fast else torch.float32
    return {
        **seconds,
        "overhead": ratio(times["ours"], times["bare"], "wall") - 1,
        "tflops": flops / seconds["ours"] / 1e12,
        "peak": product_tflops(trainer.device, dtype),
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="r2plus1d_18")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--crop", type=int, default=112)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seconds", type=int, default=10, help="length of the videos to read")
    parser.add_argument("--loader-clips", type=int, default=40)
    args = parser.parse_args()
    print(setting(args.device))
    print(f"{args.arch}, batch {args.batch} x {args.frames} x {args.crop}^2")
    print(
        f"{'':26}{'bare s/step':>12}{'ours s/step':>12}{'overhead':>10}{'clips/s':>9}{'TFLOP/s':>9}"
        f"{'of products':>12}"
    )
    found = {}
    for fast, title in ((False, "float32"), (True, "bfloat16, channels last")):
        one = found[fast] = measure(args, fast)
        print(
            f"{title:26}{one['bare']:12.3f}{one['ours']:12.3f}{100 * one['overhead']:9.1f}%"
            f"{args.batch / one['ours']:9.2f}{one['tflops']:9.3f}{one['tflops'] / one['peak']:12.0%}"
        )
    fast, plain = found[True], found[False]
    network = f"{args.arch}, {args.batch} x {args.frames} x {args.crop}²"
    for one, title in ((plain, "float32"), (fast, "bfloat16")):
        table_row(
            f"step beside a bare loop, {title}",
            100 * one["overhead"],
            "% longer",
            most=3,
            form=".1f",
        )
    gain, least = plain["bare"] / fast["ours"], 2.5 if args.device == "cuda" else 2.0
    table_row(
        f"bfloat16 with channels last, {network}", gain, "times the bare float32 loop", least=least
    )
    clips, fed = args.batch / fast["ours"], loader_clips_per_second(args)
    cores = os.cpu_count()
    bound = "computing" if fed * cores > clips else "reading"
    print(
        f"a core reads {fed:.1f} clips/s of videos with key frames 12 apart; the step takes {clips:.1f}: "
        f"{clips / fed:.2f} cores must read, and {bound} limits a run on these {cores}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
