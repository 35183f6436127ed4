"""Which checkpoint of a run did best in validation (``TEST.WEIGHTS best``)."""

from __future__ import annotations

from pathlib import Path

from slowfast.checkpoint.store import CheckpointStore
from slowfast.engine.hooks.evaluation import ROW
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger, read_json_stats

logger = get_logger(__name__)


def best_checkpoint(stats: Path, store: CheckpointStore, metric: str) -> Path:
    """Return the checkpoint of the epoch with the highest measure, the last one of several.

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
