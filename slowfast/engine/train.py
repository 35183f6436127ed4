"""Training as one function of the config."""

from __future__ import annotations

from pathlib import Path

from slowfast.checkpoint.background import CheckpointSaver
from slowfast.checkpoint.networks import load_model_state, model_state_of
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file, saved_cfg
from slowfast.config.node import CfgNode, plain
from slowfast.config.reads import check_reads
from slowfast.engine.evaluate import evaluation_loaders
from slowfast.engine.event_writers import build_event_writers
from slowfast.engine.hooks.bad_media import BadMediaHook, BadMediaLog
from slowfast.engine.hooks.base import Hook
from slowfast.engine.hooks.checkpoint import CheckpointHook
from slowfast.engine.hooks.evaluation import EvaluationHook
from slowfast.engine.hooks.logging import EpochStartHook, LogHook, StatsWriter
from slowfast.engine.hooks.precise_bn import PreciseBatchNormHook
from slowfast.engine.model_info import model_info
from slowfast.engine.signals import StopSignals
from slowfast.engine.state import check_resumable
from slowfast.engine.trainer import Trainer
from slowfast.tasks.base import Task
from slowfast.tasks.build import build_task
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError, UnreadableFilesError
from slowfast.utils.logging import get_logger
from slowfast.utils.paths import local_path

logger = get_logger(__name__)

LONGEST_REASON = 400  # torch lists every tensor that does not fit


def checkpoint_store(cfg, output_dir: str | None = None) -> CheckpointStore:
    """Return the checkpoint folder of a run, by default in ``OUTPUT_DIR``."""
    train = cfg.TRAIN
    folder = Path(output_dir or cfg.OUTPUT_DIR) / "checkpoints"
    return CheckpointStore(
        folder, train.CHECKPOINT_PERIOD, train.CHECKPOINT_KEEP_LAST, train.CHECKPOINT_KEEP_EVERY
    )


def train(cfg, signals: StopSignals) -> None:
    """Train to the end, from scratch or from where an earlier start of the run got."""
    output_dir = Path(cfg.OUTPUT_DIR)
    writer = StatsWriter(output_dir, build_event_writers(cfg))
    task = build_task(cfg)
    trainer = Trainer(cfg, task, output_dir)
    store = checkpoint_store(cfg)
    saver = CheckpointSaver(store, cfg.TRAIN.CHECKPOINT_BACKGROUND)
    bad_media = BadMediaLog(output_dir / "bad_media.csv")
    trainer.loader.while_waiting = signals.raise_if_overdue
    trainer.hooks = build_hooks(trainer, saver, writer, bad_media, signals)
    check_test(cfg, task)
    is_new = start(trainer, store)
    trainer.enter_phase()
    _log_census(trainer)
    if trainer.schedule.never_reaches_base:
        logger.warning(
            "The learning rate never comes near SOLVER.BASE_LR %g: %g of the %d epochs are warm-up "
            "(SOLVER.WARMUP_EPOCHS). Expect little from so short a run.",
            trainer.schedule.base_lr,
            trainer.schedule.warmup_epochs,
            trainer.schedule.max_epoch,
        )
    if is_new:  # a resumed run has no use for the keys of its start, and was checked then
        check_reads(cfg)
    writer.rewind(trainer.progress)
    writer.open_writers(trainer.progress.global_step)
    try:
        trainer.train()
    except UnreadableFilesError as error:
        bad_media.add(error.failures)
        raise
    finally:
        saver.wait()
    trainer.loader.close()
    writer.close()


