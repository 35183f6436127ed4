"""How a run ends: one sentence on stderr, a status that is not zero, and no process left behind."""

from __future__ import annotations

import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.arguments import begin_command
from slowfast.utils.errors import SlowFastError, StopRequested
from slowfast.utils.meeting import named
from slowfast.utils.processes import end_children

FEWER_WORKERS = "lower DATA_LOADER.NUM_WORKERS or DATA_LOADER.PREFETCH_FACTOR"
SMALL_SHM = f"/dev/shm is too small for the batches of the data-loader workers: {FEWER_WORKERS}, or enlarge it"
# What libraries say, and what it means to a user; the first that matches counts.
NO_MEMORY = "out of memory: lower TRAIN.BATCH_SIZE or DATA_LOADER.NUM_WORKERS"
KNOWN = (
    (r"cannot allocate memory", NO_MEMORY),
    (r"bus error|out of shared memory|unable to .*</torch_", SMALL_SHM),
    (
        r"DataLoader worker .*(killed by signal: (Killed|Terminated)|exited unexpectedly)",
        "a data-loader worker was killed by {signal}: out of memory? Lower "
        "DATA_LOADER.NUM_WORKERS, DATA_LOADER.PREFETCH_FACTOR or TRAIN.BATCH_SIZE",
    ),
    (
        r"DataLoader worker .*killed by signal: (?P<signal>[^.]+)\.",
        "a data-loader worker crashed ({signal}); 'python tools/prepare_data.py verify' finds "
        "files that crash a decoder",
    ),
    (r"Too many open files", "too many open files: raise the limit (ulimit -n 65536)"),
    (
        r"CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDA error: out of memory",
        "out of GPU memory: lower TRAIN.BATCH_SIZE (TEST.BATCH_SIZE in testing), raise "
        "TRAIN.ACCUMULATION_STEPS, or set TRAIN.MIXED_PRECISION True",
    ),
    (r"can't allocate memory|not enough memory", NO_MEMORY),
)
LOST = re.compile(
    r"Connection (closed|reset|refused)|Broken pipe|Socket closed|remote process exited|"
    r"NCCL (error|communicator)|ncclRemoteError|ncclSystemError|Read timeout|Write timeout|"
    r"Timed out waiting|wait timeout|failed to connect|recvValue failed|sendBytes failed",
    re.IGNORECASE,
)


def is_lost_peer(error: BaseException) -> bool:
    """Tell whether an error says that another process of the run cannot be reached."""
    if not du.is_initialized() or isinstance(error, SlowFastError):
        return False
    distributed = isinstance(error, getattr(torch.distributed, "DistError", ()))
    return distributed or (isinstance(error, RuntimeError) and bool(LOST.search(str(error))))


def explain(error: BaseException) -> tuple[str, bool]:
    """Return what happened as a sentence, and whether it is something that is known to happen."""
    if is_lost_peer(error):
        return _lost(str(error).strip().splitlines()[0]), True
    name, text = _without_worker(type(error).__name__, str(error))
    if isinstance(error, SlowFastError):
        return text, True
    if isinstance(error, MemoryError):
        return NO_MEMORY, True
    for pattern, sentence in KNOWN:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            signal = found.groupdict().get("signal") or "SIGKILL"
            return sentence.format(signal=signal), True
    if isinstance(error, OSError):
        return text, True
    first = next(iter(text.strip().splitlines()), "")  # the rest stands in the traceback
    return f"{name}: {first}".rstrip(": "), False


def _lost(text: str) -> str:
    """Return who does not answer, as far as the others can tell."""
    rank, size, meeting = du.get_rank(), du.get_world_size(), du.meeting()
    gone = meeting.gone() if meeting else []
    who = (
        f"{named(gone)} is gone or does not answer"
        if gone
        else "another process of the run is gone"
    )
    at = f" at {du.place()}" if du.place() else ""
    return f"{who} (noticed by rank {rank} of {size}{at}: {text}); its own message says why"


def _without_worker(name: str, text: str) -> tuple[str, str]:
    """Return type and text of an error, without the traceback that a data-loader worker adds."""
    caught = re.match(r"'?Caught (\w+) in DataLoader worker", text)
    if not caught:
        return name, text
    name = caught[1]
    own = re.search(rf"^(?:[\w.]+\.)?{name}(?:: (?P<text>.*))?\Z", text, re.MULTILINE | re.DOTALL)
    return name, ((own["text"] or "") if own else text).strip()


@contextmanager
def record_failure(log: Path, signals: StopSignals) -> Iterator[None]:
    """Append the traceback of what fails inside to a log file, and let it pass.

    Args:
        log: ``log.txt`` of the run, which every process may append to.
        signals: a process that is lost after a stop signal did nothing but obey it first.
    """
    try:
        yield
    except Exception as error:
        if signals.received and is_lost_peer(error):
            raise StopRequested(signals.received, agreed=False) from error
        write_traceback(error, log)
        raise


def write_traceback(error: BaseException, log: Path) -> None:
    """Append a traceback to a file; a disk that is full does not hide the error itself."""
    text = "".join(traceback.format_exception(error))
    try:
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"rank {du.get_rank()} failed:\n{text}")
        error.traceback_file = log
    except OSError:
        pass


def run_cli(work: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Call ``work`` and turn what it raises into an exit status and one message.

    No child process is left behind, whatever happened.

    Args:
        work: may return an exit status of its own.
        interrupted: the message after Ctrl-C.
    """
    begin_command()
    try:
        status = work()
    except StopRequested as stop:
        text = f"{stop}; the same command resumes the run"
        return _ended(lambda: text, stop.exit_status)
    except KeyboardInterrupt:
        return _ended(lambda: interrupted, 130)
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one sentence
        return _ended(lambda error=error: f"error: {_sentence(error)}", 1)
    finally:
        end_children()
    # Only after success: leaving a group waits for what its other processes have to say.
    du.destroy_process_group()
    return status or 0


def _ended(message: Callable[[], str], status: int) -> int:
    """End with a message; of several processes the first one that ends says its own."""
    # Before the frames that the error holds are let go: they would wait for stuck workers.
    end_children()
    meeting = du.meeting()
    if meeting is None:
        sys.stderr.write(f"{message()}\n")
    elif meeting.may_speak():
        sys.stderr.write(f"{message()}\n")
        sys.stderr.flush()
        meeting.spoke()
    return status


def _sentence(error: Exception) -> str:
    text, known = explain(error)
    if known:
        return text
    if not hasattr(error, "traceback_file"):
        with tempfile.NamedTemporaryFile(
            prefix="slowfast-", suffix="-traceback.txt", delete=False
        ) as file:
            write_traceback(error, Path(file.name))
    where = getattr(error, "traceback_file", "no file, for the disk is full")
    return (
        f"{text.rstrip().rstrip('.')}; this is a bug or an unforeseen input, the traceback is in "
        f"{where}"
    )
