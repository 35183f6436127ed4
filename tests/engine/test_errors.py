"""Wrong input gives one message that names what is wrong, and a status that is not zero."""

import os
import shutil

import pytest

from slowfast.engine.run import main
from slowfast.engine.run_folder import RunLock

from .conftest import ROOT, execute, results_of


@pytest.fixture
def refused(capfd):
    """Run a command line in this process; it must fail with one message that names the parts."""

    def check(*words: str, names: str) -> str:
        status = main(["--cfg", str(ROOT / "configs/demo/recognition.yaml"), *words])
        captured = capfd.readouterr()
        output = captured.out + captured.err
        assert status == 1, output
        assert captured.err.count("error:") == 1
        assert "Traceback" not in output
        for part in names.split("|"):
            assert part in output
        return output

    return check


def test_the_status_of_the_command_is_not_zero(overrides, tmp_path):
    done = execute(*overrides, "SOLVER.BASE_RL", "0.1", "OUTPUT_DIR", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "SOLVER.BASE_LR" in done.stdout


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("SOLVER.BASE_RL", "0.1"), "SOLVER.BASE_RL|SOLVER.BASE_LR"),
        (("SOLVER.BASE_LR", "fast"), "SOLVER.BASE_LR|'fast'"),
        (("DATA.NUM_FRAMES", "0"), "DATA.NUM_FRAMES"),
        (("SOLVER.LR_POLICY", "cosinus"), "SOLVER.LR_POLICY|cosine"),
        (("MODEL.ARCH", "r2plus1d_81"), "r2plus1d_18"),
        (("MODEL.MODEL_NAME", "VSL"), "VSSL"),
        (("TRAIN.DATASET", "ucf_101"), "ucf101"),
        (("TASK", "recogniton"), "recognition"),
        (("NUM_GPUS", "64", "TRAIN.BATCH_SIZE", "64"), "NUM_GPUS is 64|visible"),
        (
            ("TEST.ENABLE", "True", "TRAIN.ENABLE", "False"),
            "Nothing to test|TEST.CHECKPOINT_FILE_PATH",
        ),
        (("DATA.PATH_TO_DATA_DIR", "/nowhere"), "/nowhere|DATA.PATH_TO_DATA_DIR"),
        (("MODEL.NUM_CLASSES", "5"), "MODEL.NUM_CLASSES|label"),
        (("TRAIN.BATCH_SIZE", "4096"), "TRAIN.BATCH_SIZE"),
        (
            ("MODEL.INIT_METHOD", "supervised", "MODEL.CKPT", "/nowhere.pth"),
            "/nowhere.pth",
        ),
        (("MIXUP.ENABLE", "True"), "MIXUP.ENABLE"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_impossible_configs(refused, overrides, tmp_path, words, names):
    refused(*overrides, *words, "OUTPUT_DIR", str(tmp_path), names=names)


def test_an_output_dir_that_cannot_be_written(refused, overrides, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(*overrides, "OUTPUT_DIR", str(tmp_path / "file/run"), names="OUTPUT_DIR|cannot be used")


def test_an_output_dir_that_a_live_run_owns(refused, overrides, tmp_path):
    owner = RunLock(tmp_path / ".lock")
    owner.acquire()
    refused(*overrides, "OUTPUT_DIR", str(tmp_path), names=f"process {os.getpid()}|.lock")
    owner.release()


def write_csv(folder, lines):
    folder.mkdir(exist_ok=True)
    for split in ("train", "val", "test"):
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")
    words = ["TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics"]
    return [*words, "DATA.PATH_TO_DATA_DIR", str(folder)]


@pytest.fixture
def videos(demo_world):
    return sorted(
        str(p.relative_to(demo_world / "videos")) for p in demo_world.glob("videos/*/*.mp4")
    )


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("gone.mp4 1", "gone.mp4|1 of 21 listed files do not exist|DATA.PATH_PREFIX"),
        ("{} one", "train.csv, line 21|'one'"),
        ("{}", "train.csv, line 21|with and without a label"),
        ("{} -1", "train.csv, line 21|negative"),
        ("{} 8", "label 8|MODEL.NUM_CLASSES"),
        ("{},3", "train.csv, line 21|DATA.PATH_LABEL_SEPARATOR"),
    ],
)
def test_wrong_csv_lines(refused, overrides, tmp_path, videos, line, names):
    lines = [f"{v} {k % 8}" for k, v in enumerate(videos[:20])] + [line.format(videos[20])]
    words = write_csv(tmp_path / "lists", lines)
    refused(*overrides, *words, "OUTPUT_DIR", str(tmp_path / "run"), names=names)


