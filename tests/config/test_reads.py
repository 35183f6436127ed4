"""A config notes which of its keys are read."""

import copy
import pickle

import pytest

from slowfast.config import CfgNode, check_cfg, get_cfg, load_cfg
from slowfast.config.reads import check_reads
from slowfast.utils.errors import ConfigError


@pytest.fixture
def given(tmp_path):
    """Two keys of a file and two of a command line."""
    path = tmp_path / "run.yaml"
    path.write_text("SOLVER:\n  BASE_LR: 0.3\n  MOMENTUM: 0.7\n")
    return load_cfg([path], ["AVA.BGR", "False", "SSL.AVID.CROSS", "2.0"])


def test_what_was_given_is_unread_until_it_is_read(given):
    where = given.unread()
    assert list(where) == ["SOLVER.BASE_LR", "SOLVER.MOMENTUM", "AVA.BGR", "SSL.AVID.CROSS"]
    assert [bool(place) for place in where.values()] == [True, True, False, False]
    assert where["SOLVER.MOMENTUM"].endswith("run.yaml:3")
    solver = given.SOLVER  # a group is not a key
    assert len(given.unread()) == 4
    _ = solver.BASE_LR, solver["MOMENTUM"], given.AVA.get("BGR"), given.SSL.AVID.CROSS
    assert given.unread() == {}


def test_copies_share_what_was_read(given):
    one = given.clone()
    _ = one.SOLVER.BASE_LR, copy.deepcopy(given.SOLVER).MOMENTUM
    assert list(given.unread()) == ["AVA.BGR", "SSL.AVID.CROSS"]


def test_another_process_has_its_own_log(given):
    other = pickle.loads(pickle.dumps(given))
    _ = other.SOLVER.BASE_LR
    assert "SOLVER.BASE_LR" not in other.unread()
    assert "SOLVER.BASE_LR" in given.unread()
    assert other == given


def test_configs_made_anew_know_nothing_of_each_other(given):
    assert get_cfg().unread() == {}
    _ = get_cfg().SOLVER.BASE_LR
    assert "SOLVER.BASE_LR" in given.unread()


def test_whole_copies_dumps_and_checks_are_no_reads(given):
    given.dump()
    given.leaves()
    str(given)
    check_cfg(given)
    get_cfg().merge_from_other_cfg(given)
    dict(given.SOLVER.items())
    with given.unobserved():
        _ = given.SOLVER.BASE_LR
    assert len(given.unread()) == 4


def test_keys_of_ones_own_are_noted_too():
    cfg = get_cfg()
    cfg.MINE = CfgNode({"WIDTH": 4, "DEEP": {"ER": 1}})
    cfg.merge_from_list(["MINE.WIDTH", "8", "MINE.DEEP.ER", "2"])
    assert list(cfg.unread()) == ["MINE.WIDTH", "MINE.DEEP.ER"]
    _ = cfg.MINE.DEEP.ER
    assert list(cfg.unread()) == ["MINE.WIDTH"]


def test_unread_keys_of_the_command_line_are_refused_together(given):
    with pytest.raises(ConfigError, match=r"reads AVA.BGR False, SSL.AVID.CROSS 2.0: not TASK"):
        check_reads(given)


def test_unread_keys_of_files_are_one_warning_unless_they_are_the_default(tmp_path, caplog):
    path = tmp_path / "run.yaml"
    path.write_text(
        "SOLVER:\n  BASE_LR: 0.3\n  GAMMA: 0.7\nDATA:\n  DECODING_SHORT_SIZE: 128\n"
        f"BENCHMARK:\n  NUM_EPOCHS: {get_cfg().BENCHMARK.NUM_EPOCHS}\n"
    )
    cfg = load_cfg([path])
    _ = cfg.SOLVER.BASE_LR
    check_reads(cfg)
    (record,) = caplog.records
    assert record.getMessage().endswith("reads: SOLVER.GAMMA, DATA.DECODING_SHORT_SIZE.")


@pytest.mark.parametrize(
    "words",
    [
        ["MIXUP.ENABLE", "False"],  # off is how everything is here
        ["NUM_SHARDS", "1", "DATA_LOADER.PREFETCH_FACTOR", "4", "DIST_BACKEND", "gloo"],
        ["TEST.ENABLE", "False", "TEST.NUM_SPATIAL_CROPS", "3", "DATA.TEST_CROP_SIZE", "128"],
    ],
)
def test_harmless_keys_are_fine(words):
    check_reads(load_cfg(overrides=words))


def test_places_of_both_sources_are_known_to_who_reads_the_choice():
    cfg = load_cfg(overrides=["AVA.FRAME_DIR", "frames", "AVA.VIDEO_DIR", "videos"])
    with pytest.raises(ConfigError, match=r"reads AVA.FRAME_DIR 'frames', AVA.VIDEO_DIR"):
        check_reads(cfg)
    _ = cfg.AVA.SOURCE
    check_reads(cfg)


def test_a_test_with_the_command_of_its_training_is_only_warned(caplog):
    words = ["TRAIN.ENABLE", "False", "SOLVER.BASE_LR", "0.5", "AVA.BGR", "True"]
    check_reads(load_cfg(overrides=words))
    assert [r.getMessage() for r in caplog.records] == ["Nothing in this test reads: AVA.BGR."]
