"""The default tree has every PySlowFast key, and says what each key means."""

import copy
import json
import pickle
from pathlib import Path

import pytest

from slowfast.config import CfgNode, check_cfg, get_cfg
from slowfast.config.custom_config import add_custom_config
from slowfast.config.defaults import _C, assert_and_infer_cfg
from slowfast.config.nodes import KEYS, TABLES
from slowfast.config.schema import Key, Node, join_tables

FIXTURE = Path(__file__).parents[1] / "fixtures" / "slowfast" / "config_defaults.json"
UPSTREAM = json.loads(FIXTURE.read_text())


def test_every_upstream_key_keeps_its_type_and_value():
    ours = get_cfg().leaves()
    assert len(UPSTREAM) == 339
    for name, expected in UPSTREAM.items():
        assert type(ours[name]).__name__ == expected["type"], name
        assert repr(ours[name]) == expected["repr"], name


def test_every_key_has_one_sentence_without_a_full_stop():
    for name, key in KEYS.items():
        assert key.meaning and key.meaning[-1] != ".", name
        assert "\n" not in key.meaning, name


def test_every_default_is_a_value_its_own_key_accepts():
    assert {name: key.problem(key.default) for name, key in KEYS.items()} == dict.fromkeys(KEYS, "")


def test_keys_without_a_default_declare_their_type():
    assert [name for name, key in KEYS.items() if key.kind == "any"] == []


def test_a_key_declared_twice_is_noticed():
    table = Node("A", "title", B=Key(1, "number"))
    with pytest.raises(ValueError, match=r"A\.B"):
        join_tables([table, table])


def test_tables_have_titles():
    assert all(table.title for table in TABLES)


def test_the_default_config_passes_its_own_check():
    check_cfg(get_cfg())


def test_get_cfg_returns_independent_copies():
    first, second = get_cfg(), get_cfg()
    first.DATA.MEAN[0] = 9.0
    first.NONLOCAL.POOL[0][0][0] = 9
    first.SOLVER.BASE_LR = 9.0
    assert second == get_cfg() != first
    assert first.NONLOCAL.POOL[1][0][0] == 1
    assert get_cfg() == _C


def test_pickle_deepcopy_and_clone_keep_type_and_values():
    cfg = get_cfg()
    cfg.merge_from_list(["SOLVER.BASE_LR", "0.5", "MODEL.CKPT", "a.pth"])
    for twin in (pickle.loads(pickle.dumps(cfg)), copy.deepcopy(cfg), cfg.clone()):
        assert twin == cfg
        assert type(twin.MVIT.REV) is CfgNode
        twin.merge_from_list(["SOLVER.BASE_LR", "1"])
        assert cfg.SOLVER.BASE_LR == 0.5


def test_dump_loads_back_equal(tmp_path):
    cfg = get_cfg()
    cfg.merge_from_list(
        ["MVIT.DIM_MUL", "((1, 2.0), (3, 2.0))", "SOLVER.BETAS", "[0.5, 0.9]"]
        + ["DATA.PATH_LABEL_SEPARATOR", ",", "TASK", "007", "OUTPUT_DIR", "ä: [b] 'c'"]
        + ["SOLVER.WEIGHT_DECAY", "1e-7", "TRAIN.CHECKPOINT_CLEAR_NAME_PATTERN", "('backbone.',)"]
        + ["CONTRASTIVE.DELTA_CLIPS_MAX", "inf", "MODEL.CKPT", "None"]
    )
    path = tmp_path / "config.yaml"
    for options in ({}, {"sort_keys": True, "default_flow_style": False}):
        path.write_text(cfg.dump(**options), encoding="utf-8")
        twin = get_cfg()
        twin.merge_from_file(path)
        assert {n: repr(v) for n, v in twin.leaves().items()} == {
            n: repr(v) for n, v in cfg.leaves().items()
        }
    assert twin.CONTRASTIVE.DELTA_CLIPS_MIN < -1e308
    assert CfgNode.load_cfg(cfg.dump()).SOLVER.WEIGHT_DECAY == 1e-7


def test_own_keys_added_as_in_pyslowfast_can_be_merged(tmp_path):
    cfg = get_cfg()
    add_custom_config(cfg)
    cfg.MY_HEAD = CfgNode()
    cfg.MY_HEAD.WIDTH = 256
    cfg.MY_HEAD.NOTE = None
    path = tmp_path / "own.yaml"
    path.write_text("MY_HEAD:\n  WIDTH: 128\n  NOTE: anything\n")
    cfg.merge_from_file(path)
    assert (cfg.MY_HEAD.WIDTH, cfg.MY_HEAD.NOTE) == (128, "anything")


def test_scaling_by_machines_happens_once(monkeypatch):
    monkeypatch.setenv("GROUP_WORLD_SIZE", "4")
    cfg = get_cfg()
    cfg.SOLVER.BASE_LR_SCALE_NUM_SHARDS = True
    cfg.SOLVER.COSINE_END_LR = 0.01
    assert assert_and_infer_cfg(assert_and_infer_cfg(cfg)) is cfg
    solver = cfg.SOLVER
    assert (solver.BASE_LR, solver.WARMUP_START_LR, solver.COSINE_END_LR) == (0.4, 0.04, 0.04)
