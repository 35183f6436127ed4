"""What a config may not ask for, each case named by its key."""

import pytest

from slowfast.config import check_cfg, get_cfg, load_cfg
from slowfast.config.availability import NOT_YET
from slowfast.config.nodes import KEYS
from slowfast.utils.errors import ConfigError


def problems(*words):
    """Return the lines of the refusal of the defaults changed by ``words``."""
    with pytest.raises(ConfigError) as caught:
        check_cfg(load_cfg([], words))
    return str(caught.value).splitlines()


PLAIN_SGD = ("SOLVER.OPTIMIZING_METHOD", "sgd", "SOLVER.NESTEROV", "False")
FLOAT16 = ("TRAIN.MIXED_PRECISION", "True", "TRAIN.AMP_DTYPE", "float16")
STEPS = ("SOLVER.LR_POLICY", "steps_with_relative_lrs")
SOUND = ("AUDIO.ENABLE", "True", "DATA.TEMPORAL_SAMPLING", "duration")
ALONE = ("TEST.ENABLE", "False")
GRAPHS = ("MODEL.COMPILE", "True", "MODEL.COMPILE_MODE", "reduce-overhead")

# the key that the message must name, then the overrides
CONTRADICTIONS = [
    ("TRAIN.BATCH_SIZE", "NUM_GPUS", "3", "TEST.BATCH_SIZE", "9"),
    ("TEST.BATCH_SIZE", "NUM_GPUS", "4", "TEST.BATCH_SIZE", "9"),
    ("TRAIN.ACCUMULATION_STEPS", "TRAIN.ACCUMULATION_STEPS", "3"),
    ("TRAIN.ACCUMULATION_STEPS", "NUM_GPUS", "8", "TRAIN.ACCUMULATION_STEPS", "16"),
    ("TRAIN.ACCUMULATION_STEPS", *GRAPHS, "TRAIN.ACCUMULATION_STEPS", "2"),
    ("TRAIN.AMP_DTYPE", *FLOAT16, "NUM_GPUS", "0"),
    ("SOLVER.DAMPENING", *FLOAT16, *PLAIN_SGD, "NUM_GPUS", "1", "SOLVER.DAMPENING", "0.1"),
    ("DAMPENING", *FLOAT16[:2], *PLAIN_SGD, "NUM_GPUS", "1", "SOLVER.DAMPENING", "0.1"),
    ("SOLVER.STEPS", *STEPS, "SOLVER.STEPS", "[5, 10]", "SOLVER.LRS", "[1, 0.1]"),
    ("SOLVER.STEPS", *STEPS, "SOLVER.STEPS", "[0, 10, 5]", "SOLVER.LRS", "[1, 0.1, 0.01]"),
    ("SOLVER.STEPS", *STEPS, "SOLVER.STEPS", "[0, 5, 5]", "SOLVER.LRS", "[1, 0.1, 0.01]"),
    ("SOLVER.STEPS", *STEPS),
    ("SOLVER.LRS", *STEPS, "SOLVER.STEPS", "[0, 10]", "SOLVER.LRS", "[1]"),
    ("SOLVER.COSINE_END_LR", "SOLVER.COSINE_END_LR", "0.1"),
    ("SOLVER.WARMUP_EPOCHS", "SOLVER.WARMUP_EPOCHS", "301"),
    ("SOLVER.NESTEROV", "SOLVER.MOMENTUM", "0"),
    ("SOLVER.NESTEROV", "SOLVER.DAMPENING", "0.1"),
    ("SOLVER.BETAS", "SOLVER.OPTIMIZING_METHOD", "adam", "SOLVER.BETAS", "(0.9, 1)"),
    ("DATA.TRAIN_CROP_SIZE", "DATA.TRAIN_CROP_SIZE", "288"),
    ("DATA.TRAIN_CROP_SIZE", "DATA.RESIZE_SQUARE", "128", "DATA.TEST_CROP_SIZE", "112"),
    ("DATA.TEST_CROP_SIZE", "DATA.RESIZE_SQUARE", "224"),
    ("DATA.TRAIN_JITTER_SCALES", "DATA.TRAIN_JITTER_SCALES", "[320, 256]"),
    ("DATA.TRAIN_JITTER_SCALES", "DATA.TRAIN_JITTER_SCALES", "[]"),
    ("DATA.TRAIN_JITTER_SCALES_RELATIVE", "DATA.TRAIN_JITTER_SCALES_RELATIVE", "[1.0, 0.2]"),
    ("DATA.COLOR_JITTER", "DATA.COLOR_JITTER", "[0.4, 0.4, 0.4, 0.6]"),
    ("MODEL.INIT_METHOD", "MODEL.CKPT", "a.pth"),
    ("MODEL.INIT_METHOD", "MODEL.CKPT", "a.pth", "MODEL.INIT_METHOD", "Scratch"),
    ("MODEL.CKPT", "MODEL.INIT_METHOD", "avid"),
    ("MODEL.LOSS_FUNC", "DATA.MULTI_LABEL", "True"),
    ("TEST.NUM_ENSEMBLE_VIEWS", "TEST.NUM_ENSEMBLE_VIEWS", "0"),
    ("TEST.NUM_ENSEMBLE_VIEWS", *SOUND),
    ("TEST.NUM_SPATIAL_CROPS", *SOUND, "TEST.NUM_ENSEMBLE_VIEWS", "1"),
    ("DATA.TEMPORAL_SAMPLING", *SOUND, "DATA.TEMPORAL_SAMPLING", "stride"),
    ("BN.NUM_BATCHES_PRECISE", "BN.USE_PRECISE_STATS", "True", "BN.NUM_BATCHES_PRECISE", "0"),
    ("SHARD_ID", "SHARD_ID", "1"),
    ("TRAIN.BATCH_SIZE", *SOUND, "SSL.AVID.LOSS", "in_batch", "TRAIN.BATCH_SIZE", "1", *ALONE),
    ("TRAIN.DATASET", "TRAIN.DATASET", ""),
    ("OUTPUT_DIR", "OUTPUT_DIR", ""),
    ("DATA.CORRUPT_FRAMES", "DATA.DECODING_BACKEND", "torchcodec"),
    ("DATA.FILE_SUFFIX", "DATA.FILE_SUFFIX", "./x"),
    ("DATA.FILE_SUFFIX", "DATA.FILE_SUFFIX", "mp4"),
    ("DATA.PATH_LABEL_SEPARATOR", "DATA.PATH_LABEL_SEPARATOR", ""),
    ("RNG_SEED", "RNG_SEED", str(2**70)),
    ("RNG_SEED", "RNG_SEED", "9" * 400),
    ("DATA.TRAIN_CROP_SIZE", "DATA.TRAIN_CROP_SIZE", "1"),
    ("DATA.TEST_CROP_SIZE", "DATA.TEST_CROP_SIZE", "1000000"),
    ("DATA.NUM_FRAMES", "DATA.NUM_FRAMES", "1000000000"),
    ("DATA.CLIP_FPS", "DATA.CLIP_FPS", "1e-9"),
    ("DATA.INPUT_CHANNEL_NUM", "DATA.INPUT_CHANNEL_NUM", "[7]"),
    ("DATA_LOADER.NUM_WORKERS", "DATA_LOADER.NUM_WORKERS", "1000000"),
    ("DIST_TIMEOUT_SECONDS", "DIST_TIMEOUT_SECONDS", "1e300"),
]


