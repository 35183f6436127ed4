"""Fifty misspelt keys, twenty wrong values and fifteen contradictions: refused before any data is opened."""

import random
import time

import pytest
from config.test_check import CONTRADICTIONS, OUT_OF_RANGE
from config.test_typos import EDITS, LETTERS, NAMES, mutate
from reliability.conftest import FULL, SEED

from slowfast.config.nodes import KEYS
from slowfast.engine.cli import main

pytestmark = pytest.mark.skipif(not FULL, reason="each part is a test of its own in tests/config")


@pytest.fixture
def refused(capfd, tmp_path):
    """Return ``refused(*words)``: whether one error ends the run before data are looked for, and it."""
    (tmp_path / "defaults.yaml").write_text("TASK: recognition\n")

    def call(*words: str) -> tuple[bool, str]:
        begin = time.monotonic()
        status = main(
            ["--cfg", str(tmp_path / "defaults.yaml"), *words, "DATA.PATH_PREFIX", "/data"]
        )
        soon, said = time.monotonic() - begin < 2, capfd.readouterr()
        one = not said.out and said.err.count("error: ") == 1 and "Traceback" not in said.err
        return status == 1 and soon and one and "/data" not in said.err, said.err

    return call


def test_typos(refused, tried):
    draw, typos = random.Random(SEED), {}
    while len(typos) < 50:
        name = draw.choice(NAMES)
        typo = mutate(name, draw.choice(EDITS), draw.randrange(60), draw.choice(LETTERS))
        if typo not in KEYS:
            typos[typo] = name
    for typo, meant in typos.items():
        ended, said = refused(typo, "1")
        tried("wrong config refused without a traceback", ended)
        tried("misspelt key whose right one is suggested first", f"Did you mean {meant}" in said)


def test_values(refused, tried):
    draw = random.Random(SEED)
    for name, word in draw.sample(OUT_OF_RANGE, 20):
        ended, said = refused(name, word)
        tried("wrong config refused without a traceback", ended and name in said)
    for key, *words in draw.sample(CONTRADICTIONS, 15):
        ended, said = refused(*words)
        tried("wrong config refused without a traceback", ended and key in said)
