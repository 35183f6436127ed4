"""Several runs in one table and one figure."""

import csv
import json
import os
from pathlib import Path

import pytest
from warm import run_script

from slowfast.utils.errors import AnnotationError, SlowFastError
from slowfast.visualization import compare, figures
from slowfast.visualization.compare import compare_runs, split_labels

ROOT = Path(__file__).resolve().parents[2]
LABELS = ["frozen probe/AVID", "frozen probe/AVID-CMA", "10 % of the labels/AVID"]


@pytest.fixture
def runs(tmp_path):
    folders = []
    for number, top1 in enumerate((40.0, 50.0, 11.0)):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        result = {"headline": "top1_acc", "test": {"top1_acc": top1, "num_videos": 96}}
        (folder / "results.json").write_text(json.dumps(result))
        folders.append(folder)
    return folders


@pytest.fixture
def drawn(monkeypatch):
    """Return the arguments of the charts that are drawn."""
    calls = {}
    for name in ("bar_chart", "grouped_bars"):
        chart = getattr(figures, name)

        def draw(*arguments, name=name, chart=chart):
            calls[name] = arguments
            return chart(*arguments)

        monkeypatch.setattr(compare.figures, name, draw)
    return calls


def test_labels_of_the_form_group_and_name_are_drawn_in_groups(runs, drawn, tmp_path):
    compare_runs(runs, tmp_path / "out", LABELS, chance=12.5)
    groups, _, unit, chance, _ = drawn.pop("grouped_bars")
    assert groups == {
        "frozen probe": {"AVID": 40.0, "AVID-CMA": 50.0},
        "10 % of the labels": {"AVID": 11.0},
    }
    assert (unit, chance) == ("top-1 accuracy, %", 12.5)
    assert not drawn
    assert (tmp_path / "out/comparison.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_and_the_file_show_the_labels(runs, tmp_path):
    table = compare_runs(runs, tmp_path, LABELS).splitlines()
    assert [line[:24].strip() for line in table[1:]] == LABELS
    rows = list(csv.DictReader((tmp_path / "comparison.csv").open()))
    assert [(row["run"], row["top1_acc"]) for row in rows] == list(
        zip(LABELS, ("40.0", "50.0", "11.0"), strict=True)
    )


def test_many_measures_have_a_row_each(runs):
    for number, folder in enumerate(runs):
        test = {f"set{k}/a_long_name_of_a_measure": float(10 * k + number) for k in range(9)}
        result = {"headline": "set0/a_long_name_of_a_measure", "test": test}
        (folder / "results.json").write_text(json.dumps(result))
    header, *rows = (line.split() for line in compare_runs(runs).splitlines())
    assert header == ["measure", "run0", "run1", "run2"]
    assert rows[3] == ["set3/a_long_name_of_a_measure", "30.00", "31.00", "32.00"]
    assert len(rows) == 9


@pytest.mark.parametrize("labels", [None, ["a", "b", "c"], ["x/a", "x/b", "c"]])
def test_other_labels_are_drawn_as_plain_bars(runs, drawn, tmp_path, labels):
    compare_runs(runs, tmp_path / "out", labels)
    names, values, _, _, chance, _ = drawn["bar_chart"]
    assert names == (labels or ["run0", "run1", "run2"])
    assert (values, chance) == ([40.0, 50.0, 11.0], None)
    assert "grouped_bars" not in drawn


def test_an_unfinished_run_keeps_its_label_and_leaves_a_gap(runs, drawn, tmp_path):
    (runs[1] / "results.json").unlink()
    table = compare_runs(runs, tmp_path / "out", LABELS)
    assert "(not finished, or never tested): frozen probe/AVID-CMA" in table
    assert drawn["grouped_bars"][0]["frozen probe"] == {"AVID": 40.0}


def test_a_run_over_seeds_shows_its_deviation(runs, drawn, tmp_path):
    test = {"top1_acc": 60.0, "num_videos": 96}
    summary = {
        "headline": "top1_acc",
        "seeds": {"1": test, "2": test},
        "mean": {"top1_acc": 60.0},
        "std": {"top1_acc": 4.5},
    }
    (runs[0] / "results.json").write_text(json.dumps(summary))
    table = compare_runs(runs, tmp_path / "out").splitlines()
    assert "60.00 ± 4.50" in table[1]
    assert table[-1] == "run0: mean ± std of 2 seeds"
    assert drawn["bar_chart"][-1] == [4.5, 0.0, 0.0]
    first, second, _ = csv.DictReader((tmp_path / "out/comparison.csv").open())
    assert (first["top1_acc_std"], second["top1_acc_std"]) == ("4.5", "")


def test_a_finished_pretraining_shows_its_last_validation(tmp_path):
    rows = [{"_type": "val_epoch", "step": k, "epoch": k, "retrieval_r1": 10.0 * k} for k in (1, 2)]
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = compare_runs([tmp_path], labels=["AVID"]).splitlines()
    assert table[1].split() == ["AVID", "20.00"]
    assert table[2] == "AVID: not tested; validation after epoch 2"


def test_folders_that_need_two_components_are_no_groups(runs, drawn, tmp_path):
    folders = []
    for run in runs[:2]:
        folder = run / "same"
        folder.mkdir()
        (run / "results.json").rename(folder / "results.json")
        folders.append(folder)
    compare_runs(folders, tmp_path / "out")
    assert drawn["bar_chart"][0] == ["run0/same", "run1/same"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a/b", "a / c"], {"a/b": ("a", "b"), "a / c": ("a", "c")}),
        (["a/b/c", "d/e"], {"a/b/c": ("a", "b/c"), "d/e": ("d", "e")}),
        (["a/b", "a/b"], {"a/b": ("a", "b")}),
        (["a/b", "a /b"], None),
        (["a/", "b/c"], None),
        (["a"], None),
        ([], None),
    ],
)
def test_how_labels_are_split(labels, expected):
    assert split_labels(labels) == expected


