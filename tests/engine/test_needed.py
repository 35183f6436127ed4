"""What is missing is said in one message, before anything is built."""

import pytest

from slowfast.config import load_cfg
from slowfast.engine.run import check_inputs
from slowfast.utils.errors import ConfigError

from .conftest import ROOT


def problem(config, *overrides):
    cfg = load_cfg([f"configs/{config}.yaml"], ["OUTPUT_DIR", "nowhere/run", *overrides])
    with pytest.raises(ConfigError) as caught:
        check_inputs(cfg)
    return str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "benchmark/ucf/8at16",
            [
                "classInd.txt",
                "trainlist01.txt",
                "testlist01.txt",
                "DATA.PATH_PREFIX",
                "crcv.ucf.edu",
            ],
        ),
        ("benchmark/hmdb51/32at16-fold1", ["DATA.PATH_TO_DATA_DIR", "hmdb51/splits", "brown.edu"]),
        ("main/avid/kinetics/Cross-N1024", ["kinetics/train.csv", "cvdfoundation"]),
        ("main/avid/audioset/Cross-N1024", ["research.google.com/audioset", "_segments/video"]),
        (
            "Charades/VSSL/32x8_112x112_R18_gdt",
            ["MODEL.CKPT: weights of GDT, from https://github.com", "prepare-charades", "val.csv"],
        ),
        (
            "AVA/VSSL/32x2_112x112_R18_v2.2_moco",
            ["surfdrive", "AVA.LABEL_MAP_FILE", "AVA.FRAME_LIST_DIR", "extract_frames.sh"],
        ),
    ],
)
def test_every_recipe_names_what_is_missing_and_where_it_comes_from(
    config, expected, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # where there is no data folder
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    text = problem(config)
    assert [part for part in expected if part not in text] == []


def test_weights_come_first_and_only_where_a_run_begins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["MODEL.INIT_METHOD", "moco", "MODEL.CKPT", "gone.pth", "TRAIN.DATASET", "video_folder"]
    given += ["TEST.DATASET", "video_folder", "DATA.PATH_TO_DATA_DIR", "mine"]
    given += ["OUTPUT_DIR", "run"]
    cfg = load_cfg((), given)
    with pytest.raises(ConfigError) as caught:
        check_inputs(cfg)
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  MODEL.CKPT: weights of MoCo")
    assert lines[-2:] == ["    mine/train", "    mine/val"]
    for split in ("train", "val"):
        (tmp_path / "mine" / split).mkdir(parents=True)
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/checkpoints/checkpoint_epoch_00001.pyth").touch()
    check_inputs(cfg)  # resumes


def test_a_prefix_is_not_asked_for_where_the_list_is_there(tmp_path):
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.csv").write_text("/some/where.mp4 0\n")
    given = ["TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics"]
    given += ["DATA.PATH_TO_DATA_DIR", str(tmp_path), "DATA.PATH_PREFIX", "nowhere"]
    check_inputs(load_cfg((), [*given, "OUTPUT_DIR", str(tmp_path)]))


def test_addresses_are_not_looked_up():
    given = ["TRAIN.DATASET", "ucf101", "TEST.DATASET", "ucf101", "DATA.PATH_PREFIX", "/"]
    given += ["DATA.PATH_TO_DATA_DIR", "https://example.org/lists"]
    check_inputs(load_cfg((), [*given, "OUTPUT_DIR", "nowhere"]))
