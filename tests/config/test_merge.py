"""What files and overrides may say, and what the message says when they may not."""

from itertools import pairwise

import pytest

from slowfast.config import get_cfg, load_cfg
from slowfast.utils.errors import ConfigError


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(function, *args):
    with pytest.raises(ConfigError) as caught:
        function(*args)
    return str(caught.value)


WORDS = [
    ("SOLVER.BASE_LR", "1", 1.0),
    ("SOLVER.BASE_LR", "1e-4", 1e-4),
    ("SOLVER.WARMUP_EPOCHS", 34, 34.0),
    ("CONTRASTIVE.DELTA_CLIPS_MAX", ".inf", float("inf")),
    ("SOLVER.CLIP_GRAD_L2NORM", "40", 40.0),
    ("SOLVER.CLIP_GRAD_L2NORM", "None", None),
    ("BN.NUM_SYNC_DEVICES", "null", None),
    ("TRAIN.ENABLE", "false", False),
    ("TRAIN.ENABLE", "True", True),
    ("NUM_GPUS", "0", 0),
    ("DEMO.WEBCAM", "-1", -1),
    ("SOLVER.BETAS", "[0.9, 0.99]", (0.9, 0.99)),
    ("SOLVER.BETAS", [0.9, 0.99], (0.9, 0.99)),
    ("DATA.MEAN", "(0.5, 0.5, 0.5)", [0.5, 0.5, 0.5]),
    ("DATA.MEAN", (0, 0, 1), [0, 0, 1]),
    ("MODEL.SINGLE_PATHWAY_ARCH", "[2d,r2plus1d_18]", ["2d", "r2plus1d_18"]),
    ("MODEL.CKPT", "a b.pth", "a b.pth"),
    ("MODEL.CKPT", "None", None),
    ("OUTPUT_DIR", "2024", "2024"),
    ("DATA.PATH_LABEL_SEPARATOR", "','", ","),
    ("MVIT.POOL_KVQ_KERNEL", "[3, 3, 3]", [3, 3, 3]),
    ("MVIT.DIM_MUL", "((1, 2.0),)", [[1, 2.0]]),
    ("MULTIGRID.LONG_CYCLE_FACTORS", "[[0.5, 1]]", [(0.5, 1)]),
]


@pytest.mark.parametrize(("name", "word", "expected"), WORDS)
def test_overrides_are_read_as_the_type_of_their_key(name, word, expected):
    value = load_cfg([], [name, word]).leaves()[name]
    assert (type(value), value) == (type(expected), expected)


def test_yaml_values_are_read_as_the_type_of_their_key(tmp_path):
    text = """
SOLVER: {BASE_LR: 1e-4, MAX_EPOCH: 10, WARMUP_EPOCHS: 3, LRS: [1, 1e-1], BETAS: "(0.9, 0.99)"}
MODEL: {CKPT: None, INIT_METHOD: ~, CHANNELS_LAST: true}
MVIT.DIM_MUL: [[1, 2e0]]
TASK: 'None of these'
DEMO:
"""
    cfg = load_cfg([write(tmp_path, "a.yaml", text)])
    assert cfg.SOLVER.BASE_LR == 1e-4
    assert type(cfg.SOLVER.WARMUP_EPOCHS) is float
    assert cfg.SOLVER.LRS == [1, 0.1]
    assert cfg.SOLVER.BETAS == (0.9, 0.99)
    assert cfg.MODEL.CKPT is None and cfg.MODEL.INIT_METHOD is None
    assert cfg.MODEL.CHANNELS_LAST is True
    assert cfg.MVIT.DIM_MUL == [[1, 2.0]]
    assert cfg.TASK == "None of these"


