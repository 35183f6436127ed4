"""The SLURM job: one torchrun per machine, told TERM before the time is over, queued again.

``srun`` and ``scancel`` are stand-ins: one machine's part runs here.
"""

import re
import shutil
import signal
import subprocess

import pytest

SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$RECORD.srun"
while [ "$2" != -m ]; do shift; done
"$@" &
echo $! > "$RECORD.step"
wait $!
"""

SCANCEL = """#!/usr/bin/env bash
[ "$*" = "--signal=TERM $SLURM_JOB_ID.0" ] && kill -TERM "$(cat "$RECORD.step")"
"""

SCONTROL = """#!/usr/bin/env bash
echo "$*" >> "$RECORD.scontrol"
case "$*" in
    "show hostnames"*) printf 'alpha\\nbeta\\n' && [ -z "$EARLY" ] || kill -USR1 $PPID ;;
    "show job"*) echo "JobId=$SLURM_JOB_ID Command=$FAKE_COMMAND" ;;
esac
"""

# What torchrun does: dies of USR1, ends with 1 when it is told TERM.
TORCHRUN = """
trap 'echo saved; exit 1' TERM
echo ready
while :; do sleep 0.05; done
"""


@pytest.fixture
def cluster(repository):
    """A repository with SLURM's programs and a job's environment."""
    folder = repository.program("srun", SRUN).parent
    repository.program("scontrol", SCONTROL)
    repository.program("scancel", SCANCEL)
    repository.file("configs/other/run.yaml")
    repository.environment |= {
        "PATH": f"{folder}:{repository.environment['PATH']}",
        "SLURM_JOB_ID": "70012",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_GPUS_ON_NODE": "4",
        "FAKE_COMMAND": str(repository.root / "scripts/jobs/slurm.sh") + " -c x",
    }
    return repository


def asked(cluster):
    """Return what scontrol was asked to do."""
    return cluster.record.with_name("record.scontrol").read_text().splitlines()


def preempt(cluster, work=TORCHRUN):
    process = cluster.start("jobs/slurm.sh", "-c", "configs/other/run.yaml", FAKE_WORK=work)
    cluster.wait_for(process, "ready")
    process.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=20)
    return process.returncode, out + err


def test_every_machine_runs_torchrun_and_all_meet_at_the_first(cluster):
    done = cluster.run("jobs/slurm.sh", "-c", "configs/other/run.yaml", "--", "RNG_SEED", "3")
    assert done.returncode == 0, done.stderr
    words = cluster.calls()[-1][2:]
    launcher, run = words[: words.index("tools/run_net.py")], words[words.index("--cfg") :]
    assert launcher[:2] == ["-m", "torch.distributed.run"]
    options = dict(zip(launcher[2::2], launcher[3::2], strict=True))
    assert options == {
        "--nnodes": "2",
        "--nproc_per_node": "4",
        "--rdzv_id": "70012-0",
        "--rdzv_backend": "c10d",
        "--rdzv_endpoint": f"alpha:{15000 + 70012 % 15000}",
    }
    keys = dict(zip(run[2::2], run[3::2], strict=True))
    assert keys == {
        "NUM_GPUS": "4",
        "DATA_LOADER.NUM_WORKERS": "8",
        "OUTPUT_DIR": str(cluster.root / "outputs" / "other--run"),
        "WANDB.ENABLE": "False",
        "RNG_SEED": "3",
    }
    srun = cluster.record.with_name("record.srun").read_text().split("\n")
    assert srun[:6] == ["--nodes", "2", "--ntasks", "2", "--ntasks-per-node", "1"]
    assert not [line for line in asked(cluster) if line.startswith("requeue")]


def test_on_the_cpu_one_process_per_machine(cluster):
    words = ("-c", "configs/other/run.yaml", "-n", 0)
    done = cluster.run("jobs/slurm.sh", *words, SLURM_JOB_NUM_NODES="1")
    assert done.returncode == 0, done.stderr
    words = cluster.calls()[-1]
    assert words[words.index("--nproc_per_node") + 1] == "1"
    assert words[words.index("--rdzv_endpoint") + 1].startswith("localhost:")


def test_configs_of_ava_get_the_keys_of_the_job_for_ava(cluster):
    cluster.file("configs/AVA/VSSL/run.yaml")
    cluster.file("data/AVA/annotations/train.csv")
    done = cluster.run("jobs/slurm.sh", "-c", "configs/AVA/VSSL/run.yaml")
    assert done.returncode == 0, done.stderr
    assert f"{cluster.root}/data/AVA/frames/" in cluster.calls()[-1]


def test_a_job_whose_time_is_over_before_its_run_begins_is_queued_again(cluster):
    done = cluster.run("jobs/slurm.sh", "-c", "configs/other/run.yaml", EARLY="1")
    assert done.returncode == 0, done.stderr
    assert asked(cluster)[-1] == "requeue 70012"
    assert not cluster.record.with_name("record.srun").exists()


def test_a_run_whose_time_is_over_saves_and_is_queued_again(cluster):
    status, said = preempt(cluster)
    assert status == 1  # what torchrun says
    assert "saved\n" in said
    assert asked(cluster)[-1] == "requeue 70012"
    log = cluster.root / "outputs/other--run/logs/train_logs.txt"
    assert "queueing job 70012 again" in log.read_text()


def test_a_run_that_was_finished_anyway_is_not_queued_again(cluster):
    status, _ = preempt(
        cluster, work="trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    )
    assert status == 0
    assert "requeue 70012" not in asked(cluster)


def test_a_run_that_fails_by_itself_is_not_queued_again(cluster):
    done = cluster.run("jobs/slurm.sh", "-c", "configs/other/run.yaml", FAKE_WORK="exit 9")
    assert done.returncode == 9
    assert "requeue 70012" not in asked(cluster)


@pytest.mark.parametrize("known", ["command", "folder"])
def test_the_copy_that_slurm_runs_finds_the_repository(cluster, tmp_path, known):
    copy = shutil.copy(cluster.root / "scripts/jobs/slurm.sh", tmp_path / "slurm_script")
    environment = {**cluster.environment, "SLURM_SUBMIT_DIR": str(cluster.home)}
    if known == "folder":
        environment |= {"SLURM_SUBMIT_DIR": str(cluster.root), "FAKE_COMMAND": "/nowhere"}
    done = subprocess.run(
        ["bash", copy, "-c", "configs/other/run.yaml"],
        cwd=environment["SLURM_SUBMIT_DIR"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert cluster.calls()[-1][0] == str(cluster.root)


def test_sbatch_is_told_to_warn_and_to_requeue(cluster):
    text = (cluster.root / "scripts/jobs/slurm.sh").read_text()
    head = text[: text.index("set -euo pipefail")]
    flags = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", head, flags=re.MULTILINE))
    assert flags["signal"] == "B:USR1@120"
    assert {"requeue", "nodes", "gpus-per-node", "time", "open-mode"} <= set(flags)
    assert flags["ntasks-per-node"] == "1"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train_on_ava", ("-c", "configs/other/run.yaml")),
        ("train_on_charades", ("-c", "configs/other/run.yaml")),
        ("pretrain_gdt_k400", ("tried", 2)),
        ("pretrain_gdt_ht100m", ("tried", 2)),
        ("pretrain_stica", (30, 1, 2, 4, 1, 2, 0)),
    ],
)
def test_sbatch_runs_a_copy_of_any_other_job_too(cluster, name, words):
    for kind in ("gdt/kinetics", "gdt/ht100m"):
        cluster.file(f"configs/main/{kind}/2_v_reversal.yaml")
    cluster.file("configs/main/stica/base/kinetics.yaml")
    spool = cluster.root / "scripts/elsewhere"  # SLURM's
    spool.mkdir()
    shutil.copy(cluster.root / f"scripts/jobs/{name}.sh", spool / "slurm_script")
    submitted_from = {"SLURM_SUBMIT_DIR": str(cluster.root)}
    done = cluster.run("elsewhere/slurm_script", *words, "-n", 2, **submitted_from)
    assert done.returncode == 0, done.stderr
    assert cluster.calls()[-1][2] == "tools/run_net.py" and cluster.given()["NUM_GPUS"] == "2"
