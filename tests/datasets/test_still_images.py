"""Still images as clips: the recorded boxes, the crops themselves, and the list of SUN397."""

import numpy as np
import pytest
import torch
from oracles.media_files import write_scenes
from torchvision.transforms.v2 import functional as F

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.datasets.build import build_dataset
from slowfast.datasets.lists.sun397 import read_sun397
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.datasets.transforms.moving_crops import moving_boxes, moving_crops, usual_size
from slowfast.datasets.views import ViewPlan
from slowfast.utils.errors import AnnotationError, ConfigError


def test_boxes_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/ken_burns.json")["cases"]:
        rng = np.random.RandomState(case["np_seed"])
        boxes = moving_boxes(*case["image_hw"], 112, 16, lambda a, b, r=rng: r.randint(a, b))
        wanted = [[top, left, high] for top, left, high, _ in case["boxes_top_left_h_w"]]
        assert boxes.tolist() == wanted


@pytest.mark.parametrize(
    ("height", "width", "wanted"),
    [
        (200, 300, (200, 300)),
        (86, 100, (172, 200)),
        (100, 150, (172, 258)),
        (1024, 2048, (512, 1024)),
        (512, 900, (512, 900)),
    ],
)
def test_images_are_brought_to_a_size_with_room_to_move(height, width, wanted):
    assert usual_size(torch.zeros(3, height, width), 112).shape[-2:] == wanted


def test_a_clip_wanders_over_its_image():
    ramp = torch.arange(300.0).expand(200, 300)
    image = torch.stack([ramp, torch.arange(200.0)[:, None].expand(200, 300), ramp]).byte()
    for seed in range(5):
        clip = moving_crops(image, 112, 16, np.random.default_rng(seed))
        assert clip.shape == (16, 3, 112, 112) and clip.dtype == torch.uint8
        rng = np.random.default_rng(seed)
        boxes = moving_boxes(200, 300, 112, 16, lambda a, b, r=rng: int(r.integers(a, b)))
        assert (boxes[:, 0] + boxes[:, 2] <= 200).all() and (boxes[:, 1] + boxes[:, 2] <= 300).all()
        for frame, (top, left, side) in zip(clip, boxes.tolist(), strict=True):
            cut = image[:, top : top + side, left : left + side]
            torch.testing.assert_close(frame, F.resize(cut, [112, 112], antialias=True))


@pytest.fixture
def sun(tmp_path):
    """Three classes of two images each, one of them a class that is left out."""
    names = ["/a/abbey", "/c/car_interior/frontseat", "/b/barndoor"]
    write_scenes(tmp_path, tmp_path, names, 2)
    return tmp_path


def test_classes_are_read_in_order_with_their_images(sun):
    items = read_sun397(sun, sun)
    assert items.class_names == ["abbey", "car_interior/frontseat"]
    assert items.labels.tolist() == [0, 0, 1, 1]
    assert items.paths[2].endswith("c/car_interior/frontseat/sun_0.png")
    assert len(items.check_files().subset([1, 3])) == 2


def test_wrong_lists_are_one_message(sun):
    (sun / "ClassName.txt").write_text("/a/abbey\nabbey\n")
    with pytest.raises(AnnotationError, match=r"line 2: expected a class such as /a/abbey"):
        read_sun397(sun, sun)
    (sun / "ClassName.txt").write_text("/a/alley\n")
    with pytest.raises(AnnotationError, match=r"a/alley: no image of the class alley"):
        read_sun397(sun, sun)


def config(sun, *words):
    keys = ["DATA.PATH_TO_DATA_DIR", str(sun), "DATA.PATH_PREFIX", str(sun)]
    keys += ["TRAIN.DATASET", "sun397", "DATA.STILL_IMAGES", "True", "DATA.TRAIN_CROP_SIZE", "32"]
    return assert_and_infer_cfg(load_cfg([], [*keys, *words]))


def test_a_sample_is_a_moving_clip_and_grey_images_have_three_channels(sun):
    dataset = build_dataset("sun397", config(sun), "train")
    for row in range(4):
        sample = dataset[row]
        assert sample["video"].shape == (1, 3, 8, 32, 32) and sample["label"] == row // 2
        assert (sample["video"][:, :, 0] != sample["video"][:, :, -1]).any()
        assert torch.equal(sample["video"], dataset[row]["video"])


def test_a_damaged_image_is_replaced(sun):
    (sun / "a/abbey/sun_0.png").write_bytes(b"no image")
    sample = build_dataset("sun397", config(sun), "train")[0]
    assert sample["index"] != 0 and "sun_0.png" in sample["failures"][0][0]


def test_there_is_nothing_to_validate_on(sun):
    with pytest.raises(MissingListError, match=r"TRAIN\.EVAL_PERIOD 0"):
        build_dataset("sun397", config(sun), "val")


def test_cuts_do_not_go_with_still_images(sun):
    with pytest.raises(ConfigError, match="STILL_IMAGES"):
        build_dataset("sun397", config(sun), "train", plan=ViewPlan(cuts=2))
