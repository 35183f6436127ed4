"""The head of a report and the keys that a run changed."""

import json

from slowfast.config import load_cfg
from slowfast.visualization.report import write_report
from slowfast.visualization.run_summary import config_changes, differences, summary

from .conftest import tables


def write_run(folder, overrides=(), command=(), **files):
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(load_cfg((), overrides).dump())
    environment = {
        "command": ["tools/run_net.py", *command],
        "host": "node7",
        "processes": 4,
        "packages": {"torch": "2.14.1"},
        "git_commit": "2d6c3db-dirty",
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def facts_of(folder, rows=()):
    ((_, *facts),) = tables("".join(summary(folder, list(rows))))
    return dict(facts)


def step(number, seconds):
    return {"_type": "train_iter", "step": number, "dt": seconds}


def test_the_head_says_what_was_run(tmp_path):
    overrides = ["TRAIN.DATASET", "ucf101", "DATA.FOLD", 2, "DATA.TRAIN_FRACTION", 0.1]
    overrides += ["TEST.ENABLE", False, "SOLVER.MAX_EPOCH", 9, "MODEL.ARCH", "r2plus1d_18"]
    imported = {"title": "GDT", "path": "gdt_K400.pth"}
    folder = write_run(tmp_path / "run", overrides, ["a b.yaml"], checkpoint_import=imported)
    facts = facts_of(folder, [step(10, 2.0), step(30, 1.0)])
    assert facts["trained on"] == "ucf101, fold 2, 10 % of the list"
    assert "tested on" not in facts
    assert facts["network"] == "r2plus1d_18"
    assert facts["first weights"] == "GDT: gdt_K400.pth"
    assert facts["training"] == "30 steps of 9 epochs, 0:40 without evaluations"
    assert facts["code"] == "2d6c3db-dirty"
    assert facts["machine"] == "node7, 4 processes, torch 2.14.1"
    assert facts["command"] == "tools/run_net.py &#x27;a b.yaml&#x27;"


def test_a_run_from_random_weights_says_so(tmp_path):
    facts = facts_of(write_run(tmp_path / "run"))
    assert facts["first weights"] == "random"
    assert "training" not in facts


def test_keys_that_differ_from_the_given_file_are_listed(tmp_path):
    given = tmp_path / "given.yaml"
    given.write_text("SOLVER:\n  BASE_LR: 0.5\n")
    overrides = ["SOLVER.BASE_LR", 0.5, "SOLVER.MAX_EPOCH", 7]
    folder = write_run(tmp_path / "run", overrides, ["--cfg", str(given)])
    parts = "".join(config_changes(folder))
    assert f"Keys that differ from {given}" in parts
    default = str(load_cfg().SOLVER.MAX_EPOCH)
    assert tables(parts) == [[["key", "there", "here"], ["SOLVER.MAX_EPOCH", default, "7"]]]


def test_without_the_file_the_defaults_are_compared_with(tmp_path):
    folder = write_run(tmp_path / "run", ["SOLVER.MAX_EPOCH", 7], ["--cfg", "gone.yaml"])
    assert "Keys that differ from the defaults" in "".join(config_changes(folder))


def test_differences_go_through_all_levels():
    one, other = load_cfg(), load_cfg((), ["DATA.MEAN", [0.1, 0.2, 0.3], "RNG_SEED", 9])
    found = list(differences(one, other))
    assert [name for name, _, _ in found] == ["RNG_SEED", "DATA.MEAN"]
    assert found[0][2] == "9"


def test_the_page_holds_both(tmp_path):
    page = write_report(write_run(tmp_path / "run", ["RNG_SEED", 3])).read_text()
    assert "this run" in page
    assert "Keys that differ from the defaults" in page
