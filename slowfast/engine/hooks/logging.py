"""Numbers of a run: log lines with ETA, ``stats.jsonl``, and the event writers that show them."""

from __future__ import annotations

import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from slowfast.engine.event_writers import EventWriter
from slowfast.engine.hooks.base import Hook
from slowfast.engine.limits import limit_in_words
from slowfast.utils import distributed as du
from slowfast.utils.errors import TrainingError
from slowfast.utils.files import null_for_nan, write_text
from slowfast.utils.logging import duration, get_logger, in_words, log_json_stats, read_json_stats

if TYPE_CHECKING:
    from slowfast.engine.state import Progress
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)

END_OF_EPOCH = ("train_epoch", "val_epoch")
EXPLOSION_HISTORY = 5
MOST_WAITING_ROWS = 10_000


class StatsWriter:
    """Appends rows to ``stats.jsonl`` and hands their numbers to event writers.

    A full disk ends no run: the rows wait until there is room, and a writer that fails is left out.
    """

    def __init__(self, output_dir: Path, writers: Sequence[EventWriter] = ()) -> None:
        self.output_dir, self.writers = output_dir, writers
        self._opened: list[EventWriter] = []
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING_ROWS)

    def rewind(self, progress: Progress) -> None:
        """Drop rows that a resumed run will write again: those of later steps and of testing."""
        path = self.output_dir / "stats.jsonl"
        if du.is_root_proc() and path.is_file():
            kept = [row for row in read_json_stats(path) if _stays(row, progress)]
            write_text(path, "".join(json.dumps(null_for_nan(row)) + "\n" for row in kept))

    def row_of(self, kind: str, step: int) -> dict[str, Any] | None:
        """Return the row of a kind and step that ``stats.jsonl`` has, in every process."""
        found = None
        if du.is_root_proc():
            rows = read_json_stats(self.output_dir / "stats.jsonl")
            wanted = [row for row in rows if (row["_type"], row["step"]) == (kind, step)]
            found = wanted[-1] if wanted else None
        return du.broadcast_object(found)

    def open_writers(self, step: int | None = None) -> None:
        """Begin to show rows: those of steps after ``step`` come again, with None rows are added."""
        if du.is_root_proc():
            for writer in self.writers:
                writer.begin(step)
                self._opened.append(writer)

    def write(self, row: dict[str, Any]) -> None:
        """Write one row; ``_type`` names it and ``step`` places it; no number becomes null."""
        row = null_for_nan(row)
        full = bool(self._waiting)
        self._waiting.append(row)
        try:
            while self._waiting:
                log_json_stats(self._waiting[0], self.output_dir)
                self._waiting.popleft()
        except OSError as error:
            if not full:
                logger.error("Rows of stats.jsonl wait in memory (%s).", error)
        for writer in list(self._opened):
            self._hand_over(writer, writer.write, row)

    def close(self) -> None:
        """Hand over what writers have not shown yet."""
        for writer in list(self._opened):
            self._hand_over(writer, writer.close)
        self._opened = []
        if self._waiting:
            logger.error("%d rows of stats.jsonl could not be written.", len(self._waiting))

    def _hand_over(self, writer: EventWriter, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except OSError as error:
            logger.error("%s shows no more rows of this run (%s).", type(writer).__name__, error)
            self._opened.remove(writer)


def _stays(row: dict[str, Any], progress: Progress) -> bool:
    kind, step = row["_type"], row["step"]
    if step == progress.global_step and kind in END_OF_EPOCH:
        return progress.step == 0  # else what ends an epoch was interrupted, and is done again
    if step == progress.global_step and kind == "epoch_start":
        return False  # the epoch that begins with the next step starts again
    return step <= progress.global_step and kind != "test_final"


class EpochStartHook(Hook):
    """Calls ``task.on_epoch_start`` and logs the numbers it returns."""

    def __init__(self, writer: StatsWriter) -> None:
        self.writer = writer

    def before_epoch(self, trainer: Trainer) -> None:
        """Run also before the rest of a resumed epoch; the model knows what it has done."""
        progress = trainer.progress
        found = trainer.task.on_epoch_start(trainer.model, progress.epoch, trainer.output_dir)
        if found:
            row = {"_type": "epoch_start", "step": progress.global_step}
            self.writer.write({**row, "epoch": progress.epoch + 1, **found})
            logger.info("before epoch %d: %s", progress.epoch + 1, in_words(found))


class LogHook(Hook):
    """Logs every ``LOG_PERIOD`` steps and every epoch, and then what limits the run.

    Args:
        writer: takes the rows.
        period: steps between rows.
        explosion_factor: stop when the loss exceeds this multiple of the mean of the rows before
            (``TRAIN.KILL_LOSS_EXPLOSION_FACTOR``), 0 for never.
    """

    def __init__(self, writer: StatsWriter, period: int, explosion_factor: float = 0.0) -> None:
        self.writer, self.period, self.explosion_factor = writer, period, explosion_factor
        self.sums: dict[str, float] = {}
        self.count = 0
        self.recent: list[float] = []
        self._times: deque[float] = deque(maxlen=100)
        self._spent: Counter[str] = Counter()
        self._timed_steps = 0

    def before_epoch(self, trainer: Trainer) -> None:
        """Start the clocks; forget the sums unless the epoch is being resumed."""
        if trainer.progress.step == 0:
            self.sums, self.count = {}, 0
        self._epoch_start = self._mark = time.perf_counter()
        self._spent.clear()
        self._timed_steps = 0

    def after_step(self, trainer: Trainer) -> None:
        """Log the step when it is its turn."""
        now = time.perf_counter()
        self._times.append(now - self._mark)
        self._mark = now
        self._timed_steps += 1
        step = trainer.progress.step
        if step % self.period == 0 or step == trainer.steps_per_epoch:
            self._log_step(trainer, self._over_processes(trainer.read_numbers()))

    def take_numbers(self, rows: list[dict[str, float]]) -> None:
        """Add up the steps."""
        for row in rows:
            for key, value in row.items():
                # A gradient scaler skips its first steps, whose norms are infinite.
                finite = value if math.isfinite(value) else 0.0
                self.sums[key] = self.sums.get(key, 0.0) + finite
        self.count += len(rows)

    def _over_processes(self, numbers: dict[str, float]) -> dict[str, float]:
        parts = du.all_gather_unaligned(numbers)
        return {key: sum(part[key] for part in parts) / len(parts) for key in numbers}

    def _log_step(self, trainer: Trainer, numbers: dict[str, float]) -> None:
        progress, count = trainer.progress, trainer.steps_per_epoch
        seconds = sum(self._times) / len(self._times)
        spent, steps = trainer.clock.take(), self._timed_steps
        self._spent.update(spent)
        self._timed_steps = 0
        left = (trainer.total_epochs - progress.epoch) * count - progress.step
        row = {
            "_type": "train_iter",
            "step": progress.global_step,
            "epoch": f"{progress.epoch + 1}/{trainer.total_epochs}",
            "iter": f"{progress.step}/{count}",
            **numbers,
            "dt": seconds,
            **{f"dt_{phase}": value / steps for phase, value in spent.items()},
            "gpu_mem_gib": _gpu_memory(trainer.device),
        }
        self.writer.write(row)
        shown = in_words(numbers)
        total = sum(spent.values())
        waiting = f", {spent['data'] / total:.0%} waiting for data" if total else ""
        logger.info(
            "epoch %s step %s  %s  %.2f s/step%s, ETA %s",
            row["epoch"],
            row["iter"],
            shown,
            seconds,
            waiting,
            duration(left * seconds),
        )
        self._check_explosion(numbers["loss"])

    def _check_explosion(self, loss: float) -> None:
        usual = sum(self.recent) / len(self.recent) if self.recent else math.inf
        full = len(self.recent) == EXPLOSION_HISTORY
        if self.explosion_factor and full and loss > self.explosion_factor * usual:
            raise TrainingError(
                f"The loss {loss:.4g} is more than TRAIN.KILL_LOSS_EXPLOSION_FACTOR = "
                f"{self.explosion_factor:g} times the mean {usual:.4g} of the rows before."
            )
        self.recent = [*self.recent, loss][-EXPLOSION_HISTORY:]

    def after_epoch(self, trainer: Trainer) -> None:
        """Write the means over the epoch."""
        if not self.count:
            return
        means = self._over_processes({k: v / self.count for k, v in self.sums.items()})
        progress = trainer.progress
        self.writer.write(
            {
                "_type": "train_epoch",
                "step": progress.global_step,
                "epoch": f"{progress.epoch + 1}/{trainer.total_epochs}",
                **means,
            }
        )
        seconds = time.perf_counter() - self._epoch_start
        shown = in_words(means)
        logger.info("epoch %d done in %s: %s", progress.epoch + 1, duration(seconds), shown)
        logger.info("%s", limit_in_words(self._spent, trainer.cfg))

    def state_dict(self) -> dict[str, Any]:
        """Return the running sums, averaged over processes; all must call it together."""
        return {"sums": self._over_processes(self.sums), "count": self.count, "recent": self.recent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Sum on from an interrupted epoch."""
        self.sums = dict(state.get("sums", {}))
        self.count, self.recent = state.get("count", 0), list(state.get("recent", []))


def _gpu_memory(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
