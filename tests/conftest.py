"""What all tests share: real media files made on the spot, and the recorded numbers."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))  # for ``from oracles.fills import ...``
# Minutes each: begun last, one of them would run long after all else is done.
LONGEST = ("test_quickstart.py", "test_readme.py")


def pytest_collection_modifyitems(items):
    """Begin with the longest files."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def recorded():
    """Return ``read(name)``: the content of a JSON file below ``tests/fixtures``."""
    return lambda name: json.loads((TESTS / "fixtures" / name).read_text())


@pytest.fixture(scope="session")
def media_factory(tmp_path_factory):
    """Return ``make(**settings) -> Path``: a real video with numbered frames, made once.

    The settings are those of ``oracles.media_files.Settings``; see there.
    """
    from oracles.media_files import Settings, write_video

    folder = tmp_path_factory.mktemp("media")
    made = {}

    def make(**settings):
        key = Settings(**settings)
        if key not in made:
            made[key] = folder / f"video_{len(made)}{key.suffix}"
            write_video(made[key], key)
        return made[key]

    return make


@pytest.fixture
def light_files(monkeypatch):
    """Let the reader accept tensors that take no room in a file, as those of some oracles do."""
    monkeypatch.setattr("slowfast.checkpoint.pickle_scan.ELEMENTS_PER_BYTE", float("inf"))


@pytest.fixture(scope="session")
def demo_world(tmp_path_factory) -> Path:
    """The tiny demo world: 32 training and 16 test videos of 8 classes."""
    from slowfast.synthetic import write_demo_world

    folder = tmp_path_factory.mktemp("demo world")
    write_demo_world(folder, "tiny")
    return folder


@pytest.fixture(scope="session")
def overrides(demo_world) -> list[str]:
    """Config overrides that shrink the demo config to a few seconds."""
    return [
        *("DATA.PATH_TO_DATA_DIR", str(demo_world / "ucf101/ucfTrainTestlist")),
        *("DATA.PATH_PREFIX", str(demo_world / "videos")),
        *("SOLVER.MAX_EPOCH", "2", "TRAIN.BATCH_SIZE", "8", "LOG_PERIOD", "1"),
        *("DATA.TRAIN_CROP_SIZE", "32", "DATA.TEST_CROP_SIZE", "32"),
        *("DATA.TRAIN_JITTER_SCALES", "[36,36]", "DATA_LOADER.NUM_WORKERS", "0"),
        *("TEST.NUM_ENSEMBLE_VIEWS", "2", "TENSORBOARD.ENABLE", "False"),
    ]


@pytest.fixture(scope="session")
def pretrain_overrides(demo_world) -> list[str]:
    """Config overrides that shrink the demo pretraining to a few seconds."""
    return [
        *("TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics"),
        *("DATA.PATH_TO_DATA_DIR", str(demo_world / "kinetics")),
        *("DATA.PATH_PREFIX", str(demo_world)),
        *("SOLVER.MAX_EPOCH", "2", "SOLVER.WARMUP_EPOCHS", "0.0", "SOLVER.BASE_LR", "0.001"),
        *("TRAIN.BATCH_SIZE", "8", "LOG_PERIOD", "1", "TRAIN.EVAL_PERIOD", "1"),
        *("TRAIN.CHECKPOINT_PERIOD", "1"),
        *("DATA.TRAIN_CROP_SIZE", "32", "DATA.TEST_CROP_SIZE", "32"),
        *("DATA.TRAIN_JITTER_SCALES", "[36,36]", "DATA_LOADER.NUM_WORKERS", "0"),
        *("SSL.PROJECTION", "[16,16]", "SSL.AVID.NUM_NEGATIVES", "8"),
        *("SSL.AVID.LOSS", "nce", "TENSORBOARD.ENABLE", "False"),
    ]


@pytest.fixture(scope="session")
def method_overrides(pretrain_overrides) -> list[str]:
    """Those of a demo pretraining without the keys that AVID alone reads."""
    pairs = zip(pretrain_overrides[::2], pretrain_overrides[1::2], strict=True)
    return [word for pair in pairs if not pair[0].startswith("SSL.AVID") for word in pair]


@pytest.fixture(scope="session")
def cma_overrides(pretrain_overrides) -> list[str]:
    """Those of a demo pretraining, and the keys that AVID-CMA alone reads."""
    return [
        *pretrain_overrides,
        *("SSL.CMA.NUM_POSITIVES", "4", "SSL.CMA.NUM_NEGATIVES_WITHIN", "4"),
        *("SSL.CMA.REFRESH_EPOCHS", "1"),
    ]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_tool(tmp_path, monkeypatch, capsys):
    """Return ``load(name) -> call(*words)``: a tool's main function, run in a folder of its own."""

    def load(name):
        spec = importlib.util.spec_from_file_location(
            f"{name}_tool", TESTS.parent / f"tools/{name}.py"
        )
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.chdir(tmp_path)

        def call(*words):
            capsys.readouterr()
            try:
                status = tool.main([str(word) for word in words])
            except SystemExit as stop:
                status = stop.code
            return Done(status, *capsys.readouterr())

        return call

    return load


@pytest.fixture
def written(tmp_path):
    """Return ``write(content, name) -> path`` of a file with this text or these bytes."""

    def write(content, name="list.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def tiny_cfg(tmp_path):
    """The config of a tiny classifier of 5 classes on the CPU, for a folder of its own."""
    from slowfast.config import get_cfg

    cfg = get_cfg()
    cfg.MODEL.MODEL_NAME, cfg.MODEL.ARCH, cfg.MODEL.NUM_CLASSES = "VSSL", "avid_r2plus1d_tiny", 5
    cfg.DATA.NUM_FRAMES, cfg.DATA.TRAIN_CROP_SIZE, cfg.NUM_GPUS = 8, 32, 0
    cfg.OUTPUT_DIR = str(tmp_path)
    return cfg


@pytest.fixture(scope="session")
def caption_overrides(method_overrides, demo_world) -> list[str]:
    """Those of a demo pretraining that reads the captions of the world."""
    howto = demo_world / "howto100m"
    return [
        *method_overrides,
        *("TRAIN.DATASET", "howto100m", "TEST.DATASET", "howto100m"),
        *("DATA.PATH_TO_DATA_DIR", str(howto), "DATA.PATH_PREFIX", str(howto / "videos")),
        *("TEXT.CAPTION_DIR", str(howto / "captions"), "TEXT.VECTORS", str(howto / "word2vec.pth")),
    ]
