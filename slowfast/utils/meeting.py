"""Where the processes of a run meet before they work together, and take leave of each other.

Collectives say that somebody is missing, not who. The store of the group (of torchrun's agent where
there is one, else of process 0) does: each process leaves a mark of what it has come to.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import torch.distributed as dist

from slowfast.utils.errors import TrainingError

POLL_SECONDS = 0.05
NEWS_SECONDS = 30.0
LEAVING_SECONDS = 3.0  # in which processes notice that one is gone
SPEAKING_SECONDS = 6.0
SHOWN = 8

ARRIVED, LEAVING, SPEAKER, SPOKEN = "arrived", "leaving", "speaker", "spoken"


class Meeting:
    """The marks that processes leave.

    Args:
        store: of the group.
        rank, size: this process, and how many there are.
        is_host: whether the store ends with this process.
    """

    def __init__(self, store: dist.Store, rank: int, size: int, is_host: bool = False) -> None:
        self.store, self.rank, self.size, self.is_host = store, rank, size, is_host

    @classmethod
    def of_environment(cls, seconds: float) -> Meeting:
        """Return the meeting that the environment describes.

        Raises:
            TrainingError: process 0 cannot be reached.
        """
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        is_host = rank == 0 and not agent
        try:
            store = dist.TCPStore(
                host,
                port,
                is_master=is_host,
                timeout=timedelta(seconds=seconds),
                wait_for_workers=False,
            )
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            what = "the launcher" if agent else "rank 0"
            raise TrainingError(
                f"rank {rank} of {size} did not reach {what} at {host}, port {port}, within "
                f"DIST_TIMEOUT_SECONDS = {seconds:g}: {reason}"
            ) from error
        # A store of an agent outlives a restart, and with it the marks and addresses of dead processes.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return cls(dist.PrefixStore(f"attempt_{attempt}", store), rank, size, is_host)

    def wait_for_all(self, seconds: float) -> None:
        """Arrive, and return once all others have.

        Raises:
            TrainingError: some do not within ``seconds``; it names them.
        """
        self.mark(ARRIVED)
        begin = told = time.monotonic()
        while missing := self.without(ARRIVED):
            now = time.monotonic()
            if now - begin > seconds:
                raise TrainingError(
                    f"{named(missing)} of {self.size} did not come within DIST_TIMEOUT_SECONDS = "
                    f"{seconds:g} (noticed by rank {self.rank}): look at its own messages, and "
                    "whether its machine has started."
                )
            if now - told > NEWS_SECONDS:
                told = now
                sys.stderr.write(f"waiting for {named(missing)} of {self.size}\n")
            time.sleep(POLL_SECONDS)

    def mark(self, what: str) -> None:
        """Let the others know what this process has come to."""
        self.store.set(f"{what}/{self.rank}", "yes")

    def without(self, what: str) -> list[int]:
        """Return the processes that have not come to something."""
        keys = [f"{what}/{rank}" for rank in range(self.size)]
        if self.store.check(keys):
            return []
        return [rank for rank, key in enumerate(keys) if not self.store.check([key])]

    def may_speak(self) -> bool:
        """Leave with a message: tell whether this process is the one to say it.

        The others wait until it has: a launcher ends all processes after the first that fails.
        """
        speaks = True
        with suppress(RuntimeError):  # the store is gone together with its process
            own = str(self.rank).encode()
            speaks = self.store.compare_set(SPEAKER, "", str(self.rank)) == own
            self.mark(LEAVING)
            deadline = time.monotonic() + SPEAKING_SECONDS
            while not (speaks or self.store.check([SPOKEN])) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        return speaks

    def spoke(self) -> None:
        """Let the others go, and wait for them where their store would end with this process."""
        with suppress(RuntimeError):
            self.store.set(SPOKEN, "yes")
        if self.is_host:
            self.gone()

    def gone(self) -> list[int]:
        """Return the processes that do not leave as this one does: dead ones, and those that hang."""
        gone: list[int] = []
        deadline = time.monotonic() + LEAVING_SECONDS
        with suppress(RuntimeError):
            self.mark(LEAVING)
            while (gone := self.without(LEAVING)) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        return gone


def named(ranks: Iterable[int]) -> str:
    """Return ranks as a message names them."""
    ranks = list(ranks)
    more = f" and {len(ranks) - SHOWN} more" if len(ranks) > SHOWN else ""
    return f"rank {', '.join(map(str, ranks[:SHOWN]))}{more}"
