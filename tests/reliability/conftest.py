"""The short form runs with all tests; RELIABILITY=full tries everything and counts what survives."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from engine.conftest import ava_folder, places  # noqa: F401 - fixtures
from reliability.runs import Runner

FULL = os.environ.get("RELIABILITY") == "full"
SEED = int(os.environ.get("RELIABILITY_SEED", "1"))
# Takes a line of JSON for each hazard: {"hazard": .., "tried": .., "survived": ..}.
TABLE = os.environ.get("RELIABILITY_TABLE")


@pytest.fixture(scope="session")
def runner():
    with Runner() as running:
        yield running


@pytest.fixture
def tried():
    """Return ``tried(hazard, survived)``: counts a case, and whether it ended as it should."""
    counts: dict[str, Counter] = {}

    def count(hazard: str, survived: bool, times: int = 1) -> None:
        counts.setdefault(hazard, Counter()).update(tried=times, survived=times * survived)

    yield count
    if TABLE:
        with Path(TABLE).open("a") as file:
            for hazard, found in counts.items():
                file.write(json.dumps({"hazard": hazard, **found}) + "\n")
    for hazard, found in counts.items():
        assert found["survived"] == found["tried"], f"{hazard}: {found}"
