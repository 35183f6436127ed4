"""Which network a set of tensors belongs to."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slowfast.checkpoint.formats.base import ArchitecturePatch
from slowfast.checkpoint.formats.registry import patches
from slowfast.models.backbones import BACKBONES, build_backbone
from slowfast.models.parts import VIDEO_BACKBONE, parts_of, prefix_of
from slowfast.utils.errors import CheckpointError

Shapes = dict[str, tuple[int, ...]]
SHOWN = 3


def apply_patches(backbone: nn.Module, names: Collection[str]) -> bool:
    """Give a backbone the changed layers that tensors of these names belong to, in place.

    Returns:
        Whether anything was changed.
    """
    own = backbone.state_dict()
    wanted = [
        patch
        for patch in patches()
        if all(mark in names for mark in patch.marks) and patch.replaces in own
    ]
    for patch in wanted:
        patch.apply(backbone)
    return bool(wanted)


def load_model_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load the ``model_state`` of a run, whose backbone may have had changed layers.

    Raises:
        RuntimeError: names or shapes differ, in one sentence.
    """
    parts = parts_of(model)
    if VIDEO_BACKBONE in parts:
        prefix = prefix_of(model, VIDEO_BACKBONE)
        apply_patches(parts[VIDEO_BACKBONE], [name.removeprefix(prefix) for name in state])
    differ = differences(state, model.state_dict())
    if differ:
        raise RuntimeError("; ".join(differ))
    model.load_state_dict(state)


def differences(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Return how tensors of a file differ in names and shapes from those of a model, in words."""
    reshaped = [
        f"{name} is {tuple(state[name].shape)} in the file and {tuple(tensor.shape)} here"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    found = (
        ("", reshaped),
        ("the file lacks ", [name for name in own if name not in state]),
        ("nothing here takes ", [name for name in state if name not in own]),
    )
    return [
        f"{words}{names[0]}" + (f" (and {len(names) - 1} like it)" if names[1:] else "")
        for words, names in found
        if names
    ]


def model_state_of(content: Mapping[str, Any], source: str | Path) -> Mapping[str, Tensor]:
    """Return the ``model_state`` of a run's checkpoint.

    Raises:
        CheckpointError: it is a checkpoint of another kind, or of a training that went wrong.
    """
    if not isinstance(content.get("model_state"), Mapping):
        raise CheckpointError(
            f"{source} holds no 'model_state'; it is not a trained model of this package. "
            "Pretrained backbones go to MODEL.INIT_METHOD and MODEL.CKPT."
        )
    check_finite(content["model_state"], source)
    return content["model_state"]


def not_finite(state: Any, name: str = "") -> list[str]:
    """Return the names of numbers in a nested state that are NaN or infinite."""
    if isinstance(state, Mapping):
        pairs = state.items()
    elif isinstance(state, (list, tuple)):
        pairs = enumerate(state)
    elif isinstance(state, Tensor):
        fine = not state.is_floating_point() or bool(state.isfinite().all())
        return [] if fine else [name]
    else:
        return [name] if isinstance(state, float) and not math.isfinite(state) else []
    return [n for key, v in pairs for n in not_finite(v, f"{name}.{key}" if name else str(key))]


def check_finite(state: Any, source: str | Path) -> None:
    """Raise a CheckpointError if a state holds numbers that are not finite."""
    found = not_finite(state)
    if found:
        raise CheckpointError(
            f"{source}: {shortened(found)} holds NaN or infinity; the training went wrong before it was "
            "written."
        )


def shortened(names: Sequence[str]) -> str:
    """Return the first names of many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def shapes(module: nn.Module) -> Shapes:
    """Return the shape of every tensor of a module."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def patched_shapes(
    backbone: nn.Module, names: Collection[str], patch: ArchitecturePatch | None = None
) -> Shapes:
    """Return the shapes that a backbone would have after :func:`apply_patches`, which it is spared.

    A method whose network is changed (``patch``) is compared with that network, whatever the names.
    """
    twin = copy.deepcopy(backbone).to("meta")
    if patch and patch.replaces in twin.state_dict():
        patch.apply(twin)
    else:
        apply_patches(twin, names)
    return shapes(twin)


def shapes_match(found: tuple[int, ...], wanted: tuple[int, ...], inflate: bool = False) -> bool:
    """Tell whether a tensor fits a place, once stretched over time where that is allowed."""
    return found == wanted or (inflate and can_inflate(found, wanted))


def can_inflate(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether a 2-D kernel fits a 3-D one but for the time."""
    return len(found) == 4 and len(wanted) == 5 and (*wanted[:2], *wanted[3:]) == found


def is_counter(name: str) -> bool:
    """Tell whether a tensor counts the batches that batch norm has seen."""
    return name.endswith("num_batches_tracked")


def fitting_networks(found: Shapes, inflate: bool = False) -> list[str]:
    """Return the registered backbones that these tensors fill exactly."""
    names = []
    for name in BACKBONES:
        with torch.device("meta"):
            network = build_backbone(name)
            apply_patches(network, found)
        wanted = shapes(network)
        if not any(map(is_counter, found)):
            wanted = {key: shape for key, shape in wanted.items() if not is_counter(key)}
        if wanted.keys() == found.keys() and all(
            shapes_match(found[key], wanted[key], inflate) for key in wanted
        ):
            names.append(name)
    return names
