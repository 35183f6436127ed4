"""``report.html``: one self-contained page about a run, made from the files the run wrote."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from slowfast.datasets.media import open_media
from slowfast.evaluation import classification
from slowfast.evaluation.predictions import load_predictions
from slowfast.utils.errors import MediaError
from slowfast.utils.files import write_text
from slowfast.utils.logging import get_logger, read_json_stats
from slowfast.visualization import figures

logger = get_logger(__name__)

CURVES = ("loss", "top1_err", "top1_acc", "lr", "grad_norm")
SAMPLES_EACH = 4
FRAMES_PER_STRIP = 6

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em;
  color: #1d2733; }}
h1 {{ font-size: 1.5em; }} h2 {{ margin-top: 1.8em; font-size: 1.15em; }}
img {{ max-width: 100%; }} .big {{ font-size: 2.6em; font-weight: 600; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .25em .9em; text-align: left;
  border-bottom: 1px solid #dde3ea; }} td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
pre {{ background: #f4f6f8; padding: 1em; overflow: auto; max-height: 30em; font-size: 12px; }}
</style></head><body>{body}</body></html>
"""


def write_report(output_dir: str | Path) -> Path:
    """Write ``report.html`` from whatever the run has produced so far and return its path."""
    folder = Path(output_dir)
    results = _read_json(folder / "results.json")
    predictions = folder / "predictions" / "test.npz"
    parts = [f"<h1>{html.escape(folder.name)}</h1>"]
    parts += _headline(results) + _curves(folder)
    if predictions.is_file():
        parts += _classification(load_predictions(predictions))
    parts += _appendix(folder)
    path = folder / "report.html"
    write_text(path, PAGE.format(title=html.escape(folder.name), body="\n".join(parts)))
    logger.info("Report: %s", path)
    return path


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _table(header: list[str], rows: list[list[Any]]) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.2f}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value}</td>'
    return f"<td>{html.escape(str(value))}</td>"


def _headline(results: dict[str, Any]) -> list[str]:
    if not results:
        return ["<p>Not tested yet.</p>"]
    name, measures = results["headline"], results["test"]
    return [
        f'<p class="big">{measures[name]:.2f} <small>{html.escape(name)}</small></p>',
        _table(["measure", "test"], [[key, value] for key, value in measures.items()]),
        f"<p>Weights: <code>{html.escape(results['checkpoint'])}</code></p>",
    ]


def _curves(folder: Path) -> list[str]:
    rows = read_json_stats(folder / "stats.jsonl")
    keys = [k for k in CURVES if sum(k in row for row in rows) > 1]
    if not keys:
        return []
    pictures = [figures.learning_curves(rows, keys[k : k + 3]) for k in range(0, len(keys), 3)]
    return ["<h2>Learning</h2>"] + [_image(picture, "learning curves") for picture in pictures]


def _classification(found: dict[str, np.ndarray]) -> list[str]:
    scores, labels, valid = found["scores"], found["label"], found["valid"]
    names = [str(name) for name in found["class_names"]]
    names += [f"class {k}" for k in range(len(names), scores.shape[1])]
    matrix = classification.confusion_matrix(scores, labels, valid)
    accuracy = classification.per_class_accuracy(matrix)
    order = np.argsort(np.nan_to_num(accuracy, nan=np.inf), kind="stable")
    rows = [
        [names[k], int(matrix[k].sum()), float(accuracy[k]), _mistakes(matrix[k], k, names)]
        for k in order
        if matrix[k].sum()
    ]
    parts = ["<h2>Confusion</h2>", _image(figures.confusion_picture(matrix, names), "confusion")]
    parts += ["<h2>Classes, worst first</h2>"]
    parts += [_table(["class", "videos", "top-1 %", "taken for"], rows)]
    return parts + _samples(found, names)


def _mistakes(row: np.ndarray, own: int, names: list[str]) -> str:
    columns = [*names, "unreadable"]
    wrong = [k for k in np.argsort(-row, kind="stable") if k != own and row[k]]
    return ", ".join(f"{columns[k]} ({row[k]})" for k in wrong[:3])


def _samples(found: dict[str, np.ndarray], names: list[str]) -> list[str]:
    """Show some test videos, mistakes first."""
    predicted = found["scores"].argmax(axis=1)
    right = (predicted == found["label"]) & found["valid"]
    parts = []
    for title, rows in (
        ("Mistakes", np.flatnonzero(~right & found["valid"])),
        ("Right", np.flatnonzero(right)),
    ):
        chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES_EACH, len(rows))).astype(int)]
        strips, captions = [], []
        for row in chosen:
            try:
                strips.append(_strip(str(found["path"][row])))
            except MediaError:
                continue
            true, guess = names[found["label"][row]], names[predicted[row]]
            captions.append(f"{true}, predicted {guess}" if true != guess else true)
        if strips:
            picture = figures.film_strips(strips, captions)
            parts += [f"<h2>{title}</h2>", _image(picture, title)]
    return parts


def _strip(path: str) -> np.ndarray:
    with open_media(path) as media:
        if media.video is None:
            raise MediaError(f"{path}: no pictures")
        places = np.linspace(0, media.video.num_frames - 1, FRAMES_PER_STRIP).astype(int)
        return media.read_frames(places.tolist()).permute(0, 2, 3, 1).numpy()


def _appendix(folder: Path) -> list[str]:
    parts = []
    bad = folder / "bad_media.csv"
    if bad.is_file():
        parts += ["<h2>Unreadable files</h2>", f"<pre>{html.escape(bad.read_text())}</pre>"]
    for title, name in (("Config", "config.yaml"), ("Environment", "environment.json")):
        file = folder / name
        if file.is_file():
            parts += [
                f"<h2>{title}</h2><details><summary>{name}</summary>"
                f"<pre>{html.escape(file.read_text())}</pre></details>"
            ]
    return parts
