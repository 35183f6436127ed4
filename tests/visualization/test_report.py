"""The page about a run, made from files written by hand."""

import re

import numpy as np
import pytest

from slowfast.evaluation.predictions import save_predictions
from slowfast.tasks.pretrain import Pretrain, RetrievalEvaluator
from slowfast.tasks.recognition import Recognition, RecognitionEvaluator
from slowfast.visualization.classification_report import confusion_cells
from slowfast.visualization.report import write_report

from .conftest import images, strips, tables

TRAINING = [
    {"_type": "train_iter", "step": k, "epoch": "1/2", "loss": 4.0 - k, "loss_v2a": 4.0, "lr": 0.1}
    for k in range(3)
]


def validation(epoch, r1):
    row = {"_type": "val_epoch", "step": epoch, "epoch": epoch, "retrieval_r1": r1}
    return {**row, "retrieval_r5": 4 * r1, "chance_r1": 1.5, "num_videos": 64}


def page_of(folder):
    return write_report(folder).read_text(encoding="utf-8")


def test_an_untested_run_is_headed_by_its_last_validation(run_folder):
    rows = [*TRAINING, validation(1, 30.0), validation(2, 20.0)]
    page = page_of(run_folder(rows))
    assert '<p class="big">20.00 <small>retrieval R@1, %</small></p>' in page
    assert "Chance is 1.50. From the validation after epoch 2; the run was not tested." in page
    assert tables(page)[0][:2] == [
        ["measure", "validation after epoch 2"],
        ["retrieval R@1, %", "20.00"],
    ]
    assert "Not tested yet" not in page
    assert list(images(page)) == [
        "Curves over the steps: loss, retrieval R@*, %, loss_v2a",
        "Curves over the steps: learning rate",
    ]


def test_a_tested_run_is_headed_by_its_test(run_folder):
    results = {"headline": "top1_acc", "checkpoint": "c.pyth", "test": {"top1_acc": 75.0}}
    page = page_of(run_folder([*TRAINING, validation(1, 30.0)], results))
    assert '<p class="big">75.00 <small>top-1 accuracy, %</small></p>' in page
    assert "Chance" not in page
    assert "not tested" not in page


@pytest.mark.parametrize("rows", [(), TRAINING])
def test_a_run_without_any_measure_says_so(run_folder, rows):
    assert "Not tested yet." in page_of(run_folder(rows))


@pytest.mark.parametrize(
    ("task", "evaluator", "arrays"),
    [
        (
            Pretrain,
            RetrievalEvaluator,
            {"video_embedding": np.eye(3), "audio_embedding": np.eye(3)},
        ),
        (Recognition, RecognitionEvaluator, {"scores": np.eye(3)[:, None]}),
    ],
)
def test_evaluators_name_the_headline_first(task, evaluator, arrays):
    found = evaluator(None)
    found.update(
        {"index": np.arange(3), "label": np.arange(3), "valid": np.ones(3, bool), **arrays}
    )
    assert next(iter(found.compute())) == task.primary_metric


def classified(paths, class_names=("run", "jump")):
    count = len(paths)
    return {
        "index": np.arange(count),
        "scores": np.tile(np.array([[0.9, 0.1]], np.float32), (count, 1)),
        "label": np.arange(count) % 2,
        "valid": np.ones(count, bool),
        "path": np.array(paths),
        "class_names": np.array(class_names),
    }


def named(*sections, sets=("test",)):
    results = {"headline": "top1_acc", "checkpoint": "c.pyth", "test": {"top1_acc": 75.0}}
    return {**results, "report": {"sections": sections, "sets": sets}}


def test_the_task_names_the_sections(run_folder, embeddings, media_factory):
    file = str(media_factory(frames=12, audio_rate=0))
    found = {**embeddings([1, 1, 1, 1]), **classified([file] * 4)}
    shown = []
    for sections in (["classification"], ["retrieval"], ["classification", "retrieval"], []):
        page = page_of(run_folder((), named(*sections), found, name="-".join(["r", *sections])))
        shown.append(("Confusion" in page, "Retrieval between" in page))
    assert shown == [(True, False), (False, True), (True, True), (False, False)]


