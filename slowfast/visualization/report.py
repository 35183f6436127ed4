"""``report.html``: one self-contained page about a run, made from the files the run wrote."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slowfast.evaluation.predictions import load_predictions
from slowfast.evaluation.uncertainty import accuracy_interval
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import PLACES, get_logger, read_json_stats
from slowfast.visualization import figures, page
from slowfast.visualization.curves import chance_of, find_panels
from slowfast.visualization.run_summary import config_changes, summary
from slowfast.visualization.sections import SECTIONS
from slowfast.visualization.words import readable

logger = get_logger(__name__)


def write_report(output_dir: str | Path) -> Path:
    """Write ``report.html`` from whatever the run has produced so far and return its path."""
    folder = Path(output_dir)
    results: dict[str, Any] = {}
    rows = read_json_stats(folder / "stats.jsonl")
    title = folder.resolve().name
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if (folder / "results.json").is_file():
        results = read_json(folder / "results.json")
        parts += _tested(results)
    else:
        parts += _validated([row for row in rows if row["_type"] == "val_epoch"])
    parts += summary(folder, rows)
    parts += _curves(rows)
    parts += _predictions(folder / "predictions", **results.get("report", {}))
    parts += _appendix(folder)
    path = folder / "report.html"
    page.write_page(path, title, parts)
    logger.info("Report: %s", path)
    return path


def _predictions(folder: Path, sections: Sequence[str] = (), sets: Sequence[str] = ()) -> list[str]:
    """Show what a test predicted by the sections that its task named, for each evaluation set."""
    parts = []
    for name in sets:
        file = folder / (name if len(sets) > 1 else "") / "test.npz"
        if not (sections and file.is_file()):
            continue
        found = load_predictions(file)
        parts += [page.heading(name)] if len(sets) > 1 else []
        for section in sections:
            parts += SECTIONS.get(section)(found)
    return parts


def _tested(results: dict[str, Any]) -> list[str]:
    weights = f"<p>Weights: <code>{html.escape(results['checkpoint'])}</code></p>"
    return [*_measures(results["test"], results["headline"], "test"), weights]


def _validated(rows: list[dict[str, Any]]) -> list[str]:
    """Head the report of a run that was not tested with its last validation."""
    if not rows:
        return [page.paragraph("Not tested yet.")]
    last = rows[-1]
    measures = {k: v for k, v in last.items() if k not in PLACES}
    if all(value is None for value in measures.values()):
        return [page.paragraph("Not tested yet.")]
    # An evaluator names first what runs are compared by.
    headline, when = next(iter(measures)), f"validation after epoch {last['epoch']}"
    note = f"From the {when}; the run was not tested."
    return _measures(measures, headline, when, note)


def _measures(measures: dict[str, Any], headline: str, where: str, note: str = "") -> list[str]:
    chance = chance_of(headline, measures)
    if chance is not None:
        note = f"Chance is {chance:.2f}. {note}"
    return [
        page.big_number(
            measures[headline], readable(headline), _interval(headline, measures) + note
        ),
        page.table(["measure", where], [[readable(key), value] for key, value in measures.items()]),
    ]


def _interval(headline: str, measures: dict[str, Any]) -> str:
    """Return how sure a share of right answers is, where the measure is one."""
    prefix, slash, name = headline.rpartition("/")
    count, value = measures.get(f"{prefix}{slash}num_videos"), measures[headline]
    if not (count and value is not None and re.fullmatch(r"top\d+(_acc)?", name)):
        return ""
    low, high = accuracy_interval(value, count)
    return f"Between {low:.1f} and {high:.1f} with 95 % confidence, as {count} videos tell. "


def _curves(rows: list[dict[str, Any]]) -> list[str]:
    panels, width = find_panels(rows), figures.PANELS_PER_ROW
    if not panels:
        return []
    parts, last_step = [page.heading("Learning")], max(1, *(row["step"] for row in rows))
    for begin in range(0, len(panels), width):
        shown = panels[begin : begin + width]
        names = ", ".join(panel.title for panel in shown)
        image = figures.learning_curves(shown, last_step)
        parts += [page.image(image, f"Curves over the steps: {names}")]
    return parts


def _appendix(folder: Path) -> list[str]:
    parts = config_changes(folder)
    bad = folder / "bad_media.csv"
    if bad.is_file():
        parts += [page.heading("Unreadable files"), page.listing(_read(bad))]
    for title, name in (("All keys", "config.yaml"), ("Environment", "environment.json")):
        file = folder / name
        if file.is_file():
            parts += [page.heading(title), page.listing(_read(file), name)]
    return parts


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