def test_no_whole_number_of_any_key_exceeds_64_bits():
    for name, key in KEYS.items():
        if key.kind in ("int", "list[int]"):
            many = str(2**63) if key.kind == "int" else str([2**63] * max(key.length or 1, 1))
            assert any(name in line for line in problems(name, many)), name


@pytest.mark.parametrize("case", CONTRADICTIONS, ids=lambda case: " ".join(case[1:]))
def test_values_that_contradict_each_other_are_refused(case):
    key, *words = case
    assert any(key in line for line in problems(*words))


OUT_OF_RANGE = [
    ("NUM_GPUS", "-1"),
    ("DATA.NUM_FRAMES", "0"),
    ("DATA.FOLD", "0"),
    ("DATA.MAX_BAD_FRACTION", "1.5"),
    ("DATA.MEAN", "[0.5]"),
    ("DATA.STD", "[0.2, 0, 0.2]"),
    ("DATA.COLOR_JITTER", "[0.4]"),
    ("DATA.CLIP_FPS", "0"),
    ("DATA.TEMPORAL_SAMPLING", "random"),
    ("DATA.ENSEMBLE_METHOD", "mean"),
    ("AUDIO.DURATION", "0"),
    ("AUDIO.FFT_SIZE", "2"),
    ("AUDIO.PADDING", "zeros"),
    ("AUDIO.GAIN_JITTER", "1.5"),
    ("AUDIO.MISSING", "skip"),
    ("AUDIO.OFFSET", "random"),
    ("DATA_LOADER.NUM_WORKERS", "-1"),
    ("MODEL.DROPOUT_RATE", "-0.1"),
    ("MODEL.HEAD_ACT", "None"),
    ("MODEL.FREEZE", "head"),
    ("MODEL.NUM_CLASSES", "0"),
    ("SOLVER.BASE_LR", "nan"),
    ("SOLVER.BASE_LR", "inf"),
    ("SOLVER.LR_POLICY", "step"),
    ("SOLVER.OPTIMIZING_METHOD", "lamb"),
    ("SOLVER.MAX_EPOCH", "0"),
    ("SOLVER.BETAS", "(0.9, 1.5)"),
    ("TEST.ENSEMBLE_ON", "ranks"),
    ("TEST.BATCH_SIZE", "None"),
    ("TRAIN.AMP_DTYPE", "fp16"),
    ("TRAIN.EVAL_PERIOD", "-1"),
    ("BN.NORM_TYPE", "groupnorm"),
]