def test_results_of_older_runs_are_reported_without_sections(run_folder, media_factory):
    file = str(media_factory(frames=12, audio_rate=0))
    results = named("classification")
    del results["report"]
    page = page_of(run_folder((), results, classified([file] * 4)))
    assert "75.00" in page and "Confusion" not in page


def test_every_evaluation_set_has_its_sections(run_folder, media_factory):
    file = str(media_factory(frames=12, audio_rate=0))
    folder = run_folder((), named("classification", sets=("ucf101", "hmdb51")))
    for name in ("ucf101", "hmdb51"):
        save_predictions(folder / "predictions" / name / "test.npz", classified([file] * 4))
    page = page_of(folder)
    assert page.index("ucf101") < page.index("Confusion") < page.index("hmdb51")
    assert len(re.findall(r">Confusion", page)) == 2


def test_a_report_of_classes_shows_mistakes_first(run_folder, media_factory):
    file = str(media_factory(frames=12, audio_rate=0))
    page = page_of(run_folder((), named("classification"), classified([file] * 6)))
    assert list(images(page)) == ["confusion"]
    assert page.index(">Mistakes<") < page.index(">Right<")
    mistakes, right = strips(page)
    assert [words for [(words, _)] in mistakes] == ["jump, predicted run"] * 3
    assert [words for [(words, _)] in right] == ["run"] * 3
    worst = tables(page)[-1]
    assert worst[1] == ["jump", "3", "0.00", "run (3)"]
    assert worst[2] == ["run", "3", "100.00", ""]


ODD = '<b>$x_{y}$ & "50%" \ud83d\ude00 {z}\n\u00e9'.encode("utf-16", "surrogatepass").decode(
    "utf-16"
)


def test_odd_class_and_file_names_are_text(run_folder, media_factory, tmp_path):
    file = tmp_path / f"{ODD.replace('/', '')}.mp4"
    file.write_bytes(media_factory(frames=12, audio_rate=0).read_bytes())
    predictions = classified([str(file)] * 4, (ODD, "$\\frac{"))
    results = {"headline": "a<b", "checkpoint": "<i>.pyth", "test": {"a<b": 1.0}}
    results["report"] = {"sections": ["classification"], "sets": ["test"]}
    folder = run_folder(TRAINING, results, predictions)
    (folder / "bad_media.csv").write_text("<script>,1\n")
    page = page_of(folder)
    assert "<b>" not in page and "<i>" not in page and "<script>" not in page
    assert "&lt;b&gt;$x_{y}$ &amp; &quot;50%&quot;" in page
    assert [len(table) for table in strips(page)] == [2, 2]


def test_a_file_name_that_is_no_unicode_does_not_prevent_the_report(run_folder):
    results = {"headline": "r", "checkpoint": "caf\udce9.pyth", "test": {"r": 1.0}}
    assert "caf?.pyth" in page_of(run_folder(results=results))


def test_the_title_is_the_folder_wherever_one_stands(run_folder, monkeypatch):
    monkeypatch.chdir(run_folder(name="a <run>"))
    assert "<h1>a &lt;run&gt;</h1>" in page_of(".")


def test_of_very_many_classes_neighbours_are_drawn_together():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 5000, 300), rng.integers(0, 5001, 300)
    matrix = confusion_cells(labels, predicted, 5000)
    assert matrix.shape == (1000, 1001) and matrix.sum() == 300
    assert matrix[:, -1].sum() == (predicted == 5000).sum()
    few = confusion_cells(labels % 3, predicted % 4, 3)
    assert few.shape == (3, 4) and few[1, 2] == ((labels % 3 == 1) & (predicted % 4 == 2)).sum()
