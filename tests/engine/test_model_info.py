import pytest

from slowfast.config import get_cfg
from slowfast.engine.model_info import model_info
from slowfast.tasks import build_task


def info(cfg):
    task = build_task(cfg)
    model = task.build_model()
    return model_info(model, *task.example(model))


@pytest.mark.parametrize(
    ("arch", "frames", "crop", "gmacs"),
    [
        ("r2plus1d_18", 16, 112, 40.5),  # torchvision's own figure
        ("avid_r2plus1d_18", 8, 224, 12.13),  # of the AVID release
        ("avid_r2plus1d_small", 8, 112, 5.38),
    ],
)
def test_costs_equal_the_published_ones(arch, frames, crop, gmacs):
    cfg = get_cfg()
    cfg.merge_from_list(["MODEL.MODEL_NAME", "VSSL", "MODEL.ARCH", arch])
    cfg.merge_from_list(["DATA.NUM_FRAMES", frames, "DATA.TRAIN_CROP_SIZE", crop])
    assert info(cfg).gmacs == pytest.approx(gmacs, rel=0.005)


def test_frozen_parameters_are_not_counted_as_learned():
    cfg = get_cfg()
    cfg.merge_from_list(["MODEL.MODEL_NAME", "VSSL", "MODEL.ARCH", "avid_r2plus1d_tiny"])
    cfg.merge_from_list(["MODEL.FREEZE", "backbone", "MODEL.NUM_CLASSES", 10])
    assert info(cfg).learned == 128 * 10 + 10