def build_hooks(
    trainer: Trainer,
    saver: CheckpointSaver,
    writer: StatsWriter,
    bad_media: BadMediaLog,
    signals: StopSignals,
) -> list[Hook]:
    """Return what happens around the steps of a run, in its order."""
    cfg, files = trainer.cfg, len(trainer.loader.dataset.items)
    return [
        EpochStartHook(writer),
        BadMediaHook(bad_media, files, cfg.DATA.MAX_BAD_FRACTION),
        LogHook(writer, cfg.LOG_PERIOD, cfg.TRAIN.KILL_LOSS_EXPLOSION_FACTOR),
        *_precise_statistics(cfg, bad_media, signals),
        CheckpointHook(saver, cfg.TRAIN.CHECKPOINT_MINUTES, signals, writer),
        *_evaluation(trainer, saver.store, writer, bad_media, signals),
    ]


def _precise_statistics(cfg, bad_media, signals) -> list[PreciseBatchNormHook]:
    """Return the hook that computes statistics anew, where asked."""
    if not cfg.BN.USE_PRECISE_STATS:
        return []
    periods = (cfg.TRAIN.EVAL_PERIOD, cfg.TRAIN.CHECKPOINT_PERIOD)
    return [PreciseBatchNormHook(cfg.BN.NUM_BATCHES_PRECISE, periods, bad_media, signals)]


def _evaluation(trainer: Trainer, store, writer, bad_media, signals) -> list[EvaluationHook]:
    """Return the hook that validates, or none: then no validation list is needed."""
    train = trainer.cfg.TRAIN
    if not train.EVAL_PERIOD:
        return []
    loaders = evaluation_loaders(trainer.task, training=True)
    keeper = store if train.CHECKPOINT_KEEP_BEST else None
    period = train.EVAL_PERIOD
    return [EvaluationHook(loaders, period, writer, bad_media, signals, keeper)] if loaders else []


def check_test(cfg, task: Task) -> None:
    """Look for all that testing will need: after the training is too late to hear of it.

    Raises:
        SlowFastError: something is missing or wrong.
    """
    if not cfg.TEST.ENABLE:
        return
    evaluation_loaders(task, training=False)
    if cfg.TEST.CHECKPOINT_FILE_PATH:
        load_checkpoint_file(cfg.TEST.CHECKPOINT_FILE_PATH)


def _log_census(trainer: Trainer) -> None:
    items = trainer.loader.dataset.items
    logger.info(
        "%s: %s; %d steps per epoch, %d epochs; device %s",
        items.source,
        items.summary(),
        trainer.steps_per_epoch,
        trainer.total_epochs,
        trainer.device,
    )
    if trainer.cfg.LOG_MODEL_INFO:
        info = model_info(trainer.model, *trainer.task.example(trainer.model))
        logger.info("%s on %s: %s", trainer.cfg.MODEL.MODEL_NAME, trainer.cfg.MODEL.ARCH, info)


def start(trainer: Trainer, store: CheckpointStore) -> bool:
    """Resume from the newest checkpoint, or begin from ``TRAIN.CHECKPOINT_FILE_PATH``.

    Without ``TRAIN.AUTO_RESUME`` the checkpoints of an earlier start are set aside.

    Returns:
        Whether the run is new in its folder.

    Raises:
        CheckpointError: the checkpoint belongs to another model, list or epoch length, or is
            ahead of this config; or the processes found different checkpoints.
    """
    cfg = trainer.cfg
    path, given = cfg.TRAIN.CHECKPOINT_FILE_PATH, None
    if not (cfg.TRAIN.AUTO_RESUME and store.files()):
        path, given = given_checkpoint(cfg)  # before it may be set aside with the others
    du.synchronize()
    if du.is_root_proc():
        store.clean()
        aside = None if cfg.TRAIN.AUTO_RESUME else store.set_aside()
        if aside:
            logger.info("Starting anew; the earlier checkpoints are now in %s.", aside)
    du.synchronize()
    newest = store.load_newest(check_resumable)
    names = du.all_gather_unaligned(newest and newest[0].name)
    if len(set(names)) > 1:
        raise CheckpointError(
            f"The processes see different newest checkpoints in {store.folder}: {names}. "
            "OUTPUT_DIR must be on a disk that all machines share."
        )
    if newest is None and given is None:
        report = trainer.task.initialise(trainer.model)
        if report and du.is_root_proc():
            report.save(trainer.output_dir)
    elif newest is not None:
        _resume(trainer, *newest)
    elif cfg.TRAIN.CHECKPOINT_EPOCH_RESET:
        _load(lambda s: load_model_state(trainer.model, s["model_state"]), given, Path(path))
        logger.info("Starting from the weights of %s.", path)
    else:
        check_resumable(Path(path), given)
        _resume(trainer, Path(path), given)
    return newest is None


