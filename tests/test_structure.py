"""The rules of the code base, checked by reading the source; each rule is tried on what breaks it."""

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
# Losses, banks, samplers, metrics, transforms and networks take plain arguments.
WITHOUT_CONFIG = (
    "slowfast/evaluation/",
    "slowfast/models/backbones/",
    "slowfast/models/audio/",
    "slowfast/models/heads/",
    "slowfast/datasets/media/",
    "slowfast/datasets/sampling/",
    "slowfast/datasets/transforms/",
    "slowfast/ssl/",
)
FORBIDDEN = {
    "a hard .cuda()": r"\.cuda\(",
    "a bare except": r"except( Exception)?:",
    "an unsafe load": r"weights_only=False|allow_pickle=True|yaml\.(unsafe_)?load\(|pickle\.load",
    "an absolute path": r"[\"'](/home|/mnt|/data|/root|/tmp|/private)/",
    "a note to self": r"\b(TODO|FIXME|XXX)\b",
    "a branch on a name": r"(MODEL_NAME|TASK|INIT_METHOD) ==",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_packages(source: str) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "slowfast":
                packages |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return packages & set(LAYERS)


def higher_layers(path: str, source: str) -> list[str]:
    """Packages import only from lower layers."""
    package = path.split("/")[1]
    if path in COMPATIBILITY or package not in LAYERS:
        return []
    others = imported_packages(source) - {package, "utils"}
    return [other for other in others if LAYERS[other] >= LAYERS[package]]


def long_pieces(path: str, source: str) -> list[str]:
    """Files have at most 400 lines, functions fewer than 80."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    long = [node.name for node in nodes if node.end_lineno - node.lineno >= 80]
    return [*long, *(["the file"] if source.count("\n") > 400 else [])]


def loads_without_a_word(path: str, source: str) -> list[str]:
    """Every torch.load says weights_only."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "torch.load"]
    return [str(c.lineno) for c in loads if not any(k.arg == "weights_only" for k in c.keywords)]


def configs_where_none_belong(path: str, source: str) -> list[str]:
    """No parameter cfg where plain arguments are asked for, outside from_cfg and build_*."""
    if not path.startswith(WITHOUT_CONFIG):
        return []
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    free = [f for f in functions if f.name != "from_cfg" and not f.name.startswith("build_")]
    return [f.name for f in free if "cfg" in [a.arg for a in [*f.args.args, *f.args.kwonlyargs]]]


def unchecked_configs(path: str, source: str) -> list[str]:
    """Every tool that takes a config checks it as run_net.py does."""
    loads = [line for line in source.splitlines() if re.search(r"(?<!def )load_config\(", line)]
    checks = "assert_and_infer_cfg(load_config("
    return [line for line in loads if path.startswith("tools/") and checks not in line]


def forbidden(what: str):
    def find(path: str, source: str) -> list[str]:
        if what == "an absolute path" and path in WITH_ABSOLUTE_PATHS:
            return []
        if what == "an unsafe load" and path in WITH_PLAIN_PICKLE:
            return []
        return [line for line in source.splitlines() if re.search(FORBIDDEN[what], line)]

    return find


RULES = {
    "layers": higher_layers,
    "sizes": long_pieces,
    "torch.load": loads_without_a_word,
    "cfg": configs_where_none_belong,
    "checked configs": unchecked_configs,
    **{what: forbidden(what) for what in FORBIDDEN},
}
PLANTED = {
    "layers": ("slowfast/models/a.py", "from slowfast.engine.launch import launch_job\n"),
    "sizes": ("slowfast/models/a.py", "def f():\n" + "    pass\n" * 80),
    "torch.load": ("slowfast/models/a.py", "import torch\ntorch.load('x')\n"),
    "checked configs": ("tools/a.py", "cfg = load_config(parse_args())\n"),
    "cfg": ("slowfast/ssl/a.py", "def loss(x, cfg):\n    return x\n"),
    "a hard .cuda()": ("tools/a.py", "x.cuda()\n"),
    "a bare except": ("tools/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    "an unsafe load": ("tools/a.py", "np.load(f, allow_pickle=True)\n"),
    "an absolute path": ("tools/a.py", "path = '/data/ucf101'\n"),
    "a note to self": ("tools/a.py", "x = 1  # TO" + "DO\n"),
    "a branch on a name": ("tools/a.py", "if cfg.TASK == 'ava':\n    pass\n"),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule):
    packaged = rule in ("layers", "cfg")
    found = {
        name(path): broken
        for path in (FILES if packaged else FILES + TOOLS)
        if (broken := RULES[rule](name(path), path.read_text()))
    }
    assert not found


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_finds_what_breaks_it(rule):
    path, source = PLANTED[rule]
    assert RULES[rule](path, source)
    assert not RULES[rule](path, "x = 1\n")


def imports_of_files(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports when it is imported itself."""
    found = {}
    for module, source in sources.items():
        wanted = set()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            elif isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
        inner = {w for w in wanted if f"{w}." in {f"{m.rpartition('.')[0]}." for m in sources}}
        found[module] = ((wanted & set(sources)) - {module}) - inner
    return found


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def walk(module: str, above: list[str]) -> list[str]:
        if module in above:
            return [*above[above.index(module) :], module]
        if module in done:
            return []
        circle = next((c for m in imports[module] if (c := walk(m, [*above, module]))), [])
        done.add(module)
        return circle

    return next((circle for module in imports if (circle := walk(module, []))), [])


def test_no_files_import_each_other_in_a_circle():
    sources = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): (
            path.read_text()
        )
        for path in FILES
    }
    assert not circle_in(imports_of_files(sources))
    planted = {"slowfast.a": "from slowfast.b import f\n", "slowfast.b": "import slowfast.a\n"}
    assert circle_in(imports_of_files(planted)) == ["slowfast.a", "slowfast.b", "slowfast.a"]


def test_plain_pickle_is_used_at_one_place():
    for path in WITH_PLAIN_PICKLE:
        lines = (ROOT / path).read_text().splitlines()
        unsafe = [line for line in lines if re.search(FORBIDDEN["an unsafe load"], line)]
        assert len(unsafe) == 1 and "torch.load(" in unsafe[0]


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