WRONG_TYPES = [
    ("NUM_GPUS", "two"),
    ("NUM_GPUS", "1.5"),
    ("NUM_GPUS", "True"),
    ("RNG_SEED", "[1]"),
    ("TRAIN.BATCH_SIZE", "64.0"),
    ("TRAIN.ENABLE", "1"),
    ("TRAIN.ENABLE", "maybe"),
    ("TRAIN.ENABLE", 0),
    ("SOLVER.BASE_LR", "fast"),
    ("SOLVER.BASE_LR", "True"),
    ("SOLVER.BASE_LR", "[0.1]"),
    ("SOLVER.STEPS", "10"),
    ("SOLVER.STEPS", "[0, ten]"),
    ("SOLVER.BETAS", "0.9"),
    ("SOLVER.CLIP_GRAD_L2NORM", "none"),
    ("DATA.MEAN", "0.45"),
    ("DATA.TRAIN_JITTER_SCALES", "[256, 320.5]"),
    ("DATA.INPUT_CHANNEL_NUM", "[3, None]"),
    ("MODEL.ARCH", ["r2plus1d_18"]),
    ("MODEL.CKPT", 5),
    ("MODEL.SINGLE_PATHWAY_ARCH", "[1, 2]"),
    ("MVIT.POOL_KVQ_KERNEL", "3"),
    ("AVA.TRAIN_LISTS", "train.csv"),
    ("SOLVER.BASE_LR", 10**400),
]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES)
def test_wrong_types_name_key_value_and_expected_type(name, value):
    cfg = get_cfg()
    message = refusal(cfg.merge_from_list, [name, value])
    assert f"{name} expects " in message
    assert repr(value) in message and type(value).__name__ in message
    assert cfg == get_cfg()


def test_everything_wrong_in_a_file_is_named_with_its_line_and_nothing_is_changed(tmp_path):
    path = write(tmp_path, "a.yaml", "NUM_GPUS: 3\nSOLVER:\n  BSE_LR: 0.1\n  MAX_EPOCH: long\n")
    cfg = get_cfg()
    first, second = refusal(cfg.merge_from_file, path).splitlines()
    assert f"{path}:3: unknown config key SOLVER.BSE_LR. Did you mean SOLVER.BASE_LR" in first
    assert first.startswith(f"{path}:3:")
    assert second == f"{path}:4: SOLVER.MAX_EPOCH expects int, found 'long' (str)."
    assert cfg == get_cfg()


@pytest.mark.parametrize("words", [["NUM_GPUS"], ["NUM_GPUS", "0", "TASK"]])
def test_overrides_without_a_partner_are_refused(words):
    assert words[-1] in refusal(get_cfg().merge_from_list, words)


@pytest.mark.parametrize("words", [["SOLVER", "5"], ["SOLVER", "None"], ["MVIT.REV", "{}"]])
def test_a_group_cannot_be_replaced_by_a_value(words):
    assert f"{words[0]} is a group" in refusal(get_cfg().merge_from_list, words)


@pytest.mark.parametrize("text", ["SOLVER: {BASE_LR: {}}", "SOLVER: {BASE_LR: {A: 1}}"])
def test_a_key_cannot_be_replaced_by_a_group(tmp_path, text):
    path = write(tmp_path, "a.yaml", text)
    assert "SOLVER.BASE_LR" in refusal(get_cfg().merge_from_file, path)


def bomb(value):
    """Return a short text whose values double and double again."""
    pairs = pairwise("abcdefghijklmnop")
    lines = [f"{name}: &{name} {value.format(f'*{before}')}" for before, name in pairs]
    return "\n".join(["a: &a {x: 1}", *lines, ""])