def test_a_label_for_each_run_is_needed(runs):
    with pytest.raises(SlowFastError, match=r"2 labels .* 3 runs"):
        compare_runs(runs, labels=["a", "b"])


def test_runs_of_one_label_are_averaged(runs, drawn, tmp_path):
    table = compare_runs(runs, tmp_path / "out", ["probe/AVID", "probe/AVID", "probe/scratch"])
    lines = table.splitlines()
    assert lines[1].split()[1:4] == ["45.00", "±", "7.07"]
    assert lines[-1] == "probe/AVID: mean ± std of 2 runs"
    assert drawn["grouped_bars"][-1]["probe"] == {
        "AVID": pytest.approx(7.071, abs=1e-3),
        "scratch": 0.0,
    }


def test_an_unfinished_run_takes_its_label_out_of_the_table(runs):
    (runs[1] / "results.json").unlink()
    table = compare_runs(runs, labels=["a", "a", "b"])
    assert "never tested): a" in table


@pytest.mark.parametrize(
    ("value", "chance", "beside"),
    [(20.0, None, 20.0), (20.0, 12.5, 20.0), (12.0, 12.5, 12.5), (5.0, 12.5, 5.0)],
)
def test_numbers_do_not_stand_on_the_chance_line(value, chance, beside):
    assert figures._beside(value, chance, room=4.0) == beside


def test_the_command_line_takes_labels_and_chance(runs, tmp_path):
    words = [*map(str, runs), "--out", str(tmp_path / "out"), "--chance", "12.5", "--labels"]
    done = run_script([str(ROOT / "tools/compare_runs.py"), *words, *LABELS], dict(os.environ))
    assert done.returncode == 0, done.stdout
    assert LABELS[1] in done.stdout
    assert (tmp_path / "out/comparison.png").is_file()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"headline": 3, "test": {}}', '{"headline": "a", "test": [1]}']
)
def test_results_that_no_run_wrote_are_named(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(AnnotationError, match=r"results\.json"):
        compare_runs([tmp_path])


def test_measures_are_chosen_and_published_numbers_stand_beside_them(runs, tmp_path):
    out = tmp_path / "out"
    table = compare_runs(runs, out, measures=["top*"], published="kinetics_linear")
    assert table.splitlines()[0].split() == ["run", "top1_acc"]
    assert "AVID-CMA, AudioSet (published)" in table and "48.90" in table
    lines = (out / "comparison.md").read_text().splitlines()
    assert lines[:3] == ["| run | top1_acc |", "| --- | ---: |", "| run0 | 40.00 |"]
    assert lines[-1] == "| AVID-CMA, AudioSet (published) | 48.90 |"
    assert "48.90" in (out / "comparison.html").read_text()
    with pytest.raises(SlowFastError, match="no such measure"):
        compare_runs(runs, measures=["nothing"])
    with pytest.raises(SlowFastError, match="no such table"):
        compare_runs(runs, published="kinetics")
