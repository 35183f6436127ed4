"""Looking into foreign checkpoints, and writing them under our names or torchvision's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from slowfast.checkpoint.formats import AUTO, find_format
from slowfast.checkpoint.networks import shapes
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.recognise import describe, detect_format, matching_formats, networks_of
from slowfast.checkpoint.report import ImportReport
from slowfast.checkpoint.store import open_checkpoint, saved_key
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import atomic_write, sha256, write_json

LAYOUTS = ("slowfast", "torchvision")
USUAL = "r2plus1d_18"  # what incomplete files are compared with
SUFFIXES = (".pth", ".pt", ".pyth", ".tar", ".pkl", ".ckpt", ".bin")


def read_network(
    path: str | Path, method: str = AUTO, arch: str = "", **options: Any
) -> tuple[str, nn.Module, ImportReport]:
    """Build the network that a checkpoint belongs to, and fill it.

    Args:
        path, method: see :func:`load_pretrained`.
        arch: ``MODEL.ARCH``, needed where the tensors fit several networks.
        options: further arguments of :func:`load_pretrained`.

    Returns:
        ``MODEL.ARCH``, the backbone and the report.

    Raises:
        CheckpointError: as :func:`load_pretrained`, or the tensors fit several networks.
    """
    inflate, at = options.get("inflate", False), options.get("at", "")
    file, content = open_checkpoint(path, options.get("trust_pickle", False))
    _, fmt, parsed = detect_format(file, content, method, inflate, at)
    fitting = networks_of(parsed, inflate)
    arch = arch or (fmt.arch(content) if fmt.arch else None)
    if not arch and len(fitting) > 1:
        raise CheckpointError(
            f"{path}: its tensors fit {', '.join(fitting)} alike; say which by --arch."
        )
    arch = arch or (fitting[0] if fitting else USUAL)
    backbone = build_backbone(arch)
    return arch, backbone, load_pretrained(backbone, path, method, arch, **options)


def origin_of(report: ImportReport, source: str = "", licence: str = "") -> dict[str, str]:
    """Return where weights come from, kept beside what is made of them.

    What is given as ``source`` and ``licence`` goes before what the format knows.
    """
    fmt = find_format(report.method)[1]
    return {
        "file": Path(report.path).name,
        "sha256": report.sha256,
        "method": report.method,
        "title": report.title,
        "trained_on": fmt.trained_on,
        "source": source or fmt.source,
        "licence": licence or fmt.licence,
        "note": fmt.note,
    }


def convert(
    path: str | Path,
    out: str | Path,
    layout: str = "slowfast",
    method: str = AUTO,
    arch: str = "",
    source: str = "",
    licence: str = "",
    **options: Any,
) -> ImportReport:
    """Write the video backbone of a checkpoint anew, and ``OUT.json`` with its origin beside it.

    Args:
        path, method, arch, options: see :func:`read_network`.
        out: the file to write.
        layout: ``slowfast`` for ``MODEL.INIT_METHOD slowfast``, the origin inside too;
            ``torchvision`` for bare tensors under torchvision's names.
        source, licence: of the weights, where the user knows better than the format.

    Raises:
        CheckpointError: as :func:`read_network`, or torchvision has no such network.
    """
    arch, backbone, report = read_network(path, method, arch, **options)
    origin = origin_of(report, source, licence)
    state = backbone.state_dict()
    if layout == "torchvision":
        content = _torchvision_content(report, arch, state)
    else:
        content = _own_content(report, arch, state, origin)
    with atomic_write(out) as file:
        torch.save(content, file)
    write_json(f"{out}.json", {**origin, "arch": arch, "layout": layout, "inputs": report.inputs})
    return report


def _own_content(report: ImportReport, arch: str, state, origin: dict[str, str]) -> dict[str, Any]:
    cfg = {"MODEL": {"ARCH": arch}}
    if report.inputs:
        inputs = report.inputs
        cfg["DATA"] = {
            "MEAN": list(inputs["mean"]),
            "STD": list(inputs["std"]),
            "REVERSE_INPUT_CHANNEL": inputs["reverse_channels"],
            "TRAIN_CROP_SIZE": inputs["crop"],
        }
    tensors = {f"backbone.{name}": tensor for name, tensor in state.items()}
    return {"model_state": tensors, "cfg": json.dumps(cfg), "origin": origin}  # JSON is YAML


def _torchvision_content(report: ImportReport, arch: str, state) -> dict[str, Any]:
    with torch.device("meta"):
        usual = shapes(build_backbone(arch))
    theirs = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if "stem.0.weight" not in theirs or usual != theirs:
        raise CheckpointError(
            f"{report.path}: torchvision has no network with the layers of {report.title}; write "
            "it in the layout slowfast."
        )
    return dict(state)


def inspect(path: str | Path, method: str = AUTO, arch: str = "", **options: Any) -> str:
    """Return in words what a file holds, its format, its network and what would be loaded.

    Raises:
        CheckpointError: it cannot be read, or not be loaded; the message then describes it as far
            as it can be.
    """
    file, content = open_checkpoint(path, options.get("trust_pickle", False))
    lines = [
        f"file      {file} ({file.stat().st_size / 2**20:.1f} MiB)",
        f"sha256    {sha256(file)}",
        f"holds     {describe(content)}",
        f"format    {' or '.join(matching_formats(content, True, options.get('at', ''))) or 'not known'}",
    ]
    try:
        arch, _, report = read_network(path, method, arch, **options)
    except CheckpointError as error:
        raise CheckpointError("\n".join([f"refused: {error}", *lines])) from error
    known = {
        "network": arch,
        "loads": report,
        "beside": ", ".join(f"{key} ({what})" for key, what in report.beside.items()),
        "inputs": report.inputs and ", ".join(f"{k} {v}" for k, v in report.inputs.items()),
    }
    origin = origin_of(report)
    known |= {k: origin[k] for k in ("trained_on", "source", "licence", "note")}
    given = content.get("origin")
    if isinstance(given, dict):
        known["origin"] = ", ".join(f"{k} {v}" for k, v in given.items() if v)
    return "\n".join(lines + [f"{k:<9} {v}" for k, v in known.items() if v])


def tabulate(folder: str | Path) -> Iterator[list[str]]:
    """Yield, for every checkpoint below a folder, its name, size, format and network, or why not.

    Args:
        folder: may be a single file, too.

    Raises:
        CheckpointError: the folder is missing or holds no such file.
    """
    folder = Path(folder)
    if folder.is_file():
        folder, files = folder.parent, [folder]
    else:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise CheckpointError(
            f"{folder}: no checkpoint there (files ending in {', '.join(SUFFIXES)})."
        )
    yield ["file", "MiB", "format", "network", "epoch"]
    for file in files:
        size = f"{file.stat().st_size / 2**20:.1f}"
        yield [file.relative_to(folder).as_posix(), size, *_format_and_network(file)]


def _format_and_network(file: Path) -> list[str]:
    try:
        _, content = open_checkpoint(file)
    except CheckpointError as error:
        return ["-", str(error).removeprefix(f"{file}: "), ""]
    found = matching_formats(content, inflate=True)
    if not found:
        return ["not known", describe(content, 3), ""]
    _, fmt, parsed = detect_format(file, content, found[0], inflate=True)
    said = saved_key(content, "MODEL.ARCH") if fmt.arch else None
    networks = said or " or ".join(networks_of(parsed, inflate=True)) or "incomplete"
    return [" or ".join(found), networks, str(content.get("epoch", ""))]
