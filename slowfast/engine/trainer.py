"""The training loop. Everything periodic is a hook; methods and tasks are not known here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from slowfast.checkpoint.networks import load_model_state
from slowfast.engine.grad_cache import cached_losses, carry_gradients
from slowfast.engine.hooks.base import Hook
from slowfast.engine.launch import device_of
from slowfast.engine.lr_policy import Schedule
from slowfast.engine.memory_format import to_channels_last
from slowfast.engine.optimizer import load_optimizer, set_lr
from slowfast.engine.phases import Phase, phase_at, total_epochs
from slowfast.engine.precision import Precision
from slowfast.engine.state import Progress, batch_to_device, seed_step
from slowfast.models.sync_batchnorm import synchronise_batchnorm
from slowfast.tasks.base import Batch, StepOutput, Task
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, StopRequested, TrainingError, UnreadableFilesError


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
        last: numbers of the latest step, for hooks.
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
        self.last: dict[str, Any] = {}
        self.hooks: list[Hook] = []
        self.phase: Phase | None = None

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
        self.wrapped_model = torch.compile(wrapped) if self.cfg.MODEL.COMPILE else wrapped

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
        for batches in self.steps():
            self._call("before_step")
            self.run_step(batches)
            self.progress.step += 1
            self.progress.global_step += 1
            self._call("after_step")
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
        """Take one optimizer step on one or more accumulated batches."""
        progress = self.progress
        seed_step(self.cfg.RNG_SEED, progress.global_step, du.get_rank())
        lr = self.phase.learning_rate(self.schedule, self.fractional_epoch)
        set_lr(self.optimizer, lr)
        self.optimizer.zero_grad(set_to_none=True)
        if self.shared_losses:
            outputs = [self._together(batches)]
        else:
            outputs = [
                self._forward_backward(batch, last=k == len(batches) - 1)
                for k, batch in enumerate(batches)
            ]
        grad_norm = self._apply_gradients(batches)
        self.last = {
            "batches": batches,
            "lr": lr,
            "grad_norm": grad_norm,
            **_average(outputs),
        }

    def _forward_backward(self, batch: Batch, last: bool) -> StepOutput:
        batch = batch_to_device(batch, self.device)
        # Only the last of accumulated batches needs the gradients of other processes.
        apart = self._parallel is not None and not last
        with self._parallel.no_sync() if apart else nullcontext():
            with self.precision.autocast():
                output = self.task.training_step(self.wrapped_model, batch)
            loss = self._finite_loss(output, [batch])
            self.precision.scaler.scale(loss / self.accumulation).backward()
        return output

    def _together(self, batches: list[Batch]) -> StepOutput:
        """Take the losses of all batches as of one, see :mod:`slowfast.engine.grad_cache`."""
        moved = [batch_to_device(batch, self.device) for batch in batches]
        found = cached_losses(self.task, self.model, moved, self.precision)
        output, embeddings, states = found
        loss = self._finite_loss(output, batches)
        self.precision.scaler.scale(loss).backward()
        where = (self.wrapped_model, moved, embeddings, states)
        carry_gradients(self.task, *where, self.precision)
        return output

    def _finite_loss(self, output: StepOutput, batches: list[Batch]) -> Tensor:
        loss = sum(output.losses.values())
        if du.any_process(not bool(torch.isfinite(loss))):
            self._stop_non_finite(f"loss {loss.item()}", batches, output)
        return loss

    def _apply_gradients(self, batches: list[Batch]) -> float:
        scaler = self.precision.scaler
        scaler.unscale_(self.optimizer)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        limit = self.clip_norm if self.clip_norm and not self.clip_value else math.inf
        grad_norm = nn.utils.clip_grad_norm_(parameters, limit).item()
        if self.clip_value:
            nn.utils.clip_grad_value_(parameters, self.clip_value)
        if not scaler.is_enabled() and not math.isfinite(grad_norm):
            self._stop_non_finite(f"gradient norm {grad_norm}", batches, None)
        scaler.step(self.optimizer)
        scaler.update()
        return grad_norm

    def _stop_non_finite(self, what: str, batches: list[Batch], output: StepOutput | None) -> None:
        files = [f for b in batches for f in self.task.batch_files(self.loader.dataset, b)]
        terms = {k: v.item() for k, v in output.losses.items()} if output else {}
        progress = self.progress
        raise TrainingError(
            f"Non-finite {what} at epoch {progress.epoch}, step {progress.step} (learning rate "
            f"{self.optimizer.param_groups[0]['lr']:g}, terms {terms}). The weights were not "
            "changed by this step. Files of the batch:\n  " + "\n  ".join(files) + "\n"
            "Lower SOLVER.BASE_LR, clip gradients (SOLVER.CLIP_GRAD_L2NORM), or look at the files."
        )

    def _call(self, moment: str) -> None:
        for hook in self.hooks:
            getattr(hook, moment)(self)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that an exact resume needs, as tensors and plain values.

        All processes must call it together.
        """
        return {
            "epoch": self.progress.epoch - 1,
            "progress": self.progress.as_dict(),
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


def _average(outputs: list[StepOutput]) -> dict[str, float]:
    """Return the mean over accumulated batches of every loss term, metric and the total."""
    names = {**outputs[0].losses, **outputs[0].metrics}
    values = {
        name: sum({**o.losses, **o.metrics}[name].item() for o in outputs) / len(outputs)
        for name in names
    }
    total = sum(values[name] for name in outputs[0].losses)
    return {**values, "loss": total, "batch_size": sum(o.batch_size for o in outputs)}
