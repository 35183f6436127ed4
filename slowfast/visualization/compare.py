"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from slowfast.evaluation.uncertainty import mean_and_deviation
from slowfast.utils.errors import AnnotationError, SlowFastError, did_you_mean
from slowfast.utils.files import atomic_write, write_csv, write_text
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import PLACES, read_json_stats
from slowfast.utils.paths import short_names
from slowfast.visualization import figures, page
from slowfast.visualization.words import readable

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
    "zero_shot_ucf101": {
        "e2e, 605 classes": 35.3,
        "e2e, 664 classes": 37.6,
        "SUN, then e2e": 39.8,
    },
    "zero_shot_hmdb51": {"e2e, 605 classes": 24.8, "e2e, 664 classes": 26.9},
}

MOST_LETTERS = 160  # of a line; a wider table is printed with a row for each measure


def compare_runs(
    folders: Sequence[str | Path],
    out: str | Path | None = None,
    labels: Sequence[str] | None = None,
    chance: float | None = None,
    measures: Sequence[str] = (),
    published: str = "",
) -> str:
    """Return a table of the measures of runs; a run over folds or seeds shows mean and deviation.

    Args:
        folders: each holds a ``results.json``. A run that was not tested, pretraining for example,
            shows its last validation and says so; one without any measure is named below.
        out: where given, ``comparison.csv``, ``.md``, ``.html`` and ``.png`` are written there.
        labels: what the runs are called, instead of their folders; runs of the same label are shown
            by mean and deviation. When all of them have the form ``group/name``, bars are drawn in
            groups.
        chance: of the first run's main measure; drawn as a line.
        measures: patterns of the measures to show, such as ``*/top1_acc``; all without one.
        published: a table of ``PUBLISHED``, whose rows follow those of the runs.

    Raises:
        SlowFastError: none of the runs has a measure, or labels, measures or table do not fit.
    """
    names = short_names(folders) if labels is None else _checked(labels, folders)
    read: dict[str, list[Row | None]] = {}
    for name, folder in zip(names, folders, strict=True):
        read.setdefault(name, []).append(_read(Path(folder)))
    found = {name: _joined(several) for name, several in read.items()}
    rows = {name: row for name, row in found.items() if row is not None}
    if not rows:
        raise SlowFastError(f"No results.json in {', '.join(map(str, folders))}: nothing finished.")
    shown = _shown(rows, measures)
    table = {**rows, **_published(published, next(iter(rows.values())).headline)}
    if out is not None:
        _write(Path(out), table, shown, _figure(rows, labels or [], chance))
    return _format(table, shown, [name for name, row in found.items() if row is None])


def _shown(rows: dict[str, Row], patterns: Sequence[str]) -> list[str]:
    """Return the measures that fit one of the patterns, in the order of the runs."""
    every = list(dict.fromkeys(key for row in rows.values() for key in row.values))
    found = [key for key in every if any(fnmatchcase(key, pattern) for pattern in patterns)]
    if patterns and not found:
        raise SlowFastError(
            f"--measures {' '.join(patterns)}: no such measure. {did_you_mean(patterns[0], every)}"
        )
    return found or every


def _published(name: str, headline: str) -> dict[str, Row]:
    """Return rows of published numbers."""
    if not name:
        return {}
    if name not in PUBLISHED:
        raise SlowFastError(f"--published {name}: no such table. {did_you_mean(name, PUBLISHED)}")
    table = PUBLISHED[name].items()
    return {f"{row} (published)": Row({headline: value}, headline) for row, value in table}


@dataclass(frozen=True)
class Row:
    """The measures of a run.

    Attributes:
        values: by name; means where there were several runs.
        headline: the name of the first of them.
        deviations: over folds or seeds, where there were several.
        note: where the measures come from, unless from the test of the run.
    """

    values: dict[str, float | None]
    headline: str
    deviations: dict[str, float | None] = field(default_factory=dict)
    note: str = ""

    def cell(self, measure: str) -> str:
        """Return a measure as text, with its deviation where there is one."""
        value, deviation = (part.get(measure) for part in (self.values, self.deviations))
        return _number(value) + (f" ± {_number(deviation)}" if deviation is not None else "")


def _joined(rows: list[Row | None]) -> Row | None:
    """Return the only row, or means and deviations of several; None unless all runs have measures."""
    several = [row for row in rows if row is not None]
    if len(several) < len(rows):
        return None
    if len(several) == 1:
        return several[0]
    names = [k for k in several[0].values if not k.rpartition("/")[2].startswith("num_")]
    values = {k: [row.values.get(k) for row in several] for k in names}
    means, deviations = mean_and_deviation(values)
    return Row(means, several[0].headline, deviations, f"mean ± std of {len(several)} runs")


