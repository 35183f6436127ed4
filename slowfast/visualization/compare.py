"""Several runs side by side."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from slowfast.utils.errors import SlowFastError
from slowfast.utils.files import atomic_write
from slowfast.visualization import figures


def compare_runs(folders: Sequence[str | Path], out: str | Path | None = None) -> str:
    """Return a table of the measures of finished runs; a run over folds shows its mean.

    Args:
        folders: each holds a ``results.json``; those without are named as unfinished.
        out: where given, ``comparison.csv`` and ``comparison.png`` are written there.

    Raises:
        SlowFastError: none of the runs is finished.
    """
    rows, unfinished = {}, []
    headline = None
    for folder, name in zip(map(Path, folders), _names(folders), strict=True):
        file = folder / "results.json"
        if not file.is_file():
            unfinished.append(name)
            continue
        result = json.loads(file.read_text())
        headline = headline or result["headline"]
        rows[name] = result.get("test") or result["mean"]
    if not rows:
        raise SlowFastError(f"No results.json in {', '.join(map(str, folders))}: nothing finished.")
    measures = list(dict.fromkeys(key for row in rows.values() for key in row))
    if out is not None:
        _write(Path(out), rows, measures, headline)
    return _format(rows, measures, unfinished)


def _names(folders: Sequence[str | Path]) -> list[str]:
    """Return the last component of each path, or as many as tell them apart."""
    parts = [Path(folder).resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-length:]) for p in parts]
        if len(set(names)) == len(names):
            break
    return names


def _format(rows: dict, measures: list[str], unfinished: list[str]) -> str:
    first = max(len(name) for name in [*rows, "run"]) + 2
    widths = [max(len(m), 8) + 2 for m in measures]
    lines = [
        "run".ljust(first) + "".join(m.rjust(w) for m, w in zip(measures, widths, strict=True))
    ]
    for name, row in rows.items():
        cells = [_number(row.get(m)).rjust(w) for m, w in zip(measures, widths, strict=True)]
        lines.append(name.ljust(first) + "".join(cells))
    if unfinished:
        lines.append(f"not finished: {', '.join(unfinished)}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _write(out: Path, rows: dict, measures: list[str], headline: str) -> None:
    with atomic_write(out / "comparison.csv", "w") as file:
        writer = csv.writer(file)
        writer.writerow(["run", *measures])
        writer.writerows([name, *(row.get(m, "") for m in measures)] for name, row in rows.items())
    values = {name: row[headline] for name, row in rows.items() if headline in row}
    png = figures.bar_chart(list(values), list(values.values()), "Comparison", headline)
    with atomic_write(out / "comparison.png") as file:
        file.write(png)
