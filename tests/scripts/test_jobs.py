"""The training jobs: what they ask of run_net.py, where they log, how they end."""

import signal
import time
from pathlib import Path

import pytest

CONFIG = "configs/AVA/VSSL/32x2_112x112_R18_v2.2_ctp.yaml"
OTHER = ("jobs/train_on_ava.sh", "-c", "configs/other/run.yaml")
NAME = "VSSL--32x2_112x112_R18_v2.2_ctp"


@pytest.fixture(autouse=True)
def other(repository):
    repository.file(OTHER[2])


def ava_data(folder: Path, lists: str = "annotations") -> Path:
    """Write the folders and lists that the job looks for."""
    for name in ("frames", "annotations", lists):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("train.csv", "val.csv"):
        (folder / lists / name).write_text("x\n")
    return folder


def log_of(repository, base="outputs/AVA", name=NAME):
    return (repository.root / base / name / "logs" / "train_logs.txt").read_text()


def test_a_published_config_gets_the_keys_of_its_data(repository):
    data = ava_data(repository.root / "data" / "AVA")
    config = repository.file(CONFIG)
    done = repository.run("jobs/train_on_ava.sh", "-c", CONFIG)
    assert done.returncode == 0, done.stderr
    folder, path, tool, flag, cfg, *_ = repository.calls()[-1]
    assert (folder, path) == (str(repository.root), str(repository.root))
    assert (tool, flag, cfg) == ("tools/run_net.py", "--cfg", str(config))
    assert repository.given() == {
        "NUM_GPUS": "4",
        "DATA_LOADER.NUM_WORKERS": "8",
        "OUTPUT_DIR": str(repository.root / "outputs/AVA" / NAME),
        "WANDB.ENABLE": "False",
        "AVA.FRAME_DIR": f"{data}/frames/",
        "AVA.FRAME_LIST_DIR": f"{data}/annotations/",
        "AVA.ANNOTATION_DIR": f"{data}/annotations/",
        "AVA.VIDEO_DIR": f"{data}/videos_15min/",
    }


def test_relative_paths_are_seen_from_where_the_user_is(repository):
    ava_data(repository.home / "my data")
    (repository.home / "configs" / "mine").mkdir(parents=True)
    (repository.home / "configs" / "mine" / "run.yaml").write_text("x\n")
    done = repository.run(
        *("jobs/train_on_ava.sh", "-c", "configs/mine/run.yaml", "-d", "my data", "-o", "my runs"),
        *("-n", 0, "-b", 16, "-w", "True", "-e", "me"),
    )
    assert done.returncode == 0, done.stderr
    keys = repository.given()
    assert keys["AVA.FRAME_DIR"] == f"{repository.home}/my data/frames/"
    assert keys["OUTPUT_DIR"] == f"{repository.home}/my runs/mine--run"
    assert (keys["NUM_GPUS"], keys["TRAIN.BATCH_SIZE"]) == ("0", "16")
    assert "DATA_LOADER.NUM_WORKERS" not in keys  # the CPU keeps the config's
    assert (keys["WANDB.ENABLE"], keys["WANDB.ENTITY"]) == ("True", "me")


def test_other_configs_keep_their_own_paths(repository):
    ava_data(repository.root / "data" / "AVA")
    assert repository.run(*OTHER).returncode == 0
    assert not [key for key in repository.given() if key.startswith("AVA.")]


def test_overrides_come_last_and_frame_lists_of_pyslowfast_are_found(repository):
    repository.file(CONFIG)
    ava_data(repository.root / "data" / "AVA", lists="frame_lists")
    words = ("-c", CONFIG, "--", "AVA.FRAME_DIR", "/else where", "NUM_GPUS", "1")
    done = repository.run("jobs/train_on_ava.sh", *words)
    assert done.returncode == 0, done.stderr
    keys = repository.given()
    assert (keys["AVA.FRAME_DIR"], keys["NUM_GPUS"]) == ("/else where", "1")
    assert keys["AVA.FRAME_LIST_DIR"] == f"{repository.root}/data/AVA/frame_lists/"