BROKEN_FILES = {
    "list": ("- 1\n- 2\n", 1, "mapping"),
    "empty": ("", 1, "found nothing"),
    "scalar": ("# note\nhello\n", 2, "mapping"),
    "syntax": ("NUM_GPUS: 1\nSOLVER: [1\n", 3, "not valid YAML"),
    "tab": ("SOLVER:\n\tBASE_LR: 1\n", 2, "not valid YAML"),
    "code": ("TASK: !!python/object/apply:os.getcwd []\n", 1, "not valid YAML"),
    "complex key": ("? [a, b]\n: 1\n", 1, "plain word"),
    "two documents": ("NUM_GPUS: 1\n---\nNUM_GPUS: 2\n", 2, "not valid YAML"),
    "circle": ("SOLVER: &a\n  B: *a\n", 2, "contains itself"),
    "circle in a list": ("DATA:\n  MEAN: &a [*a]\n", 2, "not valid YAML"),
    "no such day": ("NUM_GPUS: 0\nOUTPUT_DIR: 2024-02-30\n", 2, "OUTPUT_DIR cannot be read"),
    "no such hour": ("OUTPUT_DIR: 2024-01-01 99:99:99\n", 1, "OUTPUT_DIR cannot be read"),
    "no such zone": ("OUTPUT_DIR: 2024-01-01T00:00:00+99:99\n", 1, "OUTPUT_DIR cannot be read"),
    "no int": ("RNG_SEED: !!int abc\n", 1, "RNG_SEED cannot be read"),
    "no bool": ("TRAIN:\n  ENABLE: !!bool abc\n", 2, "TRAIN.ENABLE cannot be read"),
    "no float": ("SOLVER: {BASE_LR: !!float abc}\n", 1, "SOLVER.BASE_LR cannot be read"),
    "no time": ("RNG_SEED: !!timestamp abc\n", 1, "RNG_SEED cannot be read"),
    "zero byte in a base": ('_BASE_: "a\\0b"\n', 1, "is not the path of a file"),
    "long base": (f"_BASE_: {'x' * 9999}\n", 1, "is not the path of a file"),
    "lists of lists": (bomb("[{0}, {0}, {0}]"), 11, "more than 100000 values"),
    "groups of groups": (bomb("{{a: {0}, b: {0}, c: {0}}}"), 11, "more than 100000 values"),
    "merges of merges": (bomb("{{<<: [{0}, {0}, {0}]}}"), 11, "more than 100000 values"),
}


def test_files_of_another_kind_are_refused_at_once(tmp_path):
    large = write(tmp_path, "a.yaml", f"OUTPUT_DIR: {'x' * 10_000_000}\n")
    assert "more than a megabyte" in refusal(load_cfg, [large])
    for deep in ("[" * 5000, "{a: " * 5000):
        message = refusal(load_cfg, [write(tmp_path, "b.yaml", f"TASK: {deep}\n")])
        assert "nested too deeply" in message
    for number in range(60):
        write(tmp_path, f"c{number}.yaml", f"_BASE_: c{number + 1}.yaml\n")
    assert "more than 50 files" in refusal(load_cfg, [tmp_path / "c0.yaml"])


@pytest.mark.parametrize("text", ["RNG_SEED: {}", "RNG_SEED: [{}]", "{}: 1", "TASK: {{{}: 1}}"])
def test_messages_do_not_repeat_what_is_long(tmp_path, text):
    path = write(tmp_path, "a.yaml", text.format("x" * 1000))
    assert len(refusal(load_cfg, [path])) < 1500


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_files_that_are_no_config_are_refused_with_their_line(tmp_path, case):
    text, line, reason = BROKEN_FILES[case]
    path = write(tmp_path, "a.yaml", text)
    message = refusal(get_cfg().merge_from_file, path)
    assert message.startswith(f"{path}:{line}: ")
    assert reason in message


def test_unreadable_files_are_refused(tmp_path):
    write(tmp_path, "avid_ucf.yaml", "NUM_GPUS: 0")
    message = refusal(load_cfg, [tmp_path / "avid_ufc.yaml"])
    assert "avid_ufc.yaml" in message and "'avid_ucf.yaml'" in message
    assert str(tmp_path) in refusal(load_cfg, [tmp_path])
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00NUM")
    assert "cannot be read" in refusal(load_cfg, [binary])
    binary.write_bytes(b"TASK: \x01\n")
    assert "not valid YAML" in refusal(load_cfg, [binary])


def test_base_is_relative_to_its_file_and_goes_first(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path, "base.yaml", "NUM_GPUS: 4\nSOLVER: {BASE_LR: 0.3, MAX_EPOCH: 7}\n")
    write(tmp_path, "middle.yaml", "_BASE_: base.yaml\nSOLVER: {BASE_LR: 0.2}\n")
    leaf = write(tmp_path / "sub", "leaf.yaml", "NUM_GPUS: 0\n_BASE_: ../middle.yaml\n")
    cfg = load_cfg([leaf])
    assert (cfg.NUM_GPUS, cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_EPOCH) == (0, 0.2, 7)
    assert "_BASE_" not in cfg