def _read(folder: Path) -> Row | None:
    """Return the results of a run, else its last validation, else None.

    Raises:
        AnnotationError: ``results.json`` was not written by a run.
    """
    file = folder / "results.json"
    if not file.is_file():
        return _last_validation(folder)
    result = read_json(file)
    headline, measures = result.get("headline"), result.get("test") or result.get("mean")
    numbers = measures.values() if isinstance(measures, dict) else ("",)
    if not isinstance(headline, str) or any(isinstance(n, (str, list, dict)) for n in numbers):
        raise AnnotationError(f"{file}: holds no results of a run; delete it and test again.")
    repeats = [kind for kind in ("folds", "seeds") if kind in result]
    note = f"mean ± std of {len(result[repeats[0]])} {repeats[0]}" if repeats else ""
    return Row(measures, headline, result.get("std") or {}, note)


def _last_validation(folder: Path) -> Row | None:
    rows = [row for row in read_json_stats(folder / "stats.jsonl") if row["_type"] == "val_epoch"]
    values = {key: value for key, value in rows[-1].items() if key not in PLACES} if rows else {}
    if not values:
        return None
    note = f"not tested; validation after epoch {rows[-1].get('epoch')}"
    return Row(values, next(iter(values)), note=note)


def _checked(labels: Sequence[str], folders: Sequence[str | Path]) -> Sequence[str]:
    if len(labels) != len(folders):
        raise SlowFastError(
            f"{len(labels)} labels ({', '.join(labels)}) for {len(folders)} runs "
            f"({', '.join(map(str, folders))}); give one label for each run, in the same order."
        )
    return labels


def split_labels(labels: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Return ``(group, name)`` by label, or None unless all labels have the form ``group/name``."""
    pairs = {label: tuple(part.strip() for part in label.split("/", 1)) for label in labels}
    grouped = bool(pairs) and all(len(pair) == 2 and all(pair) for pair in pairs.values())
    return pairs if grouped and len(set(pairs.values())) == len(pairs) else None


def _figure(rows: dict[str, Row], labels: Sequence[str], chance: float | None) -> bytes:
    """Draw the main measure of all runs in which it is that of the first, of whichever set."""
    measure = _bare(next(iter(rows.values())).headline)
    shown = {
        name: row
        for name, row in rows.items()
        if _bare(row.headline) == measure and row.values.get(row.headline) is not None
    }
    values = {name: row.values[row.headline] for name, row in shown.items()}
    spread = {name: row.deviations.get(row.headline) or 0.0 for name, row in shown.items()}
    title, unit = "Comparison", readable(measure)
    pairs = split_labels(labels)
    if pairs is None:
        numbers = list(values.values())
        return figures.bar_chart(list(values), numbers, title, unit, chance, list(spread.values()))
    groups: dict[str, dict[str, float]] = {}
    deviations: dict[str, dict[str, float]] = {}
    for label, (group, name) in pairs.items():
        if label in values:
            groups.setdefault(group, {})[name] = values[label]
            deviations.setdefault(group, {})[name] = spread[label]
    return figures.grouped_bars(groups, title, unit, chance, deviations)


def _bare(measure: str) -> str:
    """Return the name of a measure without that of its set."""
    return measure.rpartition("/")[2]


def _format(rows: dict[str, Row], measures: list[str], untested: list[str]) -> str:
    table = [["run", *measures]]
    table += [[name, *map(row.cell, measures)] for name, row in rows.items()]
    lines = _lines(table)
    if len(lines[0]) > MOST_LETTERS and len(measures) > len(rows):
        lines = _lines([["measure", *rows], *list(zip(*table, strict=True))[1:]])
    lines += [f"{name}: {row.note}" for name, row in rows.items() if row.note]
    if untested:
        lines.append(f"without any measure (not finished, or never tested): {', '.join(untested)}")
    return "\n".join(lines)


def _lines(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) + 2 for column in zip(*table, strict=True)]
    return [
        line[0].ljust(widths[0])
        + "".join(cell.rjust(max(w, 10)) for cell, w in zip(line[1:], widths[1:], strict=True))
        for line in table
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _write(out: Path, rows: dict[str, Row], measures: list[str], figure: bytes) -> None:
    spread = [m for m in measures if any(m in row.deviations for row in rows.values())]
    table = [
        {
            "run": name,
            **{m: row.values.get(m) for m in measures},
            **{f"{m}_std": row.deviations.get(m) for m in spread},
        }
        for name, row in rows.items()
    ]
    columns = [c for m in measures for c in ([m, f"{m}_std"] if m in spread else [m])]
    write_csv(out / "comparison.csv", ["run", *columns], table)
    cells = [[name, *map(row.cell, measures)] for name, row in rows.items()]
    lines = [["run", *measures], ["---", *["---:"] * len(measures)], *cells]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    write_text(out / "comparison.md", "".join(f"| {' | '.join(line)} |\n" for line in escaped))
    parts = ["<h1>Comparison</h1>", page.image(figure, "comparison")]
    header = ["run", *map(readable, measures)]
    page.write_page(out / "comparison.html", "Comparison", [*parts, page.table(header, cells)])
    with atomic_write(out / "comparison.png") as file:
        file.write(figure)