def test_without_any_data_the_paths_of_the_config_count(repository):
    repository.file(CONFIG)
    done = repository.run("jobs/train_on_ava.sh", "-c", CONFIG)
    assert done.returncode == 0
    assert "the paths of the config count" in done.stderr and "prepare-ava" in done.stderr
    assert "AVA.FRAME_DIR" not in repository.given()


def test_the_log_holds_both_streams_of_all_runs_and_the_status_is_that_of_the_run(repository):
    work = "echo on stdout; echo on stderr >&2; exit 3"
    for _ in range(2):
        done = repository.run(*OTHER, FAKE_WORK=work)
        assert done.returncode == 3
        assert "on stdout" in done.stdout and "on stderr" in done.stdout
    log = log_of(repository, name="other--run")
    assert log.count("on stdout\n") == log.count("on stderr\n") == 2
    assert log.count("tools/run_net.py --cfg") == 2
    assert log.endswith("on stderr\n")


def test_what_a_run_says_is_shown_while_it_runs(repository):
    go = repository.root / "go"
    work = 'echo step 1; until [ -e "$GO" ]; do sleep 0.02; done; echo step 2'
    process = repository.start(*OTHER, FAKE_WORK=work, GO=str(go))
    repository.wait_for(process, "step 1")
    for _ in range(100):
        if "step 1\n" in log_of(repository, name="other--run"):
            break
        time.sleep(0.02)
    assert process.poll() is None
    assert log_of(repository, name="other--run").endswith("step 1\n")
    go.touch()
    out, _ = process.communicate(timeout=20)
    assert "step 2\n" in out


