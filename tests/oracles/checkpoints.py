"""Foreign checkpoint files, rebuilt from the recorded names, shapes and formulas."""

from __future__ import annotations

from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from oracles.fills import gdt_entry, severe_entry, severe_input, zero_shot_entry
from torch import nn

# The methods of SEVERE, each with a recorded file.
METHODS = [
    "avid_cma",
    "ctp",
    "gdt",
    "moco",
    "pretext_contrast",
    "rspnet",
    "selavi",
    "supervised",
    "tclr",
    "tubelet_contrast",
    "tubelet_contrast_r3d",
    "video_moco",
]

CLOSE = {"rel": 1e-4, "abs": 1e-4}

Entry = Callable[[str, list[int], str, int], torch.Tensor]


def tensors(entries, entry: Entry, wanted: Collection[str]) -> OrderedDict[str, torch.Tensor]:
    """Return all entries; those not wanted are cheap zeros, which take no room in a file."""
    return OrderedDict(
        (
            name,
            entry(name, shape, dtype, i)
            if name in wanted
            else torch.zeros((), dtype=getattr(torch, dtype)).expand(shape),
        )
        for i, (name, shape, dtype) in enumerate(entries)
    )


def severe_content(recorded: dict[str, Any], rule: str = "hash") -> dict[str, Any]:
    """Return what a file of SEVERE's bundle holds, by fill rule ``sine`` or ``hash``."""
    fill = recorded["fill"]
    state = tensors(
        recorded["entries"],
        lambda *entry: severe_entry(*entry, fill, rule),
        wanted_names(recorded),
    )
    where = recorded["top_level"]
    if not where["state_dict_path"]:
        return state
    beside = {key: _beside(key) for key in where["other_top_level_keys"]}
    return {**beside, where["state_dict_path"][0]: state}


def severe_layout(recorded: dict[str, Any]) -> dict[str, Any]:
    """Return what such a file holds, with nothing but zeros in it."""
    state = tensors(recorded["entries"], None, ())
    at = recorded["top_level"]["state_dict_path"]
    return {at[0]: state, "epoch": 3} if at else state


def wanted_names(recorded: dict[str, Any]) -> set[str]:
    """Return the names in the file of what fills the video network."""
    names = {name for name in recorded["rename"]}
    if recorded["method"] == "tclr":  # the reference leaves these random
        names |= {e[0] for e in recorded["entries"] if e[0].startswith("module.0.")}
    return names


def maps_of(network: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what each child of a network makes of an input, by name."""
    found = {}
    for name, child in network.named_children():
        x = found[name] = child(x)
    return found


@torch.inference_mode()
def assert_recorded_features(backbone: nn.Module, recorded: dict[str, Any], rule: str) -> None:
    """Compare what a filled network computes with what the reference computed."""
    want = recorded["features" if rule == "sine" else "features_hash"]
    clip = severe_input((1, 3, 8, 112, 112), recorded["fill"], rule)
    found = backbone.double().eval()(clip)
    pooled = found.mean((2, 3, 4))[0]
    assert list(found.shape) == want["feature_map_shape"]
    assert float(found.norm()) == pytest.approx(want["feature_map_l2"], rel=1e-4)
    assert pooled[:16].tolist() == pytest.approx(want["pooled_first16"], rel=1e-4, abs=1e-4)
    assert float(pooled.norm()) == pytest.approx(want["pooled_l2"], rel=1e-4)


def gdt_content(recorded: dict[str, Any], networks: str = "video_network.") -> dict[str, Any]:
    """Return what a file of the GDT or STiCA release holds; weights only of some ``networks``."""
    entries = recorded["entries"]
    filled = {e[0] for e in entries if networks in e[0]}
    state = tensors(entries, gdt_entry, filled)
    beside = {key: _beside(key) for key in recorded["top_level"]}
    return {**beside, recorded["state_dict_key"]: state}


def zero_shot_content(recorded: dict[str, Any], gain: float) -> dict[str, Any]:
    """Return what a file of the zero-shot release holds."""
    entries = recorded["state_dict"]
    state = tensors(entries, lambda *entry: zero_shot_entry(*entry, gain), {e[0] for e in entries})
    wrapped = OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
    return {"state_dict": wrapped, "opt": Namespace(lr=1e-3), "accuracy": 30.0}


def _beside(key: str) -> Any:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    return {
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"after_scheduler": schedule, "last_epoch": 3},
        "scheduler": {"last_epoch": 3},
        "args": Namespace(model="av_gdt", batch_size=16),
        "meta": {"epoch": 90, "iter": 1},
        "train_criterion": {"nce_average.view1_mem": torch.zeros(4, 128)},
    }.get(key, 1)


def write(folder: Path, content: dict[str, Any], name: str = "checkpoint.pth") -> Path:
    """Write a file as torch does and return its path."""
    torch.save(content, folder / name)
    return folder / name