def test_a_list_without_any_readable_file(refused, overrides, tmp_path):
    for k in range(20):
        (tmp_path / f"{k}.mp4").write_text("<html>404</html>")
    words = write_csv(tmp_path / "lists", [f"{k}.mp4 {k % 8}" for k in range(20)])
    words += ["DATA.PATH_PREFIX", str(tmp_path), "OUTPUT_DIR", str(tmp_path / "run")]
    for workers in ("0", "2"):
        told = "could not be read|prepare_data.py verify|not readable as media"
        refused(*overrides, *words, "DATA_LOADER.NUM_WORKERS", workers, names=told)
        assert "not readable as media" in (tmp_path / "run/bad_media.csv").read_text()


def damaged_copy(demo_world, folder, count):
    """Copy the world and break ``count`` training videos; return the words of the config."""
    shutil.copytree(demo_world / "videos", folder / "videos")
    lines = (demo_world / "ucf101/ucfTrainTestlist/trainlist01.txt").read_text().splitlines()
    broken = [folder / "videos" / line.split()[0] for line in lines[:count]]
    for path in broken:
        path.unlink()
        path.write_bytes(b"\0" * 1000)
    return broken, ["DATA.PATH_PREFIX", str(folder / "videos"), "OUTPUT_DIR", str(folder / "run")]


def test_a_broken_training_file_is_replaced_counted_and_listed(overrides, demo_world, tmp_path):
    broken, words = damaged_copy(demo_world, tmp_path, 1)
    done = execute(*overrides, *words)
    assert done.returncode == 0, done.stdout
    listed = (tmp_path / "run/bad_media.csv").read_text()
    assert str(broken[0]) in listed
    assert "not readable as media" in listed
    assert listed.count("\n") == 2


def test_too_many_broken_files_stop_the_run(refused, overrides, demo_world, tmp_path):
    broken, words = damaged_copy(demo_world, tmp_path, 4)
    out = refused(*overrides, *words, names="DATA.MAX_BAD_FRACTION|bad_media.csv")
    assert "of 32 training files" in out
    assert str(broken[0].parent) in (tmp_path / "run/bad_media.csv").read_text()


def test_a_broken_test_file_counts_as_wrong_and_is_reported(overrides, demo_world, tmp_path):
    shutil.copytree(demo_world / "videos", tmp_path / "videos")
    name = (demo_world / "ucf101/ucfTrainTestlist/testlist01.txt").read_text().splitlines()[0]
    (tmp_path / "videos" / name).write_bytes(b"")
    words = ["DATA.PATH_PREFIX", str(tmp_path / "videos"), "OUTPUT_DIR", str(tmp_path / "run")]
    done = execute(*overrides, *words)
    assert done.returncode == 0, done.stdout
    assert "1 test files could not be read and count as wrong" in done.stdout
    results = results_of(tmp_path / "run")["test"]
    assert (results["num_videos"], results["num_unreadable"]) == (16, 1)
    assert name in (tmp_path / "run/bad_media.csv").read_text()


def test_what_testing_lacks_is_said_before_training(refused, overrides, demo_world, tmp_path):
    run = ["OUTPUT_DIR", str(tmp_path / "run")]
    said = refused(*overrides, *run, "TEST.DATASET", "ucf_101", names="TEST.DATASET|'ucf101'")
    assert "step 1/" not in said
    lists = tmp_path / "lists"
    shutil.copytree(demo_world / "kinetics", lists)
    (lists / "test.csv").unlink()
    words = ["TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics"]
    words += ["DATA.PATH_TO_DATA_DIR", str(lists), "DATA.PATH_PREFIX", str(demo_world)]
    assert "step 1/" not in refused(*overrides, *words, *run, names=str(lists / "test.csv"))
    words = ["TEST.CHECKPOINT_FILE_PATH", str(tmp_path / "gone.pyth")]
    assert "step 1/" not in refused(*overrides, *words, *run, names="gone.pyth")


def test_without_validation_a_dry_run_needs_no_list_of_it(overrides, demo_world, tmp_path):
    lists = tmp_path / "lists"
    shutil.copytree(demo_world / "kinetics", lists)
    (lists / "val.csv").unlink()
    words = ["TRAIN.DATASET", "kinetics", "TEST.ENABLE", "False", "TRAIN.EVAL_PERIOD", "0"]
    words += ["DATA.PATH_TO_DATA_DIR", str(lists), "DATA.PATH_PREFIX", str(demo_world)]
    words += ["--cfg", str(ROOT / "configs/demo/recognition.yaml"), "--dry-run"]
    assert main([*overrides, *words, "OUTPUT_DIR", str(tmp_path / "run")]) == 0


def test_recognition_needs_labels(refused, overrides, tmp_path, videos):
    words = write_csv(tmp_path / "lists", videos[:20])
    words += ["DATA.PATH_PREFIX", str(tmp_path), "OUTPUT_DIR", str(tmp_path / "run")]
    for video in videos[:20]:
        (tmp_path / video).parent.mkdir(exist_ok=True)
        (tmp_path / video).write_bytes(b"x")
    refused(*overrides, *words, names="train.csv|has no label")