@pytest.mark.parametrize(("name", "word"), OUT_OF_RANGE)
def test_values_out_of_range_name_the_key_and_what_is_expected(name, word):
    (line,) = problems(name, word)
    assert line.startswith(f"{name} ") and "expected" in line
    assert KEYS[name].meaning in line


def test_a_wrong_type_assigned_in_code_is_refused():
    cfg = get_cfg()
    cfg.SOLVER.BASE_LR = "fast"
    with pytest.raises(ConfigError, match=r"SOLVER\.BASE_LR is 'fast' \(str\), expected float"):
        check_cfg(cfg)


def test_all_problems_are_named_at_once():
    lines = problems("NUM_GPUS", "3", "SOLVER.WARMUP_EPOCHS", "400", "MIXUP.ENABLE", "True")
    assert len(lines) == 4


@pytest.mark.parametrize(
    "words",
    [
        ("SOLVER.BASE_LR", "0", "SOLVER.STEPS", "[0]", "SOLVER.LRS", "[1]", *STEPS),
        ("DATA.TRAIN_JITTER_SCALES_RELATIVE", "[0.08, 1]", "DATA.TRAIN_CROP_SIZE", "500"),
        ("MODEL.CKPT", "a.pth", "MODEL.INIT_METHOD", "avid_cma"),
        ("MODEL.INIT_METHOD", "scratch"),
        ("NUM_GPUS", "0", "TRAIN.BATCH_SIZE", "6", "TRAIN.ACCUMULATION_STEPS", "3"),
        ("NUM_GPUS", "0", "TRAIN.MIXED_PRECISION", "true"),
        ("BN.NUM_SYNC_DEVICES", "None"),
        ("TRAIN.CHECKPOINT_TYPE", "caffe2"),
        ("TENSORBOARD.ENABLE", "true"),
        ("SOLVER.MOMENTUM", "0", "SOLVER.NESTEROV", "False"),
        # Files of PySlowFast: a step at the very end, and no colour jitter.
        (*STEPS, "SOLVER.STEPS", "[0, 44, 300]", "SOLVER.LRS", "[1, 0.1]"),
        ("AUG.COLOR_JITTER", "null"),
        # Keys of other networks.
        *(("RESNET.DEPTH", "18"), ("NONLOCAL.INSTANTIATION", "softmax"), ("SLOWFAST.ALPHA", "4")),
        *(("X3D.BN_LIN5", "True"), ("MVIT.REV.ENABLE", "True")),
    ],
)
def test_sound_configs_pass(words):
    check_cfg(load_cfg([], words))


SWITCHED_ON = {
    "AUG.NUM_SAMPLE": 2,
    "BN.NORM_TYPE": "sub_batchnorm",
    "DATA.IN22k_VAL_IN1K": "list.json",
    "DATA.LOADER_CHUNK_SIZE": 100,
    "DATA.PATH_TO_PRELOAD_IMDB": "imdb.json",
    "DATA.SKIP_ROWS": 1,
    "DATA.TIME_DIFF_PROB": 0.1,
    "DATA.TRAIN_CROP_NUM_SPATIAL": 2,
    "DATA.TRAIN_CROP_NUM_TEMPORAL": 2,
    "DATA.TRAIN_JITTER_FPS": 2.0,
    "MODEL.DROPCONNECT_RATE": 0.1,
    "NUM_SHARDS": 2,
    "SHARD_ID": 1,
    "SOLVER.LAYER_DECAY": 0.75,
    "SOLVER.OPTIMIZING_METHOD": "mt_adamw",
    "TENSORBOARD.PREDICTIONS_PATH": "preds.pkl",
    "TEST.NUM_ENSEMBLE_VIEWS": -1,
    "TEST.NUM_TEMPORAL_CLIPS": [1, 3],
    "TEST.SAVE_RESULTS_PATH": "results.pkl",
    "TRAIN.CHECKPOINT_CLEAR_NAME_PATTERN": ("backbone.",),
}


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_a_feature_that_is_not_here_yet_is_refused_by_name(name):
    value = SWITCHED_ON.get(name, True)
    lines = problems(name, value)
    (line,) = [line for line in lines if line.startswith(f"{name} is {value!r}")]
    assert NOT_YET[name][1] in line


def test_every_line_of_the_table_names_a_key_that_is_off_by_default():
    values = get_cfg().leaves()
    assert [name for name, (is_on, _) in NOT_YET.items() if is_on(values[name])] == []


@pytest.mark.parametrize("loop", ["TRAIN", "TEST"])
def test_caffe2_matters_only_with_a_checkpoint(loop):
    words = [f"{loop}.CHECKPOINT_TYPE", "caffe2"]
    check_cfg(load_cfg([], words))
    (line,) = problems(*words, f"{loop}.CHECKPOINT_FILE_PATH", "model.pkl")
    assert f"{loop}.CHECKPOINT_TYPE" in line
