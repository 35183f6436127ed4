"""One process, processes that ``torchrun`` started, or processes spawned here.

Under ``torchrun`` (or SLURM through it) the environment decides rank and world size. Without it
``NUM_GPUS > 1`` spawns one process per GPU on this machine, and ``NUM_GPUS 0`` is the CPU.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import torch
import torch.multiprocessing as mp

from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, SlowFastError, StopRequested, TrainingError


def launch_job(cfg, func: Callable[..., None]) -> None:
    """Run ``func(cfg)`` in every process.

    Raises:
        ConfigError: more GPUs are asked for than there are.
    """
    check_devices(cfg)
    if du.launched_by_torchrun():
        _in_group(cfg, func)
    elif cfg.NUM_GPUS > 1:
        _spawn(cfg, func)
    else:
        func(cfg)


def _spawn(cfg, func: Callable[..., None]) -> None:
    """Start one process per GPU, hand stop signals on to them, and end as they end."""
    context = mp.spawn(_spawned, args=(cfg, func, _free_port()), nprocs=cfg.NUM_GPUS, join=False)
    with StopSignals() as signals:
        while not _joined(context):
            if signals.received:
                for pid in context.pids():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signals.received)
                signals.received = 0


def _joined(context: mp.ProcessContext) -> bool:
    try:
        return context.join(timeout=1.0)
    except mp.ProcessRaisedException as error:
        raise TrainingError(f"a spawned process failed:\n{error}") from error
    except mp.ProcessExitedException as error:  # it said why itself
        raise StopRequested(max(error.exit_code, 1)) from error


def check_devices(cfg) -> None:
    """Refuse a config that asks for GPUs that are not there."""
    present = torch.cuda.device_count()
    if cfg.NUM_GPUS > present:
        raise ConfigError(
            f"NUM_GPUS is {cfg.NUM_GPUS} but {present} GPUs are visible. Set NUM_GPUS {present}"
            f"{' to run on the CPU' if present == 0 else ''}."
        )
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if du.launched_by_torchrun() else 1
    if cfg.NUM_GPUS and processes > cfg.NUM_GPUS:
        raise ConfigError(
            f"torchrun started {processes} processes on this machine for NUM_GPUS = "
            f"{cfg.NUM_GPUS}: set NUM_GPUS {processes}, or NUM_GPUS 0 for the CPU."
        )


def device_of(cfg) -> torch.device:
    """Return the device of this process."""
    if cfg.NUM_GPUS == 0:
        return torch.device("cpu")
    return torch.device("cuda", du.get_local_rank())


def _in_group(cfg, func: Callable[..., None]) -> None:
    if du.is_initialized():
        func(cfg)
        return
    backend = cfg.DIST_BACKEND if cfg.NUM_GPUS else "gloo"
    if cfg.NUM_GPUS:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    try:
        du.init_process_group(backend, cfg.DIST_TIMEOUT_SECONDS)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"Process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} found no group within "
            f"DIST_TIMEOUT_SECONDS = {cfg.DIST_TIMEOUT_SECONDS:g}: {error}"
        ) from error
    func(cfg)


def _spawned(rank: int, cfg, func: Callable[..., None], port: int) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(cfg.NUM_GPUS),
        LOCAL_WORLD_SIZE=str(cfg.NUM_GPUS),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    try:
        _in_group(cfg, func)
    except SlowFastError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except StopRequested as stop:
        sys.exit(stop.exit_status)
    finally:
        du.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
