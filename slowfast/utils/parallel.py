"""One function over many files in worker processes that may die of a file."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_files(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    title: str,
    crashed: Callable[[Item], Result],
) -> list[Result]:
    """Return ``[function(item) for item in items]``, computed by ``workers`` processes.

    Args:
        function: a function of a module, since processes are spawned; returns its errors.
        items: small things that can be pickled.
        workers: 0 works in this process.
        title: of the progress bar on stderr.
        crashed: gives the result of an item that killed its process.
    """
    results: dict[int, Result] = {}
    with tqdm(total=len(items), desc=title, unit="file", disable=None) as bar:
        if workers <= 0:
            for row, item in enumerate(items):
                results[row] = function(item)
                bar.update()
            return [results[row] for row in range(len(items))]
        for row, result in _in_pool(function, items, range(len(items)), workers):
            results[row] = result
            bar.update()
        # A process died and took the pool with it: give what is left one pool per file.
        for row in [row for row in range(len(items)) if row not in results]:
            alone = dict(_in_pool(function, items, [row], 1))
            results[row] = alone[row] if alone else crashed(items[row])
            bar.update()
    return [results[row] for row in range(len(items))]


def _in_pool(
    function: Callable[[Item], Result], items: Sequence[Item], rows: Sequence[int], workers: int
) -> Iterator[tuple[int, Result]]:
    """Yield rows with their results as they come; ends early when a process dies."""
    if not rows:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(rows)), mp_context=context) as pool:
        row_of: dict[Future, int] = {}
        try:
            for row in rows:
                row_of[pool.submit(function, items[row])] = row
        except BrokenProcessPool:
            pass  # the futures that were handed in tell which rows are done
        for future in as_completed(row_of):
            try:
                yield row_of[future], future.result()
            except BrokenProcessPool:
                continue
