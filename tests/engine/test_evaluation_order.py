"""An epoch is saved before it is evaluated, and an interrupted evaluation is made up for."""

import json
import os
import signal

import pytest

from slowfast.engine.hooks import evaluation
from slowfast.engine.run import main
from slowfast.utils.logging import read_json_stats

from .conftest import ROOT, assert_equal_runs

pytestmark = pytest.mark.usefixtures("one_thread")

CFG = str(ROOT / "configs/demo/recognition.yaml")


@pytest.fixture(scope="module")
def words(overrides):
    return [*overrides, "SOLVER.MAX_EPOCH", "3", "TRAIN.EVAL_PERIOD", "1", "TEST.ENABLE", "False"]


@pytest.fixture(scope="module")
def undisturbed(words, one_thread, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert main(["--cfg", CFG, *words, "OUTPUT_DIR", str(folder)]) == 0
    return folder


@pytest.fixture
def disturb(monkeypatch):
    """Return ``disturb(epoch, deed)``: do something in the evaluation of that epoch, once."""

    def arrange(epoch, deed):
        done = []
        evaluate = evaluation.evaluate

        def disturbed(*arguments):
            done.append(deed)
            if len(done) == epoch:
                deed()
            return evaluate(*arguments)

        monkeypatch.setattr(evaluation, "evaluate", disturbed)

    return arrange


def fail():
    raise RuntimeError("the evaluation failed")


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("how", ["error", "signal"])
def test_an_interrupted_evaluation_costs_no_epoch_and_changes_no_number(
    undisturbed, words, tmp_path, disturb, epoch, how
):
    disturb(epoch, fail if how == "error" else lambda: os.kill(os.getpid(), signal.SIGTERM))
    run = ["--cfg", CFG, *words, "OUTPUT_DIR", str(tmp_path)]
    assert main(run) == (1 if how == "error" else 128 + signal.SIGTERM)
    newest = max(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert newest == f"checkpoint_epoch_{epoch:05d}.pyth"
    kinds = [row["_type"] for row in read_json_stats(tmp_path / "stats.jsonl")]
    assert kinds.count("val_epoch") == epoch - 1
    assert main(run) == 0
    assert_equal_runs(undisturbed, tmp_path)


def test_what_was_evaluated_is_not_evaluated_again(undisturbed, words, disturb):
    disturb(1, fail)
    assert main(["--cfg", CFG, *words, "OUTPUT_DIR", str(undisturbed)]) == 0


def test_the_best_epoch_is_known_after_a_stop_behind_its_evaluation(words, tmp_path, monkeypatch):
    accuracies = iter([80.0, 90.0, 10.0, 90.0])
    evaluate, remember, best = evaluation.evaluate, evaluation.EvaluationHook._remember, []

    def measured(*arguments):
        result = evaluate(*arguments)
        result.metrics["top1_acc"] = next(accuracies)
        return result

    def remembered(self, metric, row):
        remember(self, metric, row)
        best.append((self.best["top1_acc"], self.best["epoch"]))
        if len(best) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(evaluation, "evaluate", measured)
    monkeypatch.setattr(evaluation.EvaluationHook, "_remember", remembered)
    run = ["--cfg", CFG, *words, "OUTPUT_DIR", str(tmp_path)]
    assert main(run) == 128 + signal.SIGTERM
    assert main(run) == 0
    assert best == [(80, 1), (90, 2), (90, 2), (90, 2)]


def test_an_undefined_measure_is_null_and_never_the_best(words, tmp_path, monkeypatch, capfd):
    evaluate = evaluation.evaluate

    def undefined(*arguments):
        result = evaluate(*arguments)
        result.metrics["top1_acc"] = float("nan")
        return result

    monkeypatch.setattr(evaluation, "evaluate", undefined)
    run = ["--cfg", CFG, *words, "SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0"]
    assert main([*run, "OUTPUT_DIR", str(tmp_path)]) == 0
    assert "top1_acc undefined" in capfd.readouterr().out
    (row,) = [r for r in read_json_stats(tmp_path / "stats.jsonl") if r["_type"] == "val_epoch"]
    assert row["top1_acc"] is None
    assert "NaN" not in json.dumps(row)
    assert main([*run, "OUTPUT_DIR", str(tmp_path)]) == 0  # and it can be resumed
