"""The files of configs/: all load, and those of pretraining say what was published."""

import re
from pathlib import Path

import pytest
import torch

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.config.yaml_file import BASE_KEY, read_entries
from slowfast.datasets.audio import SpectrogramStats
from slowfast.datasets.build import DATASET_REGISTRY, build_windows
from slowfast.datasets.items import ItemTable
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.engine.lr_policy import get_lr_at_epoch
from slowfast.engine.optimizer import get_param_groups
from slowfast.models.backbones import BACKBONES
from slowfast.models.build import MODEL_REGISTRY
from slowfast.ssl.base import SSL_METHODS, build_ssl_model

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(
    path.relative_to(CONFIGS).with_suffix("").as_posix() for path in CONFIGS.rglob("*.yaml")
)
MAIN = [name for name in FILES if name.startswith("main/")]
RUNS = [name for name in MAIN if name.startswith("main/avid") and "/base/" not in name]

SMALL = "main/avid/r2plus1d-small/audioset-100k"
ABLATION = "main/avid-cma/r2plus1d/kinetics/NL-NCE-SelfX-N1024-PosW3-SelfConsensus-N64-Top32-Iter5"
RELEASED = "InstX-N1024-PosW-N64-Top32"

# dataset, batch of one machine, clips per file and epoch
KINETICS = ("kinetics", 256, 10)
AUDIOSET = ("audioset", 160, 5)
AUDIOSET_100K = ("audioset", 256, 4)
# weights across and within modalities
CROSS, JOINT, SELF = (1, 0), (0.5, 0.5), (0, 1)
NON_LINEAR, LINEAR = [512, 512, 128], [128]

# file: data, epochs, learning rate, weights, head
AVID = {
    "main/avid/kinetics/Cross-N1024": (KINETICS, 30, 2e-4, CROSS, NON_LINEAR),
    "main/avid/audioset/Cross-N1024": (AUDIOSET, 40, 5e-4, CROSS, NON_LINEAR),
    "main/avid/r2plus1d/kinetics/Cross-N1024": (KINETICS, 30, 2e-4, CROSS, LINEAR),
    "main/avid/r2plus1d/kinetics/Cross-N1024-NL": (KINETICS, 30, 2e-4, CROSS, NON_LINEAR),
    "main/avid/r2plus1d/audioset/Cross-N1024": (AUDIOSET, 42, 5e-4, CROSS, LINEAR),
    "main/avid/r2plus1d/audioset/Cross-N1024-NL": (AUDIOSET, 42, 5e-4, CROSS, NON_LINEAR),
    f"{SMALL}/Cross-N1024": (AUDIOSET_100K, 100, 1e-4, CROSS, LINEAR),
    f"{SMALL}/Cross-N1024-NL": (AUDIOSET_100K, 102, 1e-4, CROSS, NON_LINEAR),
    f"{SMALL}/Joint-N1024": (AUDIOSET_100K, 100, 1e-4, JOINT, LINEAR),
    f"{SMALL}/Joint-N1024-NL": (AUDIOSET_100K, 100, 1e-4, JOINT, NON_LINEAR),
    f"{SMALL}/Self-N1024": (AUDIOSET_100K, 100, 1e-4, SELF, LINEAR),
    f"{SMALL}/Self-N1024-NL": (AUDIOSET_100K, 100, 1e-4, SELF, NON_LINEAR),
}
# file: data, epochs, rate, weight of positives, epochs between searches, AVID run in main/
CMA = {
    f"main/avid-cma/kinetics/{RELEASED}": (KINETICS, 20, 2e-4, 1, 5, "avid/kinetics/Cross-N1024"),
    f"main/avid-cma/audioset/{RELEASED}": (AUDIOSET, 40, 1e-4, 1, 10, "avid/audioset/Cross-N1024"),
    ABLATION: (KINETICS, 20, 2e-4, 3, 5, "avid/r2plus1d/kinetics/Cross-N1024-NL"),
}
PASSES = {
    "main/avid/kinetics/Cross-N1024": 300,
    "main/avid/audioset/Cross-N1024": 200,
    "main/avid/r2plus1d/audioset/Cross-N1024-NL": 210,
    f"{SMALL}/Cross-N1024": 400,
    f"main/avid-cma/kinetics/{RELEASED}": 200,
    f"main/avid-cma/audioset/{RELEASED}": 200,
    ABLATION: 200,
}
# Parameters of both encoders with their heads.
SIZES = {
    "main/avid/kinetics/Cross-N1024": 21_286_784,
    "main/avid/r2plus1d/kinetics/Cross-N1024": 20_236_160,
    f"{SMALL}/Joint-N1024-NL": 12_923_264,
    ABLATION: 21_286_784,
}


def path_of(name):
    return CONFIGS / f"{name}.yaml"


def load(name, *words):
    return assert_and_infer_cfg(load_cfg([path_of(name)], words))


def data_of(cfg):
    return cfg.TRAIN.DATASET, cfg.TRAIN.BATCH_SIZE, cfg.DATA.TRAIN_CLIPS_PER_VIDEO


