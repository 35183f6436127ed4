"""PySlowFast's checkpoint functions by their import path, over :mod:`slowfast.checkpoint`."""

from __future__ import annotations

from pathlib import Path

from torch import nn
from torch.amp import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from slowfast.checkpoint.networks import load_model_state, model_state_of
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.engine.test import test_weights
from slowfast.engine.train import checkpoint_store
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError


def get_checkpoint_dir(path_to_job: str) -> str:
    """Return the folder that holds the checkpoints of a run."""
    return str(Path(path_to_job) / "checkpoints")


def get_path_to_checkpoint(path_to_job: str, epoch: int) -> str:
    """Return the file after ``epoch`` whole epochs."""
    return str(CheckpointStore(get_checkpoint_dir(path_to_job)).path(epoch))


def has_checkpoint(path_to_job: str) -> bool:
    """Tell whether a run has any checkpoint."""
    return bool(CheckpointStore(get_checkpoint_dir(path_to_job)).files())


def get_last_checkpoint(path_to_job: str) -> str | None:
    """Return the newest checkpoint of a run, or None."""
    files = CheckpointStore(get_checkpoint_dir(path_to_job)).files()
    return str(files[-1]) if files else None


def is_checkpoint_epoch(cfg, cur_epoch: int, multigrid_schedule: None = None) -> bool:
    """Tell whether a checkpoint is kept after an epoch (from 0)."""
    epoch = cur_epoch + 1
    return epoch == cfg.SOLVER.MAX_EPOCH or epoch % cfg.TRAIN.CHECKPOINT_PERIOD == 0


def save_checkpoint(
    path_to_job: str,
    model: nn.Module,
    optimizer: Optimizer,
    epoch: int,
    cfg,
    scaler: GradScaler | None = None,
) -> str | None:
    """Write the state after an epoch (from 0) as PySlowFast does, in process 0; return the file.

    Own training loops resume from it by :func:`load_train_checkpoint`; a run of this package needs
    more than it holds.
    """
    if not du.is_root_proc():
        return None
    content = {
        "epoch": epoch,
        "model_state": unwrapped(model).state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "cfg": cfg.dump(),
    }
    if scaler is not None:
        content["scaler_state"] = scaler.state_dict()
    return str(checkpoint_store(cfg, path_to_job).save(content, epoch + 1))


def load_checkpoint(
    path_to_checkpoint: str,
    model: nn.Module,
    data_parallel: bool = True,
    optimizer: Optimizer | None = None,
    scaler: GradScaler | None = None,
    inflation: bool = False,
    convert_from_caffe2: bool = False,
    epoch_reset: bool = False,
) -> int:
    """Load a checkpoint, all of its weights, and return its epoch (from 0), -1 where unknown.

    Args:
        path_to_checkpoint: of this package or of PySlowFast.
        model: wrapped for several processes or not, whatever ``data_parallel`` says.
        data_parallel: not needed.
        optimizer, scaler: are filled, too, unless ``epoch_reset``.
        inflation: the file holds the 2-D kernels of an image network, to be stretched over time.
        convert_from_caffe2: is refused.
        epoch_reset: take nothing but the weights.

    Raises:
        CheckpointError: missing or damaged file, or one of Caffe2.
        RuntimeError: the weights do not fit the model.
    """
    if convert_from_caffe2:
        raise CheckpointError(f"{path_to_checkpoint}: checkpoints of Caffe2 are not supported.")
    target = unwrapped(model)
    if inflation:
        load_pretrained(target, path_to_checkpoint, inflate=True)
        return -1
    content = load_checkpoint_file(path_to_checkpoint)
    load_model_state(target, model_state_of(content, path_to_checkpoint))
    if epoch_reset:
        return -1
    if optimizer is not None and "optimizer_state" in content:
        optimizer.load_state_dict(content["optimizer_state"])
    if scaler is not None and "scaler_state" in content:
        scaler.load_state_dict(content["scaler_state"])
    return int(content.get("epoch", -1))


def load_train_checkpoint(
    cfg, model: nn.Module, optimizer: Optimizer, scaler: GradScaler | None = None
) -> int:
    """Load the newest checkpoint of a run, or ``TRAIN.CHECKPOINT_FILE_PATH``; return where to start.

    Returns:
        The epoch (from 0) to begin with.
    """
    train = cfg.TRAIN
    newest = get_last_checkpoint(cfg.OUTPUT_DIR) if train.AUTO_RESUME else None
    if newest:
        return load_checkpoint(newest, model, optimizer=optimizer, scaler=scaler) + 1
    if not train.CHECKPOINT_FILE_PATH:
        return 0
    how = {"inflation": train.CHECKPOINT_INFLATE, "epoch_reset": train.CHECKPOINT_EPOCH_RESET}
    path = train.CHECKPOINT_FILE_PATH
    return load_checkpoint(path, model, optimizer=optimizer, scaler=scaler, **how) + 1


def load_test_checkpoint(cfg, model: nn.Module) -> None:
    """Load the weights that testing this config would use."""
    path, content = test_weights(cfg)
    load_model_state(unwrapped(model), model_state_of(content, path))


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside what runs it in several processes."""
    return model.module if isinstance(model, (DistributedDataParallel, nn.DataParallel)) else model
