"""The one function for files and data frames."""

import math

import pandas as pd
import pytest

from slowfast.evaluation.ava import evaluate_ava
from slowfast.utils.errors import AnnotationError

TRUTH = "v,0902,0.1,0.1,0.5,0.5,3,0\nv,0903,0.2,0.2,0.6,0.6,3,0\nw,0902,0.1,0.1,0.5,0.5,7,1\n"
FOUND = (
    "v,902,0.1,0.1,0.5,0.5,3,0.9\nv,902,0.1,0.1,0.5,0.52,3,0.95\nv,903,0.7,0.7,0.9,0.9,3,0.8\n"
    "w,902,0.1,0.1,0.5,0.5,7,0.4\n"
)
NAMES = {3: "bend", 7: "wave", 9: "run"}


@pytest.fixture
def files(tmp_path):
    for name, text in (("truth.csv", TRUTH), ("found.csv", FOUND), ("out.csv", "w,0902\n")):
        (tmp_path / name).write_text(text)
    items = (f'item {{\n  name: "{name}"\n  id: {k}\n}}\n' for k, name in NAMES.items())
    (tmp_path / "map.pbtxt").write_text("".join(items))
    return tmp_path


def table(path):
    return pd.read_csv(path, header=None)


def test_files_and_data_frames_give_the_same(files):
    truth, found = files / "truth.csv", files / "found.csv"
    ours = evaluate_ava(truth, found, files / "map.pbtxt")
    same = evaluate_ava(table(truth), table(found), NAMES)
    assert ours["mAP"] == same["mAP"] == pytest.approx((0.25 + 1) / 2)
    assert ours["per_class"]["bend"] == same["per_class"]["bend"] == pytest.approx(0.25)
    assert math.isnan(ours["per_class"]["run"])
    assert ours["match_order"] == "input"


def test_the_surest_may_come_first(files):
    found = evaluate_ava(files / "truth.csv", files / "found.csv", NAMES, match_order="score")
    assert found["per_class"]["bend"] == pytest.approx(0.5)
    assert found["match_order"] == "score"


@pytest.mark.parametrize("how", ["file", "frame", "keys"])
def test_key_frames_may_be_excluded(files, how):
    path = files / "out.csv"
    excluded = {"file": path, "frame": table(path), "keys": {"w,0902"}}[how]
    found = evaluate_ava(files / "truth.csv", files / "found.csv", NAMES, excluded)
    assert math.isnan(found["per_class"]["wave"])
    assert found["mAP"] == pytest.approx(0.25)


def test_a_data_frame_without_columns_is_refused(files):
    with pytest.raises(AnnotationError, match="3 columns, expected video"):
        evaluate_ava(table(files / "truth.csv").iloc[:, :3], files / "found.csv", NAMES)