def lines_of(name):
    text = path_of(name).read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", FILES)
def test_every_file_loads_and_names_what_exists(name):
    cfg = load(name)
    assert cfg.TRAIN.DATASET in DATASET_REGISTRY
    assert cfg.TEST.DATASET in DATASET_REGISTRY
    assert cfg.MODEL.MODEL_NAME in (SSL_METHODS if cfg.TASK == "pretrain" else MODEL_REGISTRY)
    assert cfg.MODEL.ARCH in BACKBONES


def test_every_published_name_is_here():
    assert sorted([*AVID, *CMA]) == RUNS


@pytest.mark.parametrize("name", AVID)
def test_avid_files_have_the_published_numbers(name):
    data, epochs, rate, weights, head = AVID[name]
    cfg = load(name)
    assert (cfg.TASK, cfg.MODEL.MODEL_NAME, data_of(cfg)) == ("pretrain", "AVID", data)
    assert (cfg.SOLVER.MAX_EPOCH, cfg.SOLVER.BASE_LR) == (epochs, rate)
    assert cfg.SSL.PROJECTION == head
    assert (cfg.SSL.AVID.CROSS, cfg.SSL.AVID.WITHIN) == weights
    assert cfg.SSL.CHECKPOINT == ""


@pytest.mark.parametrize("name", CMA)
def test_cma_files_have_the_published_numbers(name):
    data, epochs, rate, weight, refresh, _ = CMA[name]
    cfg = load(name)
    assert (cfg.TASK, cfg.MODEL.MODEL_NAME, data_of(cfg)) == ("pretrain", "AVID_CMA", data)
    assert (cfg.SOLVER.MAX_EPOCH, cfg.SOLVER.BASE_LR) == (epochs, rate)
    assert cfg.SSL.PROJECTION == NON_LINEAR
    cma = cfg.SSL.CMA
    assert (cma.AGREEMENT, cma.NUM_POSITIVES, cma.NUM_NEGATIVES_WITHIN) == ("consensus", 32, 64)
    assert (cma.INSTANCE_CROSS, cma.INSTANCE_WITHIN) == (1, 0)
    assert (cma.POSITIVE_CROSS, cma.POSITIVE_WITHIN) == (0, weight)
    assert cma.REFRESH_EPOCHS == refresh
    assert not cma.LEGACY


@pytest.mark.parametrize("name", RUNS)
def test_files_share_the_rest_of_the_recipe(name):
    cfg = load(name)
    avid, solver, data, audio = cfg.SSL.AVID, cfg.SOLVER, cfg.DATA, cfg.AUDIO
    assert (avid.LOSS, avid.NUM_NEGATIVES, avid.TEMPERATURE) == ("nce", 1024, 0.07)
    assert avid.MOMENTUM == [0.5]
    assert (solver.OPTIMIZING_METHOD, solver.BETAS) == ("adam", (0.9, 0.999))
    assert (solver.WARMUP_EPOCHS, cfg.TRAIN.EVAL_PERIOD) == (0, 1)
    assert (data.TEMPORAL_SAMPLING, data.NUM_FRAMES, data.CLIP_FPS) == ("duration", 8, 16)
    assert data.COLOR_JITTER == [0.4, 0.4, 0.4, 0.2]
    assert (data.MEAN, data.STD) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert (audio.SAMPLE_RATE, audio.DURATION, audio.GAIN_JITTER) == (24000, 2, 0.1)
    assert (audio.PADDING, audio.MISSING) == ("reflect", "drop")
    windows = build_windows(cfg)
    assert (windows.video_seconds, windows.audio_seconds) == (0.5, 2)
    assert (windows.offset, windows.max_offset) == ("original", 0.5)
    assert not cfg.TEST.ENABLE
    assert (cfg.TEST.NUM_ENSEMBLE_VIEWS, cfg.TEST.NUM_SPATIAL_CROPS) == (1, 1)
    assert not cfg.TRAIN.MIXED_PRECISION


@pytest.mark.parametrize("name", RUNS)
def test_size_of_pictures_spectrogram_and_networks(name):
    cfg = load(name)
    small = name.startswith(SMALL)
    side, shorter, fft, fps = (112, 128, 512, 50) if small else (224, 256, 1024, 100)
    train, test = TrainGeometry.from_cfg(cfg.DATA), TestGeometry.from_cfg(cfg.DATA, 1)
    assert (train.crop_size, train.area, train.antialias) == (side, (0.08, 1.0), True)
    assert train.aspect == pytest.approx((3 / 4, 4 / 3), abs=1e-4)
    assert (test.crop_size, test.short_side) == (side, shorter)
    assert (cfg.AUDIO.FFT_SIZE, cfg.AUDIO.FRAMES_PER_SECOND) == (fft, fps)
    assert SpectrogramStats.load(cfg.AUDIO.NORM_STATS, sample_rate=24000, fft_size=fft)
    networks = ("small", "small") if small else ("18", "10")
    assert (cfg.MODEL.ARCH, cfg.AUDIO.ARCH) == (
        f"avid_r2plus1d_{networks[0]}",
        f"avid_conv2d_{networks[1]}",
    )
    assert cfg.AUDIOSET.TRAIN_SUBSET == f"unbalanced_train{'-100k' if small else ''}"
    assert cfg.AUDIOSET.EVAL_SUBSET == "eval"


