"""What all tests share: real media files made on the spot, and the recorded numbers."""

import json
import sys
from pathlib import Path

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
