import base64
import json
import re

import numpy as np
import pytest

from slowfast.evaluation.predictions import save_predictions


@pytest.fixture
def run_folder(tmp_path):
    """Return ``make(rows, results, predictions)``: a folder with the files of a run."""

    def make(rows=(), results=None, predictions=None, name="run"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "stats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if results is not None:
            (folder / "results.json").write_text(json.dumps(results))
        if predictions is not None:
            save_predictions(folder / "predictions/test.npz", predictions)
        return folder

    return make


@pytest.fixture
def embeddings(media_factory):
    """Return ``make(found_rank)``: files of which each finds its own sound on a known rank.

    The video embedding of a file is a unit vector; its own sound scores 0.5, and those of the
    next ``found_rank - 1`` files score 1.
    """
    file = str(media_factory(frames=12, audio_rate=0))

    def make(found_rank, valid=None, labels=None, class_names=("run", "jump"), paths=None):
        count = len(found_rank)
        video = np.eye(count, dtype=np.float32)
        audio = 0.5 * np.eye(count, dtype=np.float32)
        for query, rank in enumerate(found_rank):
            for other in range(1, rank):
                audio[(query + other) % count, query] = 1.0
        return {
            "index": np.arange(count),
            "label": np.array(labels if labels is not None else [k % 2 for k in range(count)]),
            "valid": np.ones(count, bool) if valid is None else np.array(valid),
            "video_embedding": video,
            "audio_embedding": audio,
            "path": np.array(paths if paths is not None else [file] * count),
            "class_names": np.array(class_names),
        }

    return make


def tables(page: str) -> list[list[list[str]]]:
    """Return the cells of all tables of a page."""
    return [
        [
            re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
            for row in re.findall(r"<tr>.*?</tr>", table)
        ]
        for table in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)
    ]


def strips(page: str) -> list[list[list[tuple[str, bytes | None]]]]:
    """Return words and picture of each cell of each table of film strips."""
    cell = re.compile(
        r'<td[^>]*>(.*?)<br>(?:<img alt="[^"]*" src="data:image/jpeg;base64,([^"]*)">'
        r"|<em>cannot be shown</em>)</td>"
    )
    return [
        [
            [(words, base64.b64decode(data) or None) for words, data in cell.findall(row)]
            for row in re.findall(r"<tr><td.*?</tr>", table)
        ]
        for table in re.findall(r'<table class="strips">.*?</table>', page, flags=re.DOTALL)
    ]


def images(page: str) -> dict[str, bytes]:
    """Return the figures of a page by their descriptions."""
    found = re.findall(r'<img alt="(.*?)" src="data:image/png;base64,(.*?)">', page)
    return {alt: base64.b64decode(data) for alt, data in found}
