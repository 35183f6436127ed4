"""Testing as one function of the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from slowfast.checkpoint.networks import load_model_state, model_state_of
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.config.reads import check_reads
from slowfast.engine.evaluate import (
    EvaluationResult,
    evaluate,
    evaluation_loaders,
    joined_metrics,
    primary_metric,
)
from slowfast.engine.event_writers import build_event_writers
from slowfast.engine.features import extract_features, random_weights
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.evaluation import ROW
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.launch import device_of
from slowfast.engine.precision import to_channels_last
from slowfast.engine.signals import StopSignals
from slowfast.engine.train import checkpoint_store
from slowfast.models.parts import parts_of, prefix_of
from slowfast.tasks.base import Task
from slowfast.tasks.build import build_task, task_name
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError, ConfigError
from slowfast.utils.files import write_json
from slowfast.utils.logging import get_logger, in_words, read_json_stats
from slowfast.utils.paths import local_path

logger = get_logger(__name__)


def test(cfg, signals: StopSignals | None = None) -> dict[str, float]:
    """Measure a model on the sets that its task tests and write ``results.json``.

    The weights are those of ``TEST.CHECKPOINT_FILE_PATH``, else the newest of the run, or the best by
    ``TEST.WEIGHTS``, else ``TRAIN.CHECKPOINT_FILE_PATH``, else backbone and head of ``MODEL.CKPT``.
    """
    output_dir = Path(cfg.OUTPUT_DIR)
    task = build_task(cfg)
    model = task.build_test_model().to(device_of(cfg))
    source, step = fill(cfg, task, model)
    if cfg.MODEL.CHANNELS_LAST:
        to_channels_last(model)
    logger.info("Testing %s.", source)
    bad_media = BadMediaLog(output_dir / "bad_media.csv")
    loaders = evaluation_loaders(task, training=False)
    if not loaders:
        raise ConfigError(f"TEST.ENABLE: {cfg.MODEL.MODEL_NAME} has nothing to measure by itself.")
    feature_sets = task.feature_sets()
    if not cfg.TRAIN.ENABLE:  # else the training has checked
        check_reads(cfg)
    if feature_sets:
        files = {
            name: extract_features(
                cfg, model, clips, output_dir / "features" / name, source, bad_media, signals
            )
            for name, clips in feature_sets.items()
        }
        task.take_features(files, device_of(cfg))
    found = {
        name: evaluate(cfg, task, model, loader, bad_media, signals=signals)
        for name, loader in loaders.items()
    }
    metrics = joined_metrics({name: result.metrics for name, result in found.items()})
    writer = StatsWriter(output_dir, build_event_writers(cfg))
    writer.open_writers()
    writer.write({"_type": "test_final", "step": step, **metrics})
    writer.close()
    protocols = {name: dict(result.evaluator.protocol) for name, result in found.items()}
    protocol = protocols if len(found) > 1 else next(iter(protocols.values()))
    if du.is_root_proc():
        _save_predictions(output_dir, found)
        write_json(
            output_dir / "results.json",
            {
                "task": task_name(cfg),
                "headline": primary_metric(task, found),
                "checkpoint": source,
                "test": metrics,
                "protocol": protocol,
                "report": {"sections": task.report_sections, "sets": list(found)},
            },
        )
    logger.info("test: %s", in_words(metrics))
    for name, words in protocols.items():
        if words:
            logger.info("protocol%s: %s", f" of {name}" if len(found) > 1 else "", in_words(words))
    _warn_of_unreadable(found, bad_media)
    return metrics


def _save_predictions(output_dir: Path, found: dict[str, EvaluationResult]) -> None:
    """Write ``predictions/test.npz``, or one in a folder for each of several sets."""
    for name, result in found.items():
        folder = output_dir / "predictions" / (name if len(found) > 1 else "")
        folder.mkdir(parents=True, exist_ok=True)
        result.evaluator.save(folder / "test.npz")


def _warn_of_unreadable(found: dict[str, EvaluationResult], bad_media: BadMediaLog) -> None:
    count = sum(result.metrics.get("num_unreadable", 0) for result in found.values())
    if count:
        logger.warning(
            "%d test files could not be read and count as wrong; see %s.", count, bad_media.path
        )


def fill(cfg, task: Task, model: nn.Module) -> tuple[str, int]:
    """Give a model the weights to test; return where they come from and the step they are of.

    Raises:
        CheckpointError: there are none, or a part would stay random, which few tasks test.
    """
    found = _weights_of_runs(cfg, task)
    if found is not None:
        path, content = found
        load_weights(model, content, path)
        progress = content.get("progress")
        return str(path), progress.get("global_step", 0) if isinstance(progress, dict) else 0
    report = task.initialise_test(model)
    if report is not None:
        return report.path, 0
    if task.needs_weights:
        raise _nothing_to_test(cfg)
    return random_weights(cfg.RNG_SEED), 0


def test_weights(cfg) -> tuple[Path, dict[str, Any]]:
    """Return the checkpoint of ours to test, and what it holds.

    Raises:
        CheckpointError: there is none.
    """
    found = _weights_of_runs(cfg, build_task(cfg) if cfg.TEST.WEIGHTS == "best" else None)
    if found is None:
        raise _nothing_to_test(cfg)
    return found


def _weights_of_runs(cfg, task: Task | None) -> tuple[Path, dict[str, Any]] | None:
    """Return the checkpoint of ours that a config names or its folder holds, if there is one.

    Args:
        task: knows by which measure ``TEST.WEIGHTS`` best chooses.
    """
    if cfg.TEST.CHECKPOINT_FILE_PATH:
        path = Path(local_path(cfg.TEST.CHECKPOINT_FILE_PATH, "TEST.CHECKPOINT_FILE_PATH"))
        return path, load_checkpoint_file(path)
    store = checkpoint_store(cfg)
    if cfg.TEST.WEIGHTS == "best" and store.files():
        validated = [one.name for one in task.evaluations() if one.split == "val"]
        stats = Path(cfg.OUTPUT_DIR) / "stats.jsonl"
        path = best_checkpoint(stats, store, primary_metric(task, validated))
        return path, load_checkpoint_file(path)
    newest = store.load_newest(lambda path, state: model_state_of(state, path))
    if newest is None and cfg.TRAIN.CHECKPOINT_FILE_PATH:
        path = Path(local_path(cfg.TRAIN.CHECKPOINT_FILE_PATH, "TRAIN.CHECKPOINT_FILE_PATH"))
        return path, load_checkpoint_file(path)
    return newest


def best_checkpoint(stats: Path, store: CheckpointStore, metric: str) -> Path:
    """Return the checkpoint of the epoch with the highest measure, the last one of several.

    It is what ``TEST.WEIGHTS best`` tests.

    Args:
        stats: ``stats.jsonl`` of the run.
        store: its checkpoints.
        metric: of the rows of validation.

    Raises:
        CheckpointError: no epoch has both a measure and a checkpoint.
    """
    return du.on_root(lambda: _best(stats, store, metric))


def _best(stats: Path, store: CheckpointStore, metric: str) -> Path:
    rows = read_json_stats(stats) if stats.is_file() else []
    measured = [r for r in rows if r["_type"] == ROW and r.get(metric) is not None]
    there = [row for row in measured if store.path(row["epoch"]).is_file()]
    if not there:
        raise CheckpointError(
            f"TEST.WEIGHTS best: of the {len(measured)} epochs of {stats} with {metric} none has a "
            "checkpoint. Let TRAIN.EVAL_PERIOD be a multiple of TRAIN.CHECKPOINT_PERIOD and keep all "
            "(TRAIN.CHECKPOINT_KEEP_LAST 0)."
        )
    best = max(there, key=lambda row: (row[metric], row["epoch"]))
    if best[metric] < max(row[metric] for row in measured):
        logger.warning("A better epoch was validated, whose checkpoint was not kept.")
    logger.info("Best validation: %s %.2f after epoch %d.", metric, best[metric], best["epoch"])
    return store.path(best["epoch"])


def _nothing_to_test(cfg) -> CheckpointError:
    return CheckpointError(
        f"Nothing to test: {cfg.OUTPUT_DIR} holds no checkpoint. Train first (TRAIN.ENABLE True), "
        "set TEST.CHECKPOINT_FILE_PATH, or name a network with its classifier by MODEL.INIT_METHOD "
        "and MODEL.CKPT."
    )


def load_weights(model: nn.Module, state: dict[str, Any], source: Path) -> None:
    """Fill the parts of a model from a checkpoint of a run; a test needs nothing else of it.

    Raises:
        CheckpointError: it is not such a checkpoint, or that of another model.
    """
    weights = dict(model_state_of(state, source))
    prefixes = tuple(prefix_of(model, part) for part in parts_of(model))
    for name, tensor in model.state_dict().items():
        if not name.startswith(prefixes):  # memories of a training list, say
            weights[name] = tensor
    try:
        load_model_state(model, weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{source} does not fit this config: {error}. Check MODEL.ARCH, MODEL.NUM_CLASSES or, for "
            "zero-shot networks, ZERO_SHOT.VECTORS."
        ) from error
