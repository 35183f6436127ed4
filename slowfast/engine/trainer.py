"""The training loop. Everything periodic is a hook; methods and tasks are not known here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from slowfast.checkpoint.networks import load_model_state, not_finite, shortened
from slowfast.checkpoint.store import CheckpointStore
from slowfast.engine.grad_cache import cached_losses, carry_gradients
from slowfast.engine.hooks.base import Hook
from slowfast.engine.launch import device_of
from slowfast.engine.lr_policy import Schedule
from slowfast.engine.optimizer import (
    Phase,
    load_optimizer,
    phase_at,
    set_lr,
    total_epochs,
)
from slowfast.engine.precision import Precision, to_channels_last
from slowfast.engine.state import Progress, SideStream, seed_step
from slowfast.engine.step_numbers import NORM, StepRecord, read
from slowfast.models.sync_batchnorm import synchronise_batchnorm
from slowfast.tasks.base import Batch, StepOutput, Task
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, StopRequested, TrainingError, UnreadableFilesError
from slowfast.utils.step_clock import StepClock, timed


class Trainer:
    """Minimises the losses of a task.

    Args:
        cfg: the whole config.
        task: builds model and loader and knows one step.
        output_dir: the folder of the run.

    Attributes:
        model: the bare model; ``wrapped_model`` is what steps run: wrapped for several processes,
            compiled where asked.
        progress: where the run stands.
        batches: those of the latest step, for hooks.
        clock: where the time of the steps goes.
    """

    def __init__(self, cfg, task: Task, output_dir: Path) -> None:
        self.cfg, self.task, self.output_dir = cfg, task, output_dir
        self.device = device_of(cfg)
        torch.manual_seed(cfg.RNG_SEED)
        self.model = task.build_model(output_dir).to(self.device)
        self.loader = task.build_loader("train")
        self.list_fingerprint = task.list_fingerprint(self.loader.dataset)
        if self.steps_per_epoch == 0:
            raise ConfigError(
                f"An epoch holds {len(self.loader)} batches, fewer than "
                f"TRAIN.ACCUMULATION_STEPS = {self.accumulation}: no step would be taken. Lower it."
            )
        self.schedule = Schedule.from_cfg(cfg.SOLVER)
        self.clip_norm, self.clip_value = cfg.SOLVER.CLIP_GRAD_L2NORM, cfg.SOLVER.CLIP_GRAD_VAL
        self.shared_losses = cfg.TRAIN.GRAD_CACHE
        self.precision = Precision(cfg.TRAIN.MIXED_PRECISION, cfg.TRAIN.AMP_DTYPE, self.device)
        self.progress = Progress()
        self.batches: list[Batch] = []
        self.clock = StepClock(self.device)
        self._to_device = SideStream(self.device)
        self.hooks: list[Hook] = []
        self.phase: Phase | None = None
        self._unread: list[StepRecord] = []
        self._numbers: dict[str, float] = {}
        # 1 from the first step on whose numbers are not finite: weights then stay as they are.
        self._stuck = torch.zeros((), device=self.device)

    @property
    def accumulation(self) -> int:
        """Batches per optimizer step."""
        return self.cfg.TRAIN.ACCUMULATION_STEPS

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps per epoch."""
        return len(self.loader) // self.accumulation

    @property
    def total_epochs(self) -> int:
        """Epochs of all phases."""
        return total_epochs(self.cfg)

    @property
    def fractional_epoch(self) -> float:
        """Position on the schedule of the current phase."""
        done = self.progress.epoch + self.progress.step / self.steps_per_epoch
        return done - self.phase.first_epoch

    def enter_phase(self) -> None:
        """Prepare network, optimizer and wrapping for the phase of the current epoch, if it is new.

        Not before weights are loaded, which may exchange layers of the network.
        """
        phase = phase_at(self.cfg, self.progress.epoch)
        if phase == self.phase:
            return
        self.phase = phase
        if self.cfg.MODEL.CHANNELS_LAST:
            to_channels_last(self.model)
        self.precision.prepare(self.model)
        norm = self.cfg.BN
        if norm.NORM_TYPE.startswith("sync"):
            everywhere = norm.GLOBAL_SYNC
            self.model = synchronise_batchnorm(
                self.model, None if everywhere else norm.NUM_SYNC_DEVICES
            )
        self.optimizer = phase.prepare(self.model, self.cfg)
        self.optimizer.register_step_pre_hook(self._hold_back)
        self._parallel = None
        if du.is_initialized():
            self._parallel = DistributedDataParallel(
                self.model,
                device_ids=[self.device] if self.device.type == "cuda" else None,
                # Statistics of normalisation are those of process 0, sent before an evaluation;
                # a model keeps its other buffers equal by itself.
                broadcast_buffers=False,
            )
        wrapped = self._parallel or self.model
        self.wrapped_model = wrapped
        if self.cfg.MODEL.COMPILE:
            self.wrapped_model = torch.compile(wrapped, mode=self.cfg.MODEL.COMPILE_MODE)

    def train(self) -> None:
        """Run until ``total_epochs``, from wherever ``progress`` stands."""
        self.enter_phase()
        try:
            self._call("before_train")
            while self.progress.epoch < self.total_epochs:
                self._train_epoch()
        except StopRequested as stop:
            if stop.agreed:
                self._call("before_stop")
            raise
        self._call("after_train")

    def _train_epoch(self) -> None:
        self.enter_phase()
        self.model.train()
        self._call("before_epoch")
        with self.clock.running():
            self.clock.switch("data")
            for batches in self.steps():
                self.clock.switch("other")
                self.run_step(batches)
                self.progress.step += 1
                self.progress.global_step += 1
                self._call("after_step")
                self.clock.switch("data")
            self.clock.switch("")
            self._call("after_epoch")
        self.progress.epoch += 1
        self.progress.step = 0
        self._call("between_epochs")

    def steps(self) -> Iterator[list[Batch]]:
        """Yield the batches of the remaining steps of the epoch."""
        begin = self.progress.step
        self.loader.batch_sampler.set_position(self.progress.epoch, begin * self.accumulation)
        batches = iter(self.loader)
        for number in range(begin, self.steps_per_epoch):
            du.stand(f"epoch {self.progress.epoch + 1}, step {number + 1}")
            step = list(itertools.islice(batches, self.accumulation))
            for batch in step:
                if "unreadable" in batch:
                    raise UnreadableFilesError(batch["unreadable"])
            yield step

    def run_step(self, batches: list[Batch]) -> None:
        """Take one optimizer step on one or more accumulated batches; nothing is read on the host."""
        progress = self.progress
        seed_step(self.cfg.RNG_SEED, progress.global_step, du.get_rank())
        lr = self.phase.learning_rate(self.schedule, self.fractional_epoch)
        set_lr(self.optimizer, lr)
        if self.cfg.MODEL.COMPILE and self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()  # nothing of the last step is read any more
        self.optimizer.zero_grad(set_to_none=True)
        if self.shared_losses:
            outputs = [self._together(batches)]
        else:
            outputs = [
                self._forward_backward(batch, last=k == len(batches) - 1)
                for k, batch in enumerate(batches)
            ]
        with timed("optimizer"):
            grad_norm = self._apply_gradients(outputs)
        self.batches = batches
        place = progress.epoch, progress.step
        record = StepRecord.of(place, lr, batches, outputs, grad_norm, self.precision.scale())
        self._unread.append(record)

    def _forward_backward(self, batch: Batch, last: bool) -> StepOutput:
        with timed("transfer"):
            batch = self._to_device.copy(batch)
        # Only the last of accumulated batches needs the gradients of other processes.
        apart = self._parallel is not None and not last
        with self._parallel.no_sync() if apart else nullcontext():
            with timed("forward"), self.precision.autocast():
                output = self.task.training_step(self.wrapped_model, batch)
            with timed("backward"):
                loss = sum(output.losses.values())
                self.precision.scaler.scale(loss / self.accumulation).backward()
        return output

    def _together(self, batches: list[Batch]) -> StepOutput:
        """Take the losses of all batches as of one, see :mod:`slowfast.engine.grad_cache`."""
        with timed("transfer"):
            moved = [self._to_device.copy(batch) for batch in batches]
        with timed("forward"):
            found = cached_losses(self.task, self.model, moved, self.precision)
        output, embeddings, draws = found
        with timed("backward"):
            self.precision.scaler.scale(sum(output.losses.values())).backward()
            where = (self.wrapped_model, moved, embeddings, draws)
            carry_gradients(self.task, *where, self.precision)
        return output

    def _apply_gradients(self, outputs: list[StepOutput]) -> Tensor:
        """Change the weights unless a loss or gradient is not finite; return the gradients' norm.

        Whether all is finite stays on the device, where the fused optimizers look at it.
        """
        scaler = self.precision.scaler
        scaler.unscale_(self.optimizer)
        weights = [p for group in self.optimizer.param_groups for p in group["params"]]
        weights = [p for p in weights if p.grad is not None]
        if self.clip_norm and not self.clip_value:
            grad_norm = nn.utils.clip_grad_norm_(weights, self.clip_norm)
        else:
            grad_norm = nn.utils.get_total_norm([p.grad for p in weights])
        if self.clip_value:
            nn.utils.clip_grad_value_(weights, self.clip_value)
        watched = [loss.detach() for output in outputs for loss in output.losses.values()]
        # A scaler leaves out steps whose gradient is not finite, and tries another scale.
        watched += [] if scaler.is_enabled() else [grad_norm]
        finite = torch.stack(watched).isfinite().all()
        (self._stuck,) = du.all_reduce([self._stuck + (~finite).float()], average=False)
        self._stuck.clamp_(max=1)
        scaler.step(self.optimizer)
        scaler.update()
        return grad_norm

    def _hold_back(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        """Let a step of the optimizer change nothing once numbers were not finite."""
        found = getattr(optimizer, "found_inf", None)  # of a scaler
        optimizer.found_inf = self._stuck if found is None else torch.maximum(found, self._stuck)

    def read_numbers(self) -> dict[str, float]:
        """Return the numbers of the latest step, having handed those of all new steps to the hooks.

        All processes must call it together; it waits for the device.

        Raises:
            TrainingError: numbers of a step are not finite in some process.
        """
        records, self._unread = self._unread, []
        rows = read(records)
        found = ((r, r.problem(row), row) for r, row in zip(records, rows, strict=True))
        wrong = next((self._in_words(*one) for one in found if one[1]), None)
        first = min(filter(None, du.all_gather_unaligned(wrong)), default=None)
        if first:
            raise TrainingError(first[1])
        for hook in self.hooks:
            hook.take_numbers(rows)
        self._numbers = rows[-1] if rows else self._numbers
        return self._numbers

    def _in_words(
        self, record: StepRecord, problem: str, row: dict[str, float]
    ) -> tuple[tuple[int, int, str], str]:
        """Return what is said of a step that is not finite, behind a key by which the first counts."""
        files = [f for b in record.files for f in self.task.batch_files(self.loader.dataset, b)]
        terms = {name: row[name] for name in record.losses}
        broken = not_finite(dict(self.model.named_parameters()))
        weights = f"{shortened(broken)} of the network is not finite either. " if broken else ""
        saved = CheckpointStore(self.output_dir / "checkpoints").files()
        last = f"The last checkpoint is {saved[-1]}. " if saved else ""
        # Gradients are those of all processes: the one whose loss is not finite has the files.
        key = record.epoch, record.step, "gradient" if problem.startswith("gradient") else ""
        return key, (
            f"Non-finite {problem} at epoch {record.epoch}, step {record.step} (learning rate "
            f"{record.learning_rate:g}, gradient norm {row[NORM]:g}, terms {terms}). The weights were "
            f"not changed by this step. {weights}{last}Files of the batch:\n  "
            + "\n  ".join(files)
            + "\n"
            "Lower SOLVER.BASE_LR, clip gradients (SOLVER.CLIP_GRAD_L2NORM), or look at the files."
        )

    def _call(self, moment: str) -> None:
        for hook in self.hooks:
            getattr(hook, moment)(self)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that an exact resume needs, as tensors and plain values.

        All processes must call it together.

        Raises:
            TrainingError: numbers of a step since the last log line are not finite.
        """
        self.read_numbers()
        return {
            "epoch": self.progress.epoch - 1,
            "progress": asdict(self.progress),
            "steps_per_epoch": self.steps_per_epoch,
            "list_fingerprint": self.list_fingerprint,
            "model_state": self.model.state_dict(),
            "optimizer_state": self.optimizer.state_dict(),
            "scaler_state": self.precision.scaler.state_dict(),
            "cfg": self.cfg.dump(),
            "hooks": {type(hook).__name__: hook.state_dict() for hook in self.hooks},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from :meth:`state_dict`."""
        load_model_state(self.model, state["model_state"])
        self.progress = Progress(**state["progress"])
        self.enter_phase()
        # The end of one phase is the start of the next, whose optimizer is fresh.
        if self.progress.step or self.progress.epoch > self.phase.first_epoch:
            load_optimizer(self.optimizer, state["optimizer_state"])
        self.precision.scaler.load_state_dict(state["scaler_state"])
        for hook in self.hooks:
            hook.load_state_dict(state["hooks"].get(type(hook).__name__, {}))
