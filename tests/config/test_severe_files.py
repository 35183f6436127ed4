"""SEVERE's AVA and Charades recipes: their schedules and what they share."""

from pathlib import Path

import pytest

from slowfast.checkpoint.formats import find_format
from slowfast.config import check_cfg, load_cfg
from slowfast.engine.lr_policy import Schedule

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
METHODS = (
    *("scratch", "selavi", "moco", "video_moco", "pretext_contrast", "rspnet", "avid_cma"),
    *("ctp", "tclr", "gdt", "supervised"),
)
RECIPES = {
    "ava": "AVA/VSSL/32x2_112x112_R18_v2.2_{}.yaml",
    "charades": "Charades/VSSL/32x8_112x112_R18_{}.yaml",
}


def load(recipe, method):
    return load_cfg([CONFIGS / RECIPES[recipe].format(method)])


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_learning_rate_is_the_recorded_one(recipe, recorded):
    schedule = Schedule.from_cfg(load(recipe, "scratch").SOLVER)
    for epoch, rate in recorded("severe/sampling.json")[f"lr_{recipe}"]:
        assert schedule(epoch) == pytest.approx(rate, rel=1e-9), epoch


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_files_differ_in_the_checkpoint_alone(recipe, method):
    cfg, scratch = load(recipe, method), load(recipe, "scratch")
    check_cfg(cfg)
    ours, theirs = cfg.leaves(), scratch.leaves()
    differ = {key for key in ours if ours[key] != theirs[key]}
    assert differ <= {"MODEL.INIT_METHOD", "MODEL.CKPT", "OUTPUT_DIR"}
    if method != "scratch":
        assert find_format(cfg.MODEL.INIT_METHOD)[0] == method
        assert cfg.MODEL.CKPT.startswith("checkpoints_pretraining/")


def test_the_recipes_have_the_published_numbers():
    ava, charades = load("ava", "gdt"), load("charades", "gdt")
    assert (ava.TRAIN.BATCH_SIZE, ava.SOLVER.WEIGHT_DECAY, ava.SOLVER.MAX_EPOCH) == (64, 1e-7, 20)
    assert (ava.MODEL.NUM_CLASSES, ava.AVA.DETECTION_SCORE_THRESH) == (80, 0.9)
    assert (charades.TRAIN.BATCH_SIZE, charades.SOLVER.WEIGHT_DECAY) == (16, 1e-4)
    assert (charades.TEST.NUM_ENSEMBLE_VIEWS, charades.TEST.NUM_SPATIAL_CROPS) == (10, 3)
    assert charades.DATA.INV_UNIFORM_SAMPLE and charades.DATA.ENSEMBLE_METHOD == "max"
    assert charades.BN.USE_PRECISE_STATS and charades.BN.NORM_TYPE == "sync_batchnorm"
