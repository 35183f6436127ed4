"""Starting a backbone from pretrained weights: completely, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from slowfast.checkpoint.avid_release import from_released, is_released
from slowfast.checkpoint.store import check_architecture, open_checkpoint
from slowfast.utils.errors import CheckpointError, did_you_mean
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


@dataclass
class ImportReport:
    """What became of every tensor.

    Attributes:
        loaded: backbone tensors that were filled.
        missing: backbone tensors without a counterpart.
        mismatched: backbone tensors whose counterpart has another shape.
        surplus: tensors of the file's backbone for which this one has no place.
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(self.loaded)} backbone tensors loaded, {len(self.missing)} missing, "
            f"{len(self.mismatched)} of another shape, {len(self.surplus)} too many"
        )


def _from_run(content: dict) -> dict[str, Tensor]:
    """Take the backbone of a checkpoint that a run of this package wrote."""
    state = content.get("model_state", {})
    # A recognition model has one backbone, a pretrained audio-visual one has two.
    prefix = "encoder.video_backbone." if _is_audio_visual(state) else "backbone."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _from_avid_release(content: dict) -> dict[str, Tensor]:
    """Take the video network of a file of the AVID-CMA release."""
    return _from_run({"model_state": from_released(content)}) if is_released(content) else {}


def _is_audio_visual(state: dict) -> bool:
    return any(name.startswith("encoder.") for name in state)


def _from_torchvision(content: dict) -> dict[str, Tensor]:
    """Take a plain torchvision state dict without its classifier."""
    classifier = "fc."
    return {
        k: v for k, v in content.items() if isinstance(v, Tensor) and not k.startswith(classifier)
    }


# Where the backbone's tensors sit in a file, by MODEL.INIT_METHOD.
FORMATS = {
    "slowfast": _from_run,
    "avid_release": _from_avid_release,
    "supervised": _from_torchvision,
}


def load_pretrained(
    backbone: nn.Module, path: str | Path, method: str, arch: str = ""
) -> ImportReport:
    """Fill every tensor of a backbone from a file.

    Args:
        backbone: is changed in place.
        path: the checkpoint.
        method: a key of :data:`FORMATS`, in any case.
        arch: ``MODEL.ARCH`` of the backbone; a run of this package must have had the same.

    Raises:
        CheckpointError: unknown method, unreadable file, or any tensor of either backbone without
            a counterpart of its shape.
    """
    if method.lower() not in FORMATS:
        raise CheckpointError(
            f"MODEL.INIT_METHOD {method!r} is not available. {did_you_mean(method, FORMATS)}"
        )
    path, content = open_checkpoint(path)
    if arch:
        check_architecture(path, content, {"MODEL.ARCH": arch})
    found = FORMATS[method.lower()](content)
    wanted = backbone.state_dict()
    report = ImportReport(surplus=[name for name in found if name not in wanted])
    for name, tensor in wanted.items():
        if name not in found:
            report.missing.append(name)
        elif found[name].shape != tensor.shape:
            report.mismatched.append(name)
        else:
            report.loaded.append(name)
    wrong = report.missing + report.mismatched + report.surplus
    if wrong:
        raise CheckpointError(
            f"{path} (MODEL.INIT_METHOD {method}) does not fit the backbone: {report}; first: "
            f"{', '.join(wrong[:3])}. Check MODEL.INIT_METHOD and MODEL.ARCH."
        )
    backbone.load_state_dict({name: found[name] for name in report.loaded})
    return report


def initialise(
    model: nn.Module, method: str | None, path: str | None, arch: str = ""
) -> ImportReport | None:
    """Load ``MODEL.CKPT`` into ``model.backbone`` as ``MODEL.INIT_METHOD`` says.

    None or ``scratch`` leaves random weights.

    Raises:
        CheckpointError: as :func:`load_pretrained`, or the model has no part ``backbone``.
    """
    if method is None or method.lower() == "scratch":
        return None
    if not hasattr(model, "backbone"):
        raise CheckpointError(
            f"MODEL.INIT_METHOD {method}: a {type(model).__name__} has no backbone to load. Start "
            "from a whole checkpoint with TRAIN.CHECKPOINT_FILE_PATH."
        )
    report = load_pretrained(model.backbone, path, method, arch)
    logger.info("Backbone from %s (%s): %s.", path, method, report)
    return report
