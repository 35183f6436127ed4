"""``report.html``: one self-contained page about a run, made from the files the run wrote."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slowfast.evaluation.predictions import load_predictions
from slowfast.utils.logging import PLACES, get_logger, read_json_stats
from slowfast.visualization import (
    classification_report,
    detection_report,
    figures,
    multilabel_report,
    page,
    retrieval_report,
)
from slowfast.visualization.curves import chance_of, find_panels

logger = get_logger(__name__)

Section = Callable[[dict[str, np.ndarray]], list[str]]

# The arrays that a part of the report needs in predictions/test.npz, and who writes that part.
SECTIONS: tuple[tuple[Sequence[str], Section], ...] = (
    (classification_report.NEEDS, classification_report.sections),
    (retrieval_report.NEEDS, retrieval_report.sections),
    (detection_report.NEEDS, detection_report.sections),
    (multilabel_report.NEEDS, multilabel_report.sections),
)


def write_report(output_dir: str | Path) -> Path:
    """Write ``report.html`` from whatever the run has produced so far and return its path."""
    folder = Path(output_dir)
    results, predictions = folder / "results.json", folder / "predictions" / "test.npz"
    rows = read_json_stats(folder / "stats.jsonl")
    title = folder.resolve().name
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if results.is_file():
        parts += _tested(json.loads(results.read_text()))
    else:
        parts += _validated([row for row in rows if row["_type"] == "val_epoch"])
    parts += _curves(rows)
    if predictions.is_file():
        found = load_predictions(predictions)
        for needs, sections in SECTIONS:
            if found.keys() >= set(needs):
                parts += sections(found)
    parts += _appendix(folder)
    path = folder / "report.html"
    page.write_page(path, title, parts)
    logger.info("Report: %s", path)
    return path


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
        page.big_number(measures[headline], headline, note),
        page.table(["measure", where], [[key, value] for key, value in measures.items()]),
    ]


def _curves(rows: list[dict[str, Any]]) -> list[str]:
    panels, width = find_panels(rows), figures.PANELS_PER_ROW
    if not panels:
        return []
    parts, last_step = [page.heading("Learning")], max(1, *(row["step"] for row in rows))
    for begin in range(0, len(panels), width):
        shown = panels[begin : begin + width]
        names = ", ".join(panel.title for panel in shown)
        picture = figures.learning_curves(shown, last_step)
        parts += [page.image(picture, f"Curves over the steps: {names}")]
    return parts


def _appendix(folder: Path) -> list[str]:
    parts = []
    bad = folder / "bad_media.csv"
    if bad.is_file():
        parts += [page.heading("Unreadable files"), page.listing(_read(bad))]
    for title, name in (("Config", "config.yaml"), ("Environment", "environment.json")):
        file = folder / name
        if file.is_file():
            parts += [page.heading(title), page.listing(_read(file), name)]
    return parts


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
