"""The files of STiCA: the published crops for 30 and 60 frames, averaged or with attention."""

from pathlib import Path

import pytest
import torch

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.datasets.audio import build_audio_features
from slowfast.models.build import build_model
from slowfast.ssl.base import build_ssl_model
from slowfast.utils.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted((CONFIGS / "main/stica/kinetics").glob("*.yaml"))


def load(path, *words):
    return assert_and_infer_cfg(load_cfg([path], words))


def build(cfg):
    with torch.device("meta"):
        return build_ssl_model(cfg, [])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_builds_what_its_name_says(path):
    cfg = load(path)
    model = build(cfg)
    space, time = model.families
    assert (space.large, space.small, time.large, time.small) == (2, 4, 2, 1)
    assert space.windows == (6, 4)
    long = path.stem.startswith("60f")
    assert time.windows == ((6, 4) if long else (3, 2))
    assert cfg.DATA.NUM_FRAMES == (60 if long else 30)
    assert build_audio_features(cfg.AUDIO).output_shape == (1, 257, 199 if long else 99)
    assert model.build_view_plan(cfg).cuts == 2
    # 312 entries with averages and 336 with two layers, less 2 of the unused classifier.
    layers = 2 if "transformer" in path.stem else 0
    assert len(model.state_dict()) == 310 + 12 * layers
    assert cfg.OUTPUT_DIR.endswith(path.stem)


def test_the_recipe_is_the_published_one():
    cfg = load(FILES[0])
    data, solver, node = cfg.DATA, cfg.SOLVER, cfg.SSL.STICA
    assert data.TRAIN_JITTER_SCALES_RELATIVE == [0.14, 1.0]
    assert (data.COLOR_JITTER, data.COLOR_JITTER_PROB) == ([0.4, 0.4, 0.4, 0.0], 0.8)
    assert (cfg.AUDIO.SPEC_AUGMENT, cfg.AUDIO.NORM_STATS) == ("none", "")
    assert (solver.BASE_LR, solver.WARMUP_EPOCHS, solver.WARMUP_START_LR) == (0.64, 10, 0.01)
    assert (solver.MAX_EPOCH, solver.WEIGHT_DECAY, solver.NESTEROV) == (151, 1e-5, False)
    assert (node.TEMPERATURE, node.CROSS_TEMPERATURE, node.CROSS_MODAL_WEIGHT) == (0.5, 0.1, 0.5)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("SSL.STICA.LARGE_CROPS", "5"), r"LARGE_CROPS 5: a window of 6 has 4 positions"),
        (("SSL.STICA.LARGE_TIME_CROPS", "0"), r"SMALL_TIME_CROPS 1: .* raise LARGE_TIME_CROPS"),
        (("DATA.NUM_FRAMES", "16"), r"TIME_WINDOWS \[3, 2\]: the feature map has 2 x 7 x 7"),
        (
            ("SSL.STICA.LARGE_CROPS", "1", "SSL.STICA.SMALL_CROPS", "0")
            + ("SSL.STICA.LARGE_TIME_CROPS", "0", "SSL.STICA.SMALL_TIME_CROPS", "0"),
            "no pair of crops to compare",
        ),
    ],
)
def test_impossible_crops_are_refused(words, problem):
    with pytest.raises(ConfigError, match=problem):
        build(load(CONFIGS / "main/stica/kinetics/30f-gap-2L4S-2TL1TS.yaml", *words))


@pytest.mark.parametrize("dataset", ["ucf", "hmdb51"])
def test_fine_tuning_keeps_two_layers(dataset):
    with torch.device("meta"):
        network = build_model(load(CONFIGS / f"benchmark/{dataset}/stica-32.yaml"))
    assert len(network.pooling.layers) == 2
