"""Training as one function of the config."""

from __future__ import annotations

from pathlib import Path

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.engine.hooks.bad_media import BadMediaHook, BadMediaLog
from slowfast.engine.hooks.checkpoint import CheckpointHook
from slowfast.engine.hooks.evaluation import EvaluationHook
from slowfast.engine.hooks.logging import LogHook, StatsWriter
from slowfast.engine.model_info import model_info
from slowfast.engine.signals import StopSignals
from slowfast.engine.trainer import Trainer
from slowfast.tasks.build import build_task
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


def checkpoint_store(cfg) -> CheckpointStore:
    """Return the checkpoint folder of a run."""
    train = cfg.TRAIN
    folder = Path(cfg.OUTPUT_DIR) / "checkpoints"
    return CheckpointStore(folder, train.CHECKPOINT_PERIOD, train.CHECKPOINT_KEEP_LAST)


def train(cfg) -> None:
    """Train to the end, from scratch or from where an earlier start of the run got."""
    output_dir = Path(cfg.OUTPUT_DIR)
    task = build_task(cfg)
    trainer = Trainer(cfg, task, output_dir)
    store = checkpoint_store(cfg)
    store.clean()
    board = cfg.TENSORBOARD
    board_dir = output_dir / (board.LOG_DIR or "tensorboard") if board.ENABLE else None
    writer = StatsWriter(output_dir, board_dir)
    bad_media = BadMediaLog(output_dir / "bad_media.csv")
    videos = trainer.loader.dataset.videos
    with StopSignals() as signals:
        trainer.hooks = [
            BadMediaHook(bad_media, len(videos), cfg.DATA.MAX_BAD_FRACTION),
            LogHook(writer, cfg.LOG_PERIOD, cfg.TRAIN.KILL_LOSS_EXPLOSION_FACTOR),
            EvaluationHook(task.build_loader("val"), cfg.TRAIN.EVAL_PERIOD, writer, bad_media),
            CheckpointHook(store, cfg.TRAIN.CHECKPOINT_MINUTES, signals),
        ]
        _log_census(trainer)
        start(trainer, store)
        writer.rewind(trainer.progress.global_step)
        trainer.train()


def _log_census(trainer: Trainer) -> None:
    videos, data = trainer.loader.dataset.videos, trainer.cfg.DATA
    logger.info(
        "%s: %d videos, %d classes; %d steps per epoch, %d epochs; device %s",
        videos.source,
        len(videos),
        len(set(videos.labels.tolist())),
        trainer.steps_per_epoch,
        trainer.total_epochs,
        trainer.device,
    )
    if trainer.cfg.LOG_MODEL_INFO:
        info = model_info(trainer.model, data.NUM_FRAMES, data.TRAIN_CROP_SIZE)
        logger.info("%s on %s: %s", trainer.cfg.MODEL.MODEL_NAME, trainer.cfg.MODEL.ARCH, info)


def start(trainer: Trainer, store: CheckpointStore) -> None:
    """Resume from the newest checkpoint, or begin from ``TRAIN.CHECKPOINT_FILE_PATH``.

    Raises:
        CheckpointError: the checkpoint belongs to another model or another epoch length.
    """
    cfg = trainer.cfg
    newest = store.load_newest() if cfg.TRAIN.AUTO_RESUME else None
    if newest is not None:
        path, state = newest
        _check_epoch_length(path, state, trainer)
        _load(trainer.load_state_dict, state, path)
        progress = trainer.progress
        logger.info("Resuming from %s (epoch %d, step %d).", path, progress.epoch, progress.step)
    elif cfg.TRAIN.CHECKPOINT_FILE_PATH:
        path = Path(cfg.TRAIN.CHECKPOINT_FILE_PATH)
        state = load_checkpoint_file(path)
        if cfg.TRAIN.CHECKPOINT_EPOCH_RESET:
            _load(lambda s: trainer.model.load_state_dict(s["model_state"]), state, path)
        else:
            _check_epoch_length(path, state, trainer)
            _load(trainer.load_state_dict, state, path)
        logger.info("Starting from %s.", path)


def _load(load, state: dict, path: Path) -> None:
    try:
        load(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{path} does not fit this config: {error}. Use another OUTPUT_DIR, set "
            "TRAIN.AUTO_RESUME False, or mend MODEL.*."
        ) from error


def _check_epoch_length(path: Path, state: dict, trainer: Trainer) -> None:
    then, now = state.get("steps_per_epoch"), trainer.steps_per_epoch
    if then is not None and then != now:
        raise CheckpointError(
            f"{path} was written with {then} steps per epoch, this config has {now}: batch size "
            "or file list changed. Use another OUTPUT_DIR, or start from its weights with "
            f"TRAIN.AUTO_RESUME False TRAIN.CHECKPOINT_FILE_PATH {path} "
            "TRAIN.CHECKPOINT_EPOCH_RESET True."
        )
