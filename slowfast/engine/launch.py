"""One process, processes that ``torchrun`` started, or processes spawned here.

Under ``torchrun`` (or SLURM through it) the environment decides rank and world size. Without it
``NUM_GPUS > 1`` spawns one process per GPU on this machine, and ``NUM_GPUS 0`` is the CPU.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import torch

from slowfast.config.load import import_modules
from slowfast.engine.failures import run_cli
from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, StopRequested, TrainingError
from slowfast.utils.processes import die_with_parent, end_processes, leave, wait_for

SURVIVAL_SECONDS = 5.0  # in which processes notice that another is gone
POLL_SECONDS = 0.1


def launch_job(cfg, func: Callable[..., None]) -> None:
    """Run ``func(cfg)`` in every process.

    Raises:
        ConfigError: more GPUs are asked for than there are.
    """
    check_devices(cfg)
    if du.launched_by_torchrun():
        _in_group(cfg, func)
    elif cfg.NUM_GPUS > 1:
        spawn_job(cfg, func, cfg.NUM_GPUS)
    else:
        func(cfg)


def spawn_job(cfg, func: Callable[..., None], count: int) -> None:
    """Run ``func(cfg)`` in ``count`` new processes of this machine, and end as they end.

    Stop signals are handed on. When a process fails, the others get a few seconds to notice.

    Raises:
        StopRequested: a stop signal came; no process is left.
        TrainingError: a process was killed.
        SystemExit: a process failed, and has said why.
    """
    context = multiprocessing.get_context("spawn")
    # Here, since a process that fails takes its own with it.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    arguments = (cfg, func, count, store.port)
    ranks = [context.Process(target=_spawned, args=(k, *arguments)) for k in range(count)]
    with StopSignals() as signals:
        # Of Ctrl-C they hear through this process only, also before they are ready to obey.
        with _ignored(signal.SIGINT):
            for rank in ranks:
                rank.start()
        failed = _watch(ranks, signals)
    if signals.received:
        raise StopRequested(signals.received)
    if failed is None:
        return
    status = ranks[failed].exitcode
    if status < 0:
        name = signal.Signals(-status).name
        raise TrainingError(f"process {failed} of {count} was ended by {name}: out of memory?")
    raise SystemExit(status)


def _watch(ranks: Sequence[BaseProcess], signals: StopSignals) -> int | None:
    """Wait until all processes are gone; return the first that failed, and end those that stay."""
    told = False
    while any(rank.is_alive() for rank in ranks):
        connection.wait([rank.sentinel for rank in ranks if rank.is_alive()], timeout=POLL_SECONDS)
        if signals.received and not told:
            told = True
            for rank in ranks:
                rank.terminate()
        failed = _first_failure(ranks)
        if failed is not None:
            if not wait_for(ranks, SURVIVAL_SECONDS):
                end_processes([rank for rank in ranks if rank.is_alive()])
            return failed
    return _first_failure(ranks)


def _first_failure(ranks: Sequence[BaseProcess]) -> int | None:
    """Return a process with a status that is not zero; a killed one before those that noticed."""
    failed = [number for number, rank in enumerate(ranks) if rank.exitcode]
    return min(failed, key=lambda number: ranks[number].exitcode, default=None)


@contextmanager
def _ignored(number: int) -> Iterator[None]:
    """Ignore a signal; processes that are started meanwhile ignore it, too."""
    try:
        previous = signal.signal(number, signal.SIG_IGN)
    except ValueError:  # not in the main thread
        yield
        return
    yield
    signal.signal(number, previous)


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


def _spawned(rank: int, cfg, func: Callable[..., None], count: int, port: int) -> None:
    die_with_parent()
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(count),
        LOCAL_WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",  # not process 0 has the store
    )
    leave(run_cli(lambda: _imported(cfg, func)))


def _imported(cfg, func: Callable[..., None]) -> None:
    """Import the user's modules in this new process, too; the paths came from the one before."""
    import_modules(cfg.IMPORTS)
    _in_group(cfg, func)
