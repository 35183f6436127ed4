"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from slowfast.utils.errors import AnnotationError, SlowFastError, did_you_mean
from slowfast.utils.files import atomic_write, write_csv, write_text
from slowfast.utils.input_files import read_json
from slowfast.visualization import figures, page

# Top-1 accuracy in percent as the authors report it, for the main measure of a run.
PUBLISHED: dict[str, dict[str, float]] = {
    "kinetics_linear": {
        "AVID, Kinetics-400": 43.0,
        "AVID-CMA, Kinetics-400": 44.4,
        "AVID, AudioSet": 46.5,
        "AVID-CMA, AudioSet": 48.9,
    },
    "ucf101": {
        "AVID, Kinetics-400": 86.9,
        "AVID-CMA, Kinetics-400": 87.5,
        "AVID, AudioSet": 91.0,
        "AVID-CMA, AudioSet": 91.5,
        "GDT, Kinetics-400": 90.9,
        "STiCA, Kinetics-400": 93.1,
    },
    "hmdb51": {
        "AVID, Kinetics-400": 59.9,
        "AVID-CMA, Kinetics-400": 60.8,
        "AVID, AudioSet": 64.1,
        "AVID-CMA, AudioSet": 64.7,
        "GDT, Kinetics-400": 62.3,
        "STiCA, Kinetics-400": 67.0,
    },
}


def compare_runs(
    folders: Sequence[str | Path],
    out: str | Path | None = None,
    labels: Sequence[str] | None = None,
    chance: float | None = None,
    measures: Sequence[str] = (),
    published: str = "",
) -> str:
    """Return a table of the measures of finished runs; a run over folds shows its mean.

    Args:
        folders: each holds a ``results.json``; those without are named as unfinished.
        out: where given, ``comparison.csv``, ``.md``, ``.html`` and ``.png`` are written there.
        labels: what the runs are called, instead of their folders. When all of them have the form
            ``group/name``, bars are drawn in groups.
        chance: of the first run's main measure; drawn as a line.
        measures: patterns of the measures to show, such as ``*/top1_acc``; all without one.
        published: a table of ``PUBLISHED``, whose rows follow those of the runs.

    Raises:
        SlowFastError: none of the runs is finished, or labels, measures or table do not fit.
    """
    rows, unfinished = {}, []
    headline = None
    names = _names(folders) if labels is None else _checked(labels, folders)
    for folder, name in zip(map(Path, folders), names, strict=True):
        file = folder / "results.json"
        if not file.is_file():
            unfinished.append(name)
            continue
        rows[name], own = _measures(file)
        headline = headline or own
    if not rows:
        raise SlowFastError(f"No results.json in {', '.join(map(str, folders))}: nothing finished.")
    shown = _shown(rows, measures)
    table = {**rows, **_published(published, headline)}
    if out is not None:
        values = {
            name: row[headline] for name, row in rows.items() if row.get(headline) is not None
        }
        figure = _figure(values, labels or [], headline, chance)
        _write(Path(out), table, shown, figure)
    return _format(table, shown, unfinished)


def _shown(rows: dict[str, dict], patterns: Sequence[str]) -> list[str]:
    """Return the measures that fit one of the patterns, in the order of the runs."""
    every = list(dict.fromkeys(key for row in rows.values() for key in row))
    found = [key for key in every if any(fnmatchcase(key, pattern) for pattern in patterns)]
    if patterns and not found:
        raise SlowFastError(
            f"--measures {' '.join(patterns)}: no such measure. {did_you_mean(patterns[0], every)}"
        )
    return found or every


def _published(name: str, headline: str) -> dict[str, dict[str, float]]:
    """Return rows of published numbers."""
    if not name:
        return {}
    if name not in PUBLISHED:
        raise SlowFastError(f"--published {name}: no such table. {did_you_mean(name, PUBLISHED)}")
    return {f"{row} (published)": {headline: value} for row, value in PUBLISHED[name].items()}


def _measures(file: Path) -> tuple[dict[str, float | None], str]:
    """Return the measures of a run, or their means over folds or seeds, and the first of them.

    Raises:
        AnnotationError: the file was not written by a run.
    """
    result = read_json(file)
    headline, measures = result.get("headline"), result.get("test") or result.get("mean")
    numbers = measures.values() if isinstance(measures, dict) else ("",)
    if not isinstance(headline, str) or any(isinstance(n, (str, list, dict)) for n in numbers):
        raise AnnotationError(f"{file}: holds no results of a run; delete it and test again.")
    return measures, headline


def _names(folders: Sequence[str | Path]) -> list[str]:
    """Return the last component of each path, or as many as tell them apart."""
    parts = [Path(folder).resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(p[-length:]) for p in parts]
        if len(set(names)) == len(names):
            break
    return names


def _checked(labels: Sequence[str], folders: Sequence[str | Path]) -> Sequence[str]:
    if len(labels) != len(folders):
        raise SlowFastError(
            f"{len(labels)} labels ({', '.join(labels)}) for {len(folders)} runs "
            f"({', '.join(map(str, folders))}); give one label for each run, in the same order."
        )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise SlowFastError(f"Labels must differ, but these occur twice: {', '.join(twice)}.")
    return labels


def split_labels(labels: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return ``(group, name)`` of each label, or None unless all have the form ``group/name``."""
    pairs = [tuple(part.strip() for part in label.split("/", 1)) for label in labels]
    grouped = bool(pairs) and all(len(pair) == 2 and all(pair) for pair in pairs)
    return pairs if grouped and len(set(pairs)) == len(pairs) else None


def _figure(
    values: dict[str, float], labels: Sequence[str], headline: str, chance: float | None
) -> bytes:
    pairs = split_labels(labels)
    if pairs is None:
        numbers = list(values.values())
        return figures.bar_chart(list(values), numbers, "Comparison", headline, chance)
    groups: dict[str, dict[str, float]] = {}
    for label, (group, name) in zip(labels, pairs, strict=True):
        if label in values:
            groups.setdefault(group, {})[name] = values[label]
    return figures.grouped_bars(groups, "Comparison", headline, chance)


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


def _write(out: Path, rows: dict, measures: list[str], figure: bytes) -> None:
    table = [{"run": name, **row} for name, row in rows.items()]
    write_csv(out / "comparison.csv", ["run", *measures], table)
    cells = [[name, *(_number(row.get(m)) for m in measures)] for name, row in rows.items()]
    lines = [["run", *measures], ["---", *["---:"] * len(measures)], *cells]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    write_text(out / "comparison.md", "".join(f"| {' | '.join(line)} |\n" for line in escaped))
    numbers = [[name, *(row.get(m) for m in measures)] for name, row in rows.items()]
    parts = ["<h1>Comparison</h1>", page.image(figure, "comparison")]
    page.write_page(
        out / "comparison.html", "Comparison", [*parts, page.table(["run", *measures], numbers)]
    )
    with atomic_write(out / "comparison.png") as file:
        file.write(figure)
