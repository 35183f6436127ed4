"""Starting a network from a foreign checkpoint: completely, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slowfast.checkpoint.formats import FORMATS, SCRATCH, CheckpointFormat, ParsedState
from slowfast.checkpoint.formats.base import CLASSIFIER, REASONS, UNKNOWN, VIDEO
from slowfast.checkpoint.networks import (
    Shapes,
    apply_patches,
    can_inflate,
    is_counter,
    patched_shapes,
    shapes,
    shapes_match,
)
from slowfast.checkpoint.recognise import detect_format, networks_of
from slowfast.checkpoint.report import ImportReport
from slowfast.checkpoint.store import open_checkpoint
from slowfast.models.parts import HEAD, VIDEO_POOLING, parts_of
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import sha256
from slowfast.utils.logging import get_logger
from slowfast.utils.paths import local_path

logger = get_logger(__name__)

OWN_CLASSIFIER = "fc."  # of a whole torchvision network, which may stay random
BESIDE = {
    "optim": "optimizer",
    "sched": "optimizer",
    "scaler": "optimizer",
    "criterion": "criterion",
}


def load_pretrained(
    backbone: nn.Module,
    path: str | Path,
    method: str = "auto",
    arch: str = "",
    *,
    trust_pickle: bool = False,
    inflate: bool = False,
    reverse_channels: bool = False,
    at: str = "",
    head: bool = False,
) -> ImportReport:
    """Fill every tensor of a network from a checkpoint of any known format.

    Args:
        backbone: is changed in place, layers included where the method's network has others; a
            backbone, or a model with ``parts()``, of which all but the head are filled.
        path: the file, or the folder of a run of this package.
        method: a key of ``FORMATS`` in any spelling, or ``auto``.
        arch: ``MODEL.ARCH`` of the backbone, for checkpoints that say theirs and for messages.
        trust_pickle: read pickles that can run code.
        inflate: stretch 2-D kernels over time, divided by its length.
        reverse_channels: exchange red and blue in the first convolution.
        at: key of the file under which the tensors lie, where several fit.
        head: fill the model's head, too, from the classifier of the file.

    Returns:
        What became of every tensor.

    Raises:
        CheckpointError: unreadable, of another format or network, or any tensor of the network or
            of its counterpart without a partner of its shape; the network is then unchanged.
    """
    path, content = open_checkpoint(path, trust_pickle)
    name, fmt, parsed = detect_format(path, content, method, inflate, at)
    _check_arch(path, fmt, content, arch)
    targets = {name: part for name, part in parts_of(backbone).items() if name != HEAD}
    report = ImportReport(str(path), name, fmt.title, sha256(path))
    alike = [n for n in fmt.same_as if FORMATS.get(n).parse(content, parsed.at).complete]
    if alike:
        report.notes.append(f"named as by {' and by '.join(alike)} too, with the same network")
    inputs = fmt.inputs_of(content)
    report.inputs = inputs and inputs._asdict()
    report.beside = _beside(content, parsed.at)
    filling = _plan(report, targets, parsed, inflate)
    if not report.complete:
        whole = len(targets) > 1
        raise CheckpointError(_misfit(report, parsed, arch, inflate, whole))
    _check_numbers(path, filling)
    if reverse_channels:
        _reverse_channels(report, filling)
    if head:
        targets[HEAD] = parts_of(backbone)[HEAD]
        filling[HEAD] = _classifier(report, targets[HEAD], parsed)
    _fill(report, targets, filling)
    return report


def _check_numbers(path: Path, filling: dict[str, dict[str, Tensor]]) -> None:
    """Raise a CheckpointError if weights are not finite numbers."""
    for name, tensor in (pair for part in filling.values() for pair in part.items()):
        if not is_counter(name) and not (
            tensor.is_floating_point() and torch.isfinite(tensor).all()
        ):
            raise CheckpointError(
                f"{path}: {name} holds what no weight can be (NaN, infinite or whole numbers). The "
                "pretraining went wrong, or the file is damaged."
            )


def _check_arch(path: Path, fmt: CheckpointFormat, content: Mapping[str, Any], ours: str) -> None:
    """Some networks differ in nothing that tensors tell: with and without a pooling layer, say."""
    theirs = fmt.arch(content) if fmt.arch else None
    if ours and theirs and theirs.lower() != ours.lower():
        raise CheckpointError(
            f"{path} was made with MODEL.ARCH {theirs}; this run has {ours}. Set MODEL.ARCH "
            f"{theirs}."
        )


def _plan(
    report: ImportReport, targets: dict[str, nn.Module], parsed: ParsedState, inflate: bool
) -> dict[str, dict[str, Tensor]]:
    """Fill the report and return the tensors of each part as they are to be loaded."""
    report.ignored = dict(parsed.left_out)
    for part, names in parsed.parts.items():
        if part not in targets:
            report.ignored |= dict.fromkeys(names.values(), REASONS.get(part, part))
    report.surplus = list(parsed.twice)
    unknown = parsed.unknown
    if unknown:
        report.notes.append(f"unknown to {report.title}: {', '.join(unknown[:5])}")
    return {
        part: _plan_part(report, part, module, parsed, inflate, len(targets) > 1)
        for part, module in targets.items()
    }


def _plan_part(
    report: ImportReport,
    part: str,
    module: nn.Module,
    parsed: ParsedState,
    inflate: bool,
    several: bool,
) -> dict[str, Tensor]:
    found, theirs = parsed.part(part), parsed.parts.get(part, {})
    video = part == VIDEO
    wanted = patched_shapes(module, found, parsed.patch) if video else shapes(module)
    _take_classifier(report, wanted, found, theirs, parsed)
    _leave_counters(report, wanted, found)
    prefix = f"{part}." if several else ""
    for name, shape in wanted.items():
        ours = prefix + name
        if name not in found:
            report.missing.append(ours)
        elif not shapes_match(tuple(found[name].shape), shape, inflate):
            report.mismatched[ours] = [tuple(found[name].shape), shape]
        else:
            report.loaded.append(ours)
            if theirs[name] != ours:
                report.renamed[theirs[name]] = ours
    report.surplus += [theirs[name] for name in found if name not in wanted]
    taken = {n: t for n, t in found.items() if n in wanted}
    return _stretched(report, taken, wanted) if inflate else taken


def _take_classifier(report, wanted, found, theirs, parsed: ParsedState) -> None:
    """Give a whole torchvision network its classifier where the file has it; it may do without."""
    for name in [name for name in wanted if name.startswith(OWN_CLASSIFIER)]:
        tensor = parsed.tensors.get(name)
        if parsed.left_out.get(name) == CLASSIFIER and tuple(tensor.shape) == wanted[name]:
            found[name], theirs[name] = tensor, name
            del report.ignored[name]
        else:
            del wanted[name]


def _leave_counters(report: ImportReport, wanted: Shapes, found: dict[str, Tensor]) -> None:
    """Let the counters of batches stay as they are where a file has none, as before torch 0.4.1."""
    if not any(map(is_counter, found)) and any(map(is_counter, wanted)):
        report.notes.append("without num_batches_tracked, which batch norm can do without")
        for name in [name for name in wanted if is_counter(name)]:
            del wanted[name]


def _stretched(report: ImportReport, found: dict[str, Tensor], wanted) -> dict[str, Tensor]:
    flat = [name for name in found if can_inflate(tuple(found[name].shape), wanted[name])]
    for name in flat:
        frames = wanted[name][2]
        kernel = found[name].unsqueeze(2)
        found[name] = kernel.expand(-1, -1, frames, -1, -1) / frames
    if flat:
        report.notes.append(f"{len(flat)} kernels stretched over time")
    return found


def _classifier(report: ImportReport, head: nn.Module, parsed: ParsedState) -> dict[str, Tensor]:
    """Return the tensors of a head from the classifier of a file, by their last names and shapes.

    Raises:
        CheckpointError: a tensor of the head would stay random.
    """
    theirs = {n: parsed.tensors[n] for n, why in parsed.left_out.items() if why == CLASSIFIER}
    filling = {}
    for ours, shape in shapes(head).items():
        leaf = ours.rpartition(".")[2]
        fitting = [n for n in theirs if n.rpartition(".")[2] == leaf and theirs[n].shape == shape]
        if len(fitting) != 1:
            found = ", ".join(f"{n} {tuple(t.shape)}" for n, t in theirs.items()) or "none"
            raise CheckpointError(
                f"{report.path}: the head would be random: its {ours} {shape} is not among the "
                f"classifier's tensors of the file ({found}). Check MODEL.NUM_CLASSES (zero-shot: "
                "ZERO_SHOT.VECTORS), or train first."
            )
        filling[ours] = theirs[fitting[0]]
        report.loaded.append(f"{HEAD}.{ours}")
        report.ignored.pop(fitting[0])
    return filling


def _reverse_channels(report: ImportReport, filling: dict[str, dict[str, Tensor]]) -> None:
    name, kernel = next((n, t) for n, t in filling[VIDEO].items() if t.ndim == 5)
    if kernel.shape[1] != 3:
        raise CheckpointError(
            f"CHECKPOINT.REVERSE_CHANNELS: {name} has {kernel.shape[1]} input channels, not the "
            "three colours."
        )
    filling[VIDEO][name] = kernel.flip(1)
    report.notes.append(f"red and blue exchanged in {name}")


def _fill(
    report: ImportReport,
    targets: dict[str, nn.Module],
    filling: dict[str, dict[str, Tensor]],
) -> None:
    if apply_patches(targets[VIDEO], filling[VIDEO]):
        report.notes.append(f"layers changed to those of {report.title}")
    types = {str(t.dtype).removeprefix("torch.") for p in filling.values() for t in p.values()}
    other = sorted(types & {"float16", "bfloat16", "float64"})
    if other:
        report.notes.append(f"stored as {', '.join(other)}")
    for part, tensors in filling.items():
        module = targets[part]
        module.load_state_dict({**module.state_dict(), **tensors})


def _misfit(
    report: ImportReport, parsed: ParsedState, arch: str, inflate: bool, whole: bool
) -> str:
    start = f"{report.path} (MODEL.INIT_METHOD {report.method})"
    ours = [*report.missing, *report.mismatched]
    in_backbone = not whole or any(name.startswith(VIDEO) for name in ours)
    fitting = networks_of(parsed, inflate) if in_backbone else []
    if fitting and arch.lower() not in fitting:
        here = f"this run has {arch}" if arch else "the given backbone is another"
        return f"{start} needs MODEL.ARCH {' or '.join(fitting)}; {here}. {report}."
    cure = "The file is incomplete or of another network: check MODEL.ARCH, or fetch it anew."
    if ours and all(name.startswith(VIDEO_POOLING) for name in ours):
        cure = (
            "It has no such pooling of the feature map: check MODEL.POOLING_*, 0 layers for none."
        )
    if any(can_inflate(*pair) for pair in report.mismatched.values()):
        into = " or ".join(networks_of(parsed, inflate=True))
        network = f", for MODEL.ARCH {into}" if into else ""
        cure = f"Its kernels are 2-D: CHECKPOINT.INFLATE True stretches them over time{network}."
    return (
        f"{start} does not fit the backbone: {report}; first: "
        f"{', '.join(report.problems()[:3])}. {cure}"
    )


def _beside(content: Mapping[str, Any], at: str) -> dict[str, str]:
    """Say of every other entry of a file what it is."""
    if not at:
        return {}
    return {
        str(key): next((what for word, what in BESIDE.items() if word in str(key)), "bookkeeping")
        for key in content
        if key != at
    }


def initialise(model: nn.Module, cfg, head: bool = False) -> ImportReport | None:
    """Load ``MODEL.CKPT`` into the networks of a model as ``MODEL.INIT_METHOD`` says, and report it.

    None or ``scratch`` leaves random weights.

    Args:
        head: fill the head, too.

    Raises:
        CheckpointError: as :func:`load_pretrained`.
    """
    method, how = cfg.MODEL.INIT_METHOD or SCRATCH, cfg.CHECKPOINT
    if method.lower() == SCRATCH:
        return None
    report = load_pretrained(
        model,
        local_path(cfg.MODEL.CKPT, "MODEL.CKPT"),
        method,
        cfg.MODEL.ARCH,
        trust_pickle=how.TRUST_PICKLE,
        inflate=how.INFLATE,
        reverse_channels=how.REVERSE_CHANNELS,
        at=how.AT,
        head=head,
    )
    logger.info("Backbone from %s, read as %s: %s.", report.path, report.method, report)
    if UNKNOWN in report.ignored.values():
        logger.warning("%s holds tensors that %s does not know.", report.path, report.title)
    return report