SAVES = """
for name in INT TERM USR1; do
    trap "echo saved by $name; exit $((128 + $(kill -l $name)))" $name
done
echo ready
while :; do sleep 0.05; done
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_signals_reach_the_run_and_its_status_comes_back(repository, name):
    number = getattr(signal, name)
    process = repository.start(*OTHER, FAKE_WORK=SAVES)
    repository.wait_for(process, "ready")
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert f"saved by {name[3:]}\n" in out
    assert f"saved by {name[3:]}\n" in log_of(repository, name="other--run")


def test_a_run_that_goes_on_after_a_signal_is_waited_for(repository):
    work = "trap 'echo not yet' TERM; echo ready; for k in {1..20}; do sleep 0.05; done; exit 7"
    process = repository.start(*OTHER, FAKE_WORK=work)
    repository.wait_for(process, "ready")
    for _ in range(3):
        process.terminate()
        time.sleep(0.1)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 7
    assert "not yet" in out


@pytest.mark.parametrize("world", ["ava", "charades"])
def test_demo_data_are_made(repository, world):
    repository.file(f"configs/demo/{world}.yaml")
    words = (f"jobs/train_on_{world}.sh", "-c", f"configs/demo/{world}.yaml", "-n", 0)
    done = repository.run(*words)
    assert done.returncode == 0, done.stderr
    made, run = repository.calls()
    assert made[2:] == [
        *("tools/prepare_data.py", "demo", "--out", "data/demo", "--preset", "small"),
        *("--worlds", world),
    ]
    assert run[2] == "tools/run_net.py"
    assert "AVA.FRAME_DIR" not in repository.given()


def test_demo_data_that_cannot_be_made_stop_the_job(repository):
    repository.file("configs/demo/ava.yaml")
    done = repository.run(
        "jobs/train_on_ava.sh", "-c", "configs/demo/ava.yaml", FAKE_WORK="echo no >&2; exit 5"
    )
    assert done.returncode == 5 and len(repository.calls()) == 1


def test_charades_gets_the_keys_of_its_data(repository):
    config = "configs/Charades/VSSL/32x8_112x112_R18_ctp.yaml"
    repository.file(config)
    data = repository.root / "data" / "charades"
    done = repository.run("jobs/train_on_charades.sh", "-c", config, "-n", 1)
    assert "the paths of the config count" in done.stderr
    data.mkdir(parents=True)
    done = repository.run("jobs/train_on_charades.sh", "-c", config, "-n", 1, "-b", 16)
    assert done.returncode == 0, done.stderr
    assert repository.given() == {
        "NUM_GPUS": "1",
        "DATA_LOADER.NUM_WORKERS": "2",
        "TRAIN.BATCH_SIZE": "16",
        "OUTPUT_DIR": str(repository.root / "outputs/charades/VSSL--32x8_112x112_R18_ctp"),
        "WANDB.ENABLE": "False",
        "DATA.PATH_PREFIX": f"{data}/Charades_v1_rgb/",
        "DATA.PATH_TO_DATA_DIR": f"{data}/frame_lists/",
    }


def test_charades_videos_need_other_data_than_its_frames(repository):
    config = "configs/Charades/VSSL/32x8_112x112_R18_ctp.yaml"
    repository.file(config)
    data = repository.root / "data" / "charades"
    (data / "Charades_v1").mkdir(parents=True)
    words = ("-c", config, "-n", 1, "--", "CHARADES.SOURCE", "video")
    assert repository.run("jobs/train_on_charades.sh", *words).returncode == 0
    given = repository.given()
    assert given["CHARADES.VIDEO_DIR"] == f"{data}/Charades_v1/"
    assert given["DATA.PATH_TO_DATA_DIR"] == f"{data}/Charades/"
    assert "DATA.PATH_PREFIX" not in given


@pytest.mark.parametrize("job", ["train_on_ava", "train_on_charades", "slurm"])
@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("-h",), 0, "-c CONFIG"),
        ((), 2, "-c is needed"),
        (("-c",), 2, "-c needs a value"),
        (("-c", "nowhere.yaml"), 1, "there is no config nowhere.yaml"),
        (("-c", "x", "-n", "many"), 2, "-n needs a whole number, found 'many'"),
        (("-c", "x", "-p", "9998"), 2, "every run finds a free port itself"),
        (("-c", "x", "SOLVER.MAX_EPOCH", "3"), 2, "Config keys go after --"),
    ],
)
def test_command_lines(repository, job, words, status, says):
    done = repository.run(f"jobs/{job}.sh", *words)
    assert done.returncode == status
    assert says in (done.stdout if status == 0 else done.stderr)
    assert not repository.calls()


def test_gdt_takes_the_config_of_its_hypothesis_and_the_rate_of_its_processes(repository):
    config = repository.file("configs/main/gdt/kinetics/7_i_reversal_v_shift.yaml")
    words = ("first try", 7, "-n", 2, "--", "SOLVER.MAX_EPOCH", "3")
    done = repository.run("jobs/pretrain_gdt_k400.sh", *words)
    assert done.returncode == 0, done.stderr
    assert repository.calls()[-1][4] == str(config)
    assert repository.given() == {
        "NUM_GPUS": "2",
        "DATA_LOADER.NUM_WORKERS": "4",
        "TRAIN.BATCH_SIZE": "16",
        "SOLVER.BASE_LR": "0.02",
        "SOLVER.MAX_EPOCH": "3",
        "OUTPUT_DIR": f"{repository.root}/outputs/gdt/first try",
        "WANDB.ENABLE": "False",
    }
    for words, says in (((), "are needed"), (("x", "10"), "1 to 9"), (("x", "7", "-z"), "unknown")):
        done = repository.run("jobs/pretrain_gdt_k400.sh", *words)
        assert done.returncode == 2 and says in done.stderr


def test_gdt_on_captions_takes_twelve_clips_for_each_gpu(repository):
    config = repository.file("configs/main/gdt/ht100m/5_i_shift.yaml")
    done = repository.run("jobs/pretrain_gdt_ht100m.sh", "first", 5, "-n", 2, "-o", "runs")
    assert done.returncode == 0, done.stderr
    assert repository.calls()[-1][4] == str(config)
    given = repository.given()
    assert (given["TRAIN.BATCH_SIZE"], given["SOLVER.BASE_LR"]) == ("24", "0.02")
    assert given["OUTPUT_DIR"] == f"{repository.home}/runs/first"
    done = repository.run("jobs/pretrain_gdt_ht100m.sh", "-h")
    assert done.returncode == 0 and "pretrain_gdt_ht100m.sh DESCRIPTION HYPOTHESIS" in done.stdout


def test_stica_takes_the_seven_numbers_of_the_published_script(repository):
    config = repository.file("configs/main/stica/base/kinetics.yaml")
    done = repository.run("jobs/pretrain_stica.sh", 60, 2, 2, 4, 1, 2, 0, "-n", 4, "-b", 8)
    assert done.returncode == 0, done.stderr
    assert repository.calls()[-1][4] == str(config)
    given = repository.given()
    crops = {key: given[f"SSL.STICA.{key}"] for key in ("LARGE_CROPS", "SMALL_CROPS")}
    assert crops == {"LARGE_CROPS": "2", "SMALL_CROPS": "4"}
    assert given["SSL.STICA.SMALL_TIME_CROPS"] == "1"
    assert given["SSL.STICA.LARGE_TIME_CROPS"] == "2"
    assert given["SSL.STICA.TIME_WINDOWS"] == "[6, 4]"
    assert (given["DATA.NUM_FRAMES"], given["AUDIO.DURATION"]) == ("60", "2.0")
    assert (given["MODEL.POOLING_LAYERS"], given["SOLVER.BASE_LR"]) == ("0", "0.04")
    assert given["OUTPUT_DIR"].endswith("outputs/stica/60f-2s-2L4S-2TL1TS-0layers")
    for words, says in (((30, 1), "seven numbers"), ((30, 1, 2, "x", 1, 2, 0), "NUM_SMALL_CROPS")):
        done = repository.run("jobs/pretrain_stica.sh", *words)
        assert done.returncode == 2 and says in done.stderr


def test_a_data_folder_that_does_not_exist_is_refused(repository):
    repository.file(CONFIG)
    done = repository.run("jobs/train_on_ava.sh", "-c", CONFIG, "-d", "nowhere")
    assert done.returncode == 1 and f"{repository.home}/nowhere" in done.stderr


def test_an_environment_that_the_user_chose_is_not_passed_over(repository):
    done = repository.run(*OTHER, FAKE_LACKS="1")
    assert done.returncode == 1 and not repository.calls()
    assert "bash setup/create_env.sh" in done.stderr and "bash scripts/test.sh" in done.stderr


def test_without_any_environment_one_is_made(repository):
    """As on a fresh clone: no environment is active and python3 has not got the packages."""
    python = repository.python.read_text()
    repository.file(
        "setup/create_env.sh",
        'mkdir -p "$2/bin" && cp "$GOOD" "$2/bin/python" && chmod +x "$2/bin/python"\n',
    )
    good = repository.program("good-python", python)
    repository.program("python3", "#!/bin/sh\nexit 1\n")
    for name in ("PYTHON", "VIRTUAL_ENV"):
        repository.environment.pop(name, None)
    repository.environment["PATH"] = f"{good.parent}:{repository.environment['PATH']}"
    done = repository.run(*OTHER, GOOD=str(good))
    assert done.returncode == 0, done.stderr
    assert repository.root.joinpath(".venv/bin/python").exists()
    assert len(repository.calls()) == 1
    done = repository.run(*OTHER)  # and taken the second time
    assert done.returncode == 0 and len(repository.calls()) == 2


def test_a_real_run_says_that_wandb_is_not_installed(real, tmp_path):
    (tmp_path / "without/wandb").mkdir(parents=True)
    (tmp_path / "without/wandb/__init__.py").write_text("raise ImportError('not installed')\n")
    words = ("-c", tmp_path / "run.yaml", "-n", 0, "-w", "True", "-e", "me", "-o", "runs")
    (tmp_path / "run.yaml").write_text(
        f"MODEL: {{NUM_CLASSES: 8}}\nDATA: {{MANIFEST_DIR: {tmp_path}}}\n"
    )
    done = real("jobs/train_on_ava.sh", *words, PYTHONPATH=str(tmp_path / "without"))
    assert done.returncode == 1
    log = tmp_path / "some where" / "runs" / f"{tmp_path.name}--run" / "logs" / "train_logs.txt"
    for text in (done.stdout, log.read_text()):
        assert "WANDB.ENABLE needs the package wandb: pip install wandb" in text
        assert "Traceback" not in text
