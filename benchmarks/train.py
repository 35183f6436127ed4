"""Our training step against a bare PyTorch loop on the same model and tensors.

Prints the overhead of the engine (goal: at most 3 %) and the gain of bfloat16 with channels-last
over float32 (goal on a CPU with AVX-512 or AMX bfloat16: at least 2 times).

    python benchmarks/train.py [--arch r2plus1d_18] [--frames 8] [--crop 112] [--batch 4]
"""

import argparse
import sys
from pathlib import Path

import torch
from timing import in_turns, median, ratio
from torch.nn import functional as F
from torch.utils.data import DataLoader

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

    def build_loader(self, split: str, views: str | None = None):
        """Return a loader of nothing but the batch."""
        return DataLoader([0], collate_fn=lambda _: self.batch)


def config(args, fast: bool):
    """Return a config for the benchmark's model."""
    cfg = get_cfg()
    cfg.merge_from_list(
        [
            *("NUM_GPUS", args.gpus, "MODEL.MODEL_NAME", "VSSL", "MODEL.ARCH", args.arch),
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


def measure(args, fast: bool) -> tuple[float, float, float]:
    """Return median seconds of the bare and of our step, and the median of their paired ratios."""
    cfg = config(args, fast)
    batch = random_batch(args)
    trainer = Trainer(cfg, FixedBatches(cfg, batch), Path("."))
    trainer.enter_phase()
    trainer.model.train()
    mean = torch.tensor(cfg.DATA.MEAN, device=trainer.device).view(1, 3, 1, 1, 1)
    std = torch.tensor(cfg.DATA.STD, device=trainer.device).view(1, 3, 1, 1, 1)
    bare = bare_step(trainer, batch, mean, std)
    works = {"bare": bare, "ours": lambda: trainer.run_step([batch])}
    in_turns(works, 2)
    times = in_turns(works, args.steps)
    seconds = [median(times[name]).wall for name in works]
    return *seconds, ratio(times["ours"], times["bare"], "wall")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="r2plus1d_18")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--crop", type=int, default=112)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--gpus", type=int, default=0, choices=(0, 1))
    args = parser.parse_args()
    where = torch.cuda.get_device_name() if args.gpus else f"CPU, {torch.get_num_threads()} threads"
    print(f"{args.arch}, batch {args.batch} x {args.frames} x {args.crop}^2, {where}")
    print(f"{'':26}{'bare s/step':>12}{'ours s/step':>12}{'overhead':>10}")
    ours = {}
    for fast, title in ((False, "float32"), (True, "bfloat16, channels last")):
        bare, ours[fast], share = measure(args, fast)
        print(f"{title:26}{bare:12.3f}{ours[fast]:12.3f}{100 * (share - 1):9.1f}%")
    print(f"bfloat16 with channels last is {ours[False] / ours[True]:.2f} times float32")
    return 0


if __name__ == "__main__":
    sys.exit(main())
