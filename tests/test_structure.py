"""The rules of the code base, checked by reading the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "slowfast"
FILES = sorted(PACKAGE.rglob("*.py"))
TOOLS = sorted([*ROOT.glob("tools/*.py"), *ROOT.glob("benchmarks/*.py")])

LAYERS = {
    "utils": 0,
    "config": 0,
    "models": 1,
    "datasets": 1,
    "ssl": 2,
    "checkpoint": 2,
    "evaluation": 2,
    "synthetic": 2,
    "tasks": 3,
    "visualization": 3,
    "engine": 4,
    "dataprep": 4,
}
# Import paths of PySlowFast that only pass on what lives on higher layers.
COMPATIBILITY = {
    "slowfast/models/optimizer.py",
    "slowfast/utils/checkpoint.py",
    "slowfast/utils/lr_policy.py",
    "slowfast/utils/meters.py",
    "slowfast/utils/misc.py",
    "slowfast/utils/parser.py",
}
# PySlowFast's own default values for the AVA folders.
WITH_ABSOLUTE_PATHS = {"slowfast/config/nodes/detection.py"}
# The one load by plain pickle, for users who ask for it by name (CHECKPOINT.TRUST_PICKLE).
WITH_PLAIN_PICKLE = {"slowfast/checkpoint/reader.py"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_packages(path: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "slowfast":
                packages |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return packages & set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_packages_import_only_from_lower_layers(path):
    package = path.relative_to(PACKAGE).parts[0]
    if name(path) in COMPATIBILITY or package not in LAYERS:
        return
    for other in imported_packages(path) - {package, "utils"}:
        assert LAYERS[other] < LAYERS[package], f"{name(path)} imports from {other}"


@pytest.mark.parametrize("path", FILES + TOOLS, ids=name)
def test_files_and_functions_stay_short(path):
    source = path.read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 80, f"{node.name} is long"


FORBIDDEN = {
    "a hard .cuda()": r"\.cuda\(",
    "a bare except": r"except( Exception)?:",
    "an unsafe load": r"weights_only=False|allow_pickle=True|yaml\.(unsafe_)?load\(|pickle\.load",
    "an absolute path": r"[\"'](/home|/mnt|/data|/root|/tmp|/private)/",
    "a note to self": r"\b(TODO|FIXME|XXX)\b",
    "a branch on a name": r"(MODEL_NAME|TASK|INIT_METHOD) ==",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_package_is_free_of(what):
    found = [
        f"{name(path)}:{number}"
        for path in FILES + TOOLS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(FORBIDDEN[what], line)
        and not (what == "an absolute path" and name(path) in WITH_ABSOLUTE_PATHS)
        and not (what == "an unsafe load" and name(path) in WITH_PLAIN_PICKLE)
    ]
    assert not found


def test_plain_pickle_is_used_at_one_place():
    for path in WITH_PLAIN_PICKLE:
        lines = (ROOT / path).read_text().splitlines()
        unsafe = [line for line in lines if re.search(FORBIDDEN["an unsafe load"], line)]
        assert len(unsafe) == 1 and "torch.load(" in unsafe[0]


def test_every_torch_load_is_safe():
    for path in FILES + TOOLS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert any(k.arg == "weights_only" for k in node.keywords), name(path)


def test_losses_samplers_metrics_and_networks_need_no_config():
    free = (
        "evaluation",
        "models/backbones",
        "models/heads",
        "datasets/transforms",
        "datasets/media",
    )
    for path in FILES:
        if name(path).startswith(tuple(f"slowfast/{part}" for part in free)):
            assert "config" not in imported_packages(path), name(path)


@pytest.mark.parametrize(
    "line",
    [
        "from slowfast.config.defaults import get_cfg, assert_and_infer_cfg",
        "from slowfast.models.build import MODEL_REGISTRY, build_model",
        "from slowfast.datasets.build import DATASET_REGISTRY, build_dataset",
        "from slowfast.datasets.loader import construct_loader, shuffle_dataset",
        "from slowfast.utils.parser import parse_args, load_config",
        "from slowfast.utils.checkpoint import load_checkpoint, get_last_checkpoint",
        "from slowfast.utils.distributed import all_gather, all_reduce, is_master_proc",
        "from slowfast.utils.metrics import topks_correct, topk_errors, topk_accuracies",
        "from slowfast.utils.meters import TrainMeter, ValMeter, TestMeter, AVAMeter",
        "from slowfast.utils.misc import launch_job, log_model_info, is_eval_epoch, params_count",
        "from slowfast.utils.checkpoint import save_checkpoint, load_train_checkpoint",
        "from slowfast.utils.lr_policy import get_lr_at_epoch",
        "from slowfast.models.losses import get_loss_func",
        "from slowfast.models.optimizer import construct_optimizer, set_lr, get_epoch_lr",
        "from slowfast.utils.logging import get_logger, setup_logging, log_json_stats",
    ],
)
def test_pyslowfast_import_paths_work(line):
    exec(line, {})
