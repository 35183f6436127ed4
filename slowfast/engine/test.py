"""Testing as one function of the config."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from slowfast.checkpoint.networks import load_model_state, model_state_of
from slowfast.checkpoint.store import load_checkpoint_file
from slowfast.engine.evaluate import evaluate
from slowfast.engine.event_writers import build_event_writers
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.launch import device_of
from slowfast.engine.memory_format import to_channels_last
from slowfast.engine.signals import StopSignals
from slowfast.engine.train import checkpoint_store
from slowfast.tasks.build import build_task, task_name
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import write_json
from slowfast.utils.logging import get_logger, in_words

logger = get_logger(__name__)


def test(cfg, signals: StopSignals | None = None) -> dict[str, float]:
    """Measure the trained model on the test split and write ``results.json``.

    The weights are those of ``TEST.CHECKPOINT_FILE_PATH``, else the newest of the run, else
    ``TRAIN.CHECKPOINT_FILE_PATH``.
    """
    output_dir = Path(cfg.OUTPUT_DIR)
    task = build_task(cfg)
    model = task.build_model(output_dir).to(device_of(cfg))
    source, state = test_weights(cfg)
    load_weights(model, state, source)
    if cfg.MODEL.CHANNELS_LAST:
        to_channels_last(model)
    logger.info("Testing %s.", source)
    loader = task.build_loader("test")
    bad_media = BadMediaLog(output_dir / "bad_media.csv")
    result = evaluate(cfg, task, model, loader, bad_media, signals=signals)
    step = state.get("progress", {}).get("global_step", 0)
    writer = StatsWriter(output_dir, build_event_writers(cfg))
    writer.open_writers()
    writer.write({"_type": "test_final", "step": step, **result.metrics})
    writer.close()
    if du.is_root_proc():
        result.evaluator.save(output_dir / "predictions" / "test.npz")
        write_json(
            output_dir / "results.json",
            {
                "task": task_name(cfg),
                "headline": task.primary_metric,
                "checkpoint": str(source),
                "test": result.metrics,
                "protocol": dict(result.evaluator.protocol),
            },
        )
    logger.info("test: %s", result.summary())
    if result.evaluator.protocol:
        logger.info("protocol: %s", in_words(result.evaluator.protocol))
    if result.metrics.get("num_unreadable"):
        logger.warning(
            "%d test files could not be read and count as wrong; see %s.",
            result.metrics["num_unreadable"],
            bad_media.path,
        )
    return result.metrics


def test_weights(cfg) -> tuple[Path, dict]:
    """Return the checkpoint to test and where it came from.

    Raises:
        CheckpointError: there is none; random weights are never tested.
    """
    if cfg.TEST.CHECKPOINT_FILE_PATH:
        path = Path(cfg.TEST.CHECKPOINT_FILE_PATH)
        return path, load_checkpoint_file(path)
    newest = checkpoint_store(cfg).load_newest()
    if newest is not None:
        return newest
    if cfg.TRAIN.CHECKPOINT_FILE_PATH:
        path = Path(cfg.TRAIN.CHECKPOINT_FILE_PATH)
        return path, load_checkpoint_file(path)
    raise CheckpointError(
        f"Nothing to test: {cfg.OUTPUT_DIR} holds no checkpoint. Train first (TRAIN.ENABLE True) "
        "or set TEST.CHECKPOINT_FILE_PATH."
    )


def load_weights(model: nn.Module, state: dict, source: Path) -> None:
    """Fill a model from a checkpoint of a run.

    Raises:
        CheckpointError: it is no such checkpoint, or that of another model.
    """
    weights = model_state_of(state, source)
    try:
        load_model_state(model, weights)
    except RuntimeError as error:
        raise CheckpointError(f"{source} does not fit this config: {error}") from error
