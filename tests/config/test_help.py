"""The reference of the keys."""

import pytest

from slowfast.config.help import help_config
from slowfast.config.nodes import KEYS
from slowfast.utils.errors import ConfigError


def test_it_explains_every_key():
    text = help_config()
    for name, key in KEYS.items():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
        assert key.kind in line
        assert key.meaning in line
        assert all(str(choice) in line for choice in key.choices)
        assert repr(key.default) in text


def test_columns_are_aligned():
    lines = help_config("SOLVER.BASE_LR").splitlines()[1:]
    assert len({line.index("float") for line in lines if "float" in line}) == 1


def test_a_group_is_shown_alone():
    text = help_config("DATA")
    assert "DATA.NUM_FRAMES" in text
    assert "DATA_LOADER." not in text
    assert help_config("data") == text


@pytest.mark.parametrize("prefix", ["SOLVER.BASE_LR", "SOLVER.CLIP", "MVIT.REV", "NUM_GPUS"])
def test_a_part_of_a_name_is_enough(prefix):
    names = [line.split()[0] for line in help_config(prefix).splitlines() if line.startswith("  ")]
    assert names == [name for name in KEYS if name.startswith(prefix)] != []


@pytest.mark.parametrize(("prefix", "meant"), [("SOVLER", "SOLVER"), ("TRIAN.ENABLE", "TRAIN")])
def test_an_unknown_prefix_names_the_nearest(prefix, meant):
    with pytest.raises(ConfigError, match=meant):
        help_config(prefix)


def test_a_word_finds_the_keys_that_have_it():
    names = [line.split()[0] for line in help_config("lr").splitlines() if line.startswith("  ")]
    assert {"SOLVER.BASE_LR", "SOLVER.WARMUP_START_LR", "TRAIN.CLASSIFIER_WARMUP_LR"} <= set(names)
    assert "warm-up" in help_config("linear warm-up")
