"""The files of GDT: nine hypotheses over one base, as published."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.datasets.audio import build_audio_features
from slowfast.datasets.build import build_windows
from slowfast.engine.optimizer import get_param_groups
from slowfast.ssl.base import SSL_METHODS, build_ssl_model
from slowfast.ssl.transformations import HYPOTHESES

FOLDER = Path(__file__).parents[2] / "configs/main/gdt/kinetics"
FILES = sorted(FOLDER.glob("*.yaml"))
HOWTO = sorted(FOLDER.with_name("ht100m").glob("*.yaml"))


def load(path, *words):
    return assert_and_infer_cfg(load_cfg([path], words))


def test_there_is_a_file_for_each_hypothesis_by_number_and_name():
    names = [f"{k}_{hypothesis.name}" for k, hypothesis in enumerate(HYPOTHESES, 1)]
    assert [path.stem for path in FILES] == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_builds_the_model_and_the_views_of_its_hypothesis(path):
    cfg = load(path)
    with torch.device("meta"):
        model = build_ssl_model(cfg, [])
    wanted = HYPOTHESES[int(path.stem[0]) - 1]
    assert model.hypothesis == wanted
    assert model.build_view_plan(cfg).count == len(wanted.views)
    assert (model.temperature, model.negatives, model.key_gradient) == (0.07, "clean", False)
    assert cfg.OUTPUT_DIR.endswith(path.stem)
    weights = sum(p.numel() for p in model.parameters())
    assert weights == 37_501_637 - 513_000  # the unused classifier


def test_the_recipe_is_the_published_one():
    cfg = load(FILES[0])
    data, solver, audio = cfg.DATA, cfg.SOLVER, cfg.AUDIO
    assert (data.TEMPORAL_SAMPLING, data.NUM_FRAMES, data.SAMPLING_RATE) == ("linspace", 30, 1)
    assert (data.TARGET_FPS, data.TRAIN_CROP_SIZE) == (30, 112)
    assert data.TRAIN_JITTER_SCALES == [128, 160]
    assert (data.MEAN, data.STD) == ([0.45] * 3, [0.225] * 3)
    assert (data.COLOR_JITTER, data.COLOR_JITTER_PROB) == ([0.4, 0.4, 0.4, 0.0], 1.0)
    assert (audio.SAMPLE_RATE, audio.GAIN_JITTER, audio.SPEC_AUGMENT) == (24000, 0.1, "medium")
    assert build_audio_features(audio).output_shape == (1, 40, 99)
    windows = build_windows(cfg)
    assert (windows.video_seconds, windows.audio_seconds, windows.with_clip) == (1, 1, True)
    assert (cfg.SSL.HEAD, cfg.SSL.DROPOUT, cfg.SSL.PROJECTION) == ("batchnorm", 0.3, [512, 256])
    assert (solver.OPTIMIZING_METHOD, solver.MOMENTUM, solver.NESTEROV) == ("sgd", 0.9, False)
    assert (solver.MAX_EPOCH, cfg.BN.NORM_TYPE) == (201, "sync_batchnorm")
    with torch.device("meta"):
        groups = get_param_groups(build_ssl_model(cfg, []), cfg)
    assert {group["weight_decay"] for group in groups} == {1e-5}


def test_steps_replace_the_hypothesis_and_the_starts_can_be_kept_apart():
    words = ("SSL.GDT.STEPS", "[shift=variant]", "SSL.GDT.SHIFT_DISTANCE", "[0.5, 2.0]")
    plan = SSL_METHODS.get("GDT").build_view_plan(load(FILES[2], *words))
    assert (plan.starts, plan.reverse, plan.distance) == (2, False, (0.5, 2.0))


@pytest.fixture
def vectors(tmp_path):
    """Keys of a small table of word vectors, for what needs one."""
    np.save(tmp_path / "dict.npy", np.array([f"w{k}" for k in range(9)]))
    torch.save(torch.zeros(10, 300), tmp_path / "word2vec.pth")
    return ("TEXT.VECTORS", str(tmp_path / "word2vec.pth"))


def test_the_same_hypotheses_stand_for_howto100m():
    assert [path.name for path in HOWTO] == [path.name for path in FILES]


@pytest.mark.parametrize("path", HOWTO, ids=lambda path: path.stem)
def test_a_file_of_howto100m_builds_its_model(path, vectors):
    cfg = load(path, *vectors)
    with torch.device("meta"):
        model = build_ssl_model(cfg, [])
    assert model.hypothesis == HYPOTHESES[int(path.stem[0]) - 1]
    assert model.modalities == ("video", "text")
    assert cfg.OUTPUT_DIR == f"outputs/main/gdt/ht100m/{path.stem}"
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learned == 33_491_997
    assert model.encoder.text_backbone.embedding.weight.numel() == 3000


def test_the_recipe_of_howto100m_is_the_published_one():
    cfg = load(HOWTO[0])
    data, text = cfg.DATA, cfg.TEXT
    assert (data.TEMPORAL_SAMPLING, data.NUM_FRAMES, data.CLIP_FPS) == ("duration", 30, 16.0)
    assert (data.MEAN, data.STD, data.RANDOM_FLIP) == ([0.0] * 3, [1.0] * 3, False)
    assert (data.TRAIN_JITTER_SCALES, data.TRAIN_CROP_SIZE) == ([112, 112], 112)
    assert data.COLOR_JITTER == [0.0] * 4 and not cfg.AUDIO.ENABLE
    assert (text.WINDOW, text.MAX_WORDS, text.CASE, text.FEATURE_DIM) == (4.0, 20, "keep", 2048)
    assert (cfg.TRAIN.BATCH_SIZE, cfg.SOLVER.MAX_EPOCH) == (96, 201)
    assert (cfg.SSL.HEAD, cfg.SSL.PROJECTION) == ("batchnorm", [512, 256])
    assert cfg.SSL.GDT.TEMPERATURE == 0.07


def test_no_file_counts_the_channels_of_frames_which_nothing_reads():
    files = FOLDER.parents[2].rglob("*.yaml")
    assert not [path for path in files if "INPUT_CHANNEL_NUM" in path.read_text()]
