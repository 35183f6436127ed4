"""A misspelt key is never accepted, and the right one is named."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slowfast.config import get_cfg
from slowfast.config.nodes import KEYS
from slowfast.utils.errors import ConfigError, nearest_keys

NAMES = sorted(KEYS)
LETTERS = string.ascii_uppercase + string.digits + "_"


def mutate(name: str, edit: str, place: int, letter: str) -> str:
    """Apply one slip of the finger."""
    place %= len(name)
    if edit == "insert":
        return name[:place] + letter + name[place:]
    if edit == "delete":
        return name[:place] + name[place + 1 :]
    if edit == "replace":
        return name[:place] + letter + name[place + 1 :]
    return name[:place] + name[place : place + 2][::-1] + name[place + 2 :]


EDITS = ("insert", "delete", "replace", "swap")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(NAMES), st.sampled_from(EDITS), st.integers(0, 60), st.sampled_from(LETTERS))
def test_a_typo_is_never_accepted(name, edit, place, letter):
    typo = mutate(name, edit, place, letter)
    if typo in KEYS:
        return
    cfg = get_cfg()
    with pytest.raises(ConfigError) as caught:
        cfg.merge_from_list([typo, KEYS[name].default])
    assert typo in str(caught.value)
    assert cfg == get_cfg()


def test_the_right_key_is_the_first_suggestion_for_95_of_100_typos():
    draw = random.Random(7)
    typos = {}
    while len(typos) < 100:
        name = draw.choice(NAMES)
        typo = mutate(name, draw.choice(EDITS), draw.randrange(60), draw.choice(LETTERS))
        if typo not in KEYS:
            typos[typo] = name
    wrong = {typo: name for typo, name in typos.items() if nearest_keys(typo, NAMES)[0] != name}
    assert len(wrong) <= 5, wrong


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("MODEL.BASE_LR", "SOLVER.BASE_LR"),
        ("TRAIN.MAX_EPOCH", "SOLVER.MAX_EPOCH"),
        ("TRAIN.NUM_GPUS", "NUM_GPUS"),
        ("BASE_LR", "SOLVER.BASE_LR"),
        ("solver.base_lr", "SOLVER.BASE_LR"),
        ("DATA.NUM_FRAME", "DATA.NUM_FRAMES"),
        ("MODEL.CHECKPOINT_FILE_PATH", "TEST.CHECKPOINT_FILE_PATH"),
        ("DATALOADER.NUM_WORKERS", "DATA_LOADER.NUM_WORKERS"),
        ("SOLVER.BASE_LR=0.1", "SOLVER.BASE_LR"),
    ],
)
def test_the_right_name_in_the_wrong_place_is_found(typo, meant):
    with pytest.raises(ConfigError, match=meant.replace(".", r"\.")):
        get_cfg().merge_from_list([typo, "1"])


def test_a_name_like_no_other_says_how_to_find_keys():
    with pytest.raises(ConfigError, match=r"qqqqqqqq.*--help-config"):
        get_cfg().merge_from_list(["qqqqqqqq", "1"])
