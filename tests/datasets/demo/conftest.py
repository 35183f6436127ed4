"""One tiny demo world for all tests of this folder."""

import pytest

from slowfast.datasets.demo import write_demo_world


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return the summary of a tiny world made with seed 0; do not change its files."""
    return write_demo_world(tmp_path_factory.mktemp("demo") / "tiny", "tiny", seed=0, workers=1)