@pytest.mark.parametrize("name", RUNS)
def test_rates_are_constant_but_for_the_small_network(name):
    cfg = load(name)
    last = get_lr_at_epoch(cfg, cfg.SOLVER.MAX_EPOCH - 1)
    base = cfg.SOLVER.BASE_LR
    assert get_lr_at_epoch(cfg, 0) == get_lr_at_epoch(cfg, min(74.9, cfg.SOLVER.MAX_EPOCH)) == base
    assert last == pytest.approx(base / 10 if name.startswith(SMALL) else base)


@pytest.mark.parametrize("name", PASSES)
def test_passes_over_the_files(name):
    cfg = load(name)
    assert cfg.SOLVER.MAX_EPOCH * cfg.DATA.TRAIN_CLIPS_PER_VIDEO == PASSES[name]


@pytest.mark.parametrize("name", [*CMA, "demo/avid_cma"])
def test_cma_starts_from_an_avid_run_that_fits(name):
    cfg = load(name)
    starts = {Path(load(avid).OUTPUT_DIR): avid for avid in [*AVID, "demo/avid"]}
    checkpoint = Path(cfg.SSL.CHECKPOINT)
    folder = next(part for part in (checkpoint, *checkpoint.parents) if part in starts)
    before = load(starts[folder])
    if name in CMA:
        assert starts[folder] == f"main/{CMA[name][-1]}"
    assert cfg.SSL.CHECKPOINT_PARTS == "all"
    for key in ("DATA", "AUDIOSET", "AUDIO"):  # the banks belong to the files of the AVID run
        assert cfg[key] == before[key]
    assert (cfg.MODEL.ARCH, cfg.SSL.PROJECTION) == (before.MODEL.ARCH, before.SSL.PROJECTION)
    assert cfg.TRAIN.DATASET == before.TRAIN.DATASET


def test_the_ablation_starts_from_an_epoch_that_its_avid_run_keeps():
    cfg, before = load(ABLATION), load(f"main/{CMA[ABLATION][-1]}")
    path = Path(cfg.SSL.CHECKPOINT)
    assert path.parent == Path(before.OUTPUT_DIR) / "checkpoints"
    assert path.name == "checkpoint_epoch_00020.pyth"
    assert (20 % before.TRAIN.CHECKPOINT_PERIOD, before.TRAIN.CHECKPOINT_KEEP_LAST) == (0, 0)


def test_the_overrides_in_the_comments_of_the_ablation_exist():
    comments = [line for line in path_of(ABLATION).read_text().splitlines() if line[0] == "#"]
    pairs = re.findall(r"(SSL\.[A-Z_.]+) ([^\s,;:]+(?:,\d+)*\]?)", "\n".join(comments))
    assert len(pairs) > 10
    for key, value in pairs:
        load(ABLATION, key, value.rstrip("."))


@pytest.mark.parametrize("name", RUNS)
def test_runs_are_a_few_lines_write_where_their_file_lies_and_share_batches_by_eight_gpus(name):
    assert load(name, "NUM_GPUS", 8).OUTPUT_DIR == f"outputs/{name}"
    assert len(lines_of(name)) <= 15


@pytest.mark.parametrize("name", [*MAIN, "demo/avid_cma"])
def test_no_line_repeats_what_the_base_says(name):
    entries = read_entries(path_of(name))
    own = [entry for entry in entries if Path(entry.where.rpartition(":")[0]) == path_of(name)]
    above = {entry.name: entry.value for entry in entries[: len(entries) - len(own)]}
    assert own and BASE_KEY not in above
    assert [entry.name for entry in own if above.get(entry.name) == entry.value] == []


def videos():
    return ItemTable([f"{k}.mp4" for k in range(100)], [-1] * 100, [], "a list")


@pytest.mark.parametrize("name", SIZES)
def test_models_have_the_published_size(name):
    with torch.device("meta"):
        model = build_ssl_model(load(name), videos())
    # The banks are no parameters: nothing but the update rule changes them.
    assert sum(p.numel() for p in model.parameters()) == SIZES[name]
    banks = {name: tuple(b.shape) for name, b in model.criterion.named_buffers() if b.ndim == 2}
    positives = {"positives": (100, 32)} if name in CMA else {}
    assert banks == {"video_bank.rows": (100, 128), "audio_bank.rows": (100, 128), **positives}


def test_every_parameter_decays_as_published():
    cfg = load("main/avid/kinetics/Cross-N1024")
    with torch.device("meta"):
        groups = get_param_groups(build_ssl_model(cfg, videos()), cfg)
    assert {group["weight_decay"] for group in groups} == {1e-5}
    counted = sum(p.numel() for group in groups for p in group["params"])
    assert counted == SIZES["main/avid/kinetics/Cross-N1024"]