def given_checkpoint(cfg) -> tuple[str, dict | None]:
    """Return ``TRAIN.CHECKPOINT_FILE_PATH`` and what the file holds, or None where none is named.

    Raises:
        CheckpointError: it is not the checkpoint of a run.
    """
    path = cfg.TRAIN.CHECKPOINT_FILE_PATH
    if not path:
        return path, None
    path = local_path(path, "TRAIN.CHECKPOINT_FILE_PATH")
    content = load_checkpoint_file(path)
    model_state_of(content, path)
    return path, content


def _resume(trainer: Trainer, path: Path, state: dict) -> None:
    _check_same_run(path, state, trainer)
    _load(trainer.load_state_dict, state, path)
    progress = trainer.progress
    logger.info("Resuming from %s (epoch %d, step %d).", path, progress.epoch, progress.step)
    for line in changed_keys(saved_cfg(state), trainer.cfg):
        logger.warning("Changed since that checkpoint: %s", line)
    if progress.epoch > trainer.total_epochs:
        raise CheckpointError(
            f"{path} is {progress.epoch} epochs old, this config ends after "
            f"{trainer.total_epochs}. Use another OUTPUT_DIR, or TRAIN.AUTO_RESUME False."
        )


# What may change between two starts of a run without changing what is learned.
FREE_KEYS = (
    "OUTPUT_DIR",
    "NUM_GPUS",
    "LOG_",
    "DATA.READ_TIMEOUT",
    "DATA_LOADER.",
    "TEST.",
    "TENSORBOARD.",
    "WANDB.",
    "DIST_",
)
FREE_TRAIN_KEYS = ("ENABLE", "CHECKPOINT_", "EVAL_PERIOD", "AUTO_RESUME")


def changed_keys(saved: CfgNode, cfg: CfgNode) -> list[str]:
    """Return a line for each key that differs from a saved config and matters for the result."""
    free = (*FREE_KEYS, *(f"TRAIN.{key}" for key in FREE_TRAIN_KEYS))
    old, new = saved.leaves(), cfg.leaves()
    return [
        f"{key}: {old[key]!r} -> {value!r}"
        for key, value in new.items()
        if key in old and plain(old[key]) != plain(value) and not key.startswith(free)
    ]


def _load(load, state: dict, path: Path) -> None:
    try:
        load(state)
    except (LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]} ..."
        raise CheckpointError(
            f"{path} does not fit this config: {reason}. Use another OUTPUT_DIR, set "
            "TRAIN.AUTO_RESUME False, or correct MODEL.* and SOLVER.*."
        ) from error


def _check_same_run(path: Path, state: dict, trainer: Trainer) -> None:
    cure = (
        "Use another OUTPUT_DIR, or start from its weights with TRAIN.AUTO_RESUME False "
        f"TRAIN.CHECKPOINT_FILE_PATH {path} TRAIN.CHECKPOINT_EPOCH_RESET True."
    )
    then, now = state.get("steps_per_epoch"), trainer.steps_per_epoch
    if then is not None and then != now:
        raise CheckpointError(
            f"{path} was written with {then} steps per epoch, this config has {now}: batch size "
            f"or file list changed. {cure}"
        )
    if state.get("list_fingerprint", trainer.list_fingerprint) != trainer.list_fingerprint:
        raise CheckpointError(
            f"{path} was written with another list of training files than "
            f"{trainer.loader.dataset.items.source}. {cure}"
        )
