"""One tiny demo world of each kind for all tests of this folder."""

import pytest

from slowfast.synthetic import write_ava_world, write_charades_world, write_demo_world


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return the summary of a tiny world made with seed 0; do not change its files."""
    return write_demo_world(tmp_path_factory.mktemp("demo") / "tiny", "tiny", seed=0, workers=1)


@pytest.fixture(scope="session")
def ava(tmp_path_factory):
    """Return the summary of a tiny world in AVA's format; do not change its files."""
    return write_ava_world(tmp_path_factory.mktemp("demo ava"), "tiny")


@pytest.fixture(scope="session")
def charades(tmp_path_factory):
    """Return the summary of a tiny world in Charades' format; do not change its files."""
    return write_charades_world(tmp_path_factory.mktemp("demo charades"), "tiny")