def test_an_error_in_a_base_names_the_base(tmp_path):
    base = write(tmp_path, "base.yaml", "\nNUM_GPU: 4\n")
    leaf = write(tmp_path, "leaf.yaml", "_BASE_: base.yaml\n")
    assert refusal(load_cfg, [leaf]).startswith(f"{base}:2: ")


def test_a_base_that_goes_in_a_circle_is_refused(tmp_path):
    write(tmp_path, "a.yaml", "_BASE_: b.yaml\n")
    write(tmp_path, "b.yaml", "_BASE_: a.yaml\n")
    message = refusal(load_cfg, [tmp_path / "a.yaml"])
    assert "a.yaml -> b.yaml -> a.yaml" in message
    assert "in a circle" in message


def test_a_missing_or_odd_base_is_refused_where_it_is_named(tmp_path):
    leaf = write(tmp_path, "a.yaml", "NUM_GPUS: 0\n_BASE_: gone.yaml\n")
    assert refusal(load_cfg, [leaf]).startswith(f"{leaf}:2: ")
    leaf = write(tmp_path, "a.yaml", "_BASE_: [b.yaml]\n")
    assert refusal(load_cfg, [leaf]).startswith(f"{leaf}:1: ")


def test_a_base_reached_twice_is_no_circle(tmp_path):
    base = write(tmp_path, "base.yaml", "NUM_GPUS: 4\n")
    files = [write(tmp_path, n, f"_BASE_: base.yaml\nTASK: {n}\n") for n in ("a.yaml", "b.yaml")]
    assert load_cfg([base, *files]).TASK == "b.yaml"


def test_later_files_and_then_overrides_win(tmp_path):
    first = write(tmp_path, "a.yaml", "NUM_GPUS: 4\nRNG_SEED: 5\nTASK: a\n")
    second = write(tmp_path, "b.yaml", "NUM_GPUS: 2\nRNG_SEED: 6\n")
    cfg = load_cfg([first, second], ["NUM_GPUS", "0", "NUM_GPUS", "1"])
    assert (cfg.NUM_GPUS, cfg.RNG_SEED, cfg.TASK) == (1, 6, "a")


def test_a_key_set_twice_in_one_file_takes_the_last_and_warns(tmp_path, caplog):
    path = write(tmp_path, "a.yaml", "RNG_SEED: 0\nNUM_GPUS: 1\nRNG_SEED: 2\n")
    assert load_cfg([path]).RNG_SEED == 2
    assert f"{path}:3: RNG_SEED is set twice" in caplog.text


def test_yaml_merge_keys_work_without_a_warning(tmp_path, caplog):
    text = "TRAIN: &both {BATCH_SIZE: 4, DATASET: ava}\nTEST: {<<: *both, BATCH_SIZE: 2}\n"
    cfg = load_cfg([write(tmp_path, "a.yaml", text)])
    assert (cfg.TEST.BATCH_SIZE, cfg.TEST.DATASET, cfg.TRAIN.BATCH_SIZE) == (2, "ava", 4)
    assert not caplog.text


def test_a_frozen_config_refuses_to_be_merged():
    cfg = get_cfg()
    cfg.freeze()
    assert "frozen" in refusal(cfg.merge_from_list, ["NUM_GPUS", "0"])


def test_merging_another_tree_copies_its_values():
    other = load_cfg([], ["NUM_GPUS", "0", "DATA.MEAN", "[0, 0, 0]"])
    cfg = get_cfg()
    cfg.merge_from_other_cfg(other)
    assert cfg == other
    assert cfg.DATA.MEAN is not other.DATA.MEAN


def test_text_that_is_no_config_cannot_become_a_tree():
    for text in ("[1]", "a: [", "!!python/name:os.system x"):
        refusal(type(get_cfg()).load_cfg, text)
