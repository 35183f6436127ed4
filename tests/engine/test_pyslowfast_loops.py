"""Loops and dataset classes that were written for PySlowFast, on real media."""

import pytest
import torch

from slowfast.datasets.build import DATASET_REGISTRY, build_dataset, read_items
from slowfast.datasets.loader import construct_loader, shuffle_dataset
from slowfast.datasets.sample import SampleKey
from slowfast.datasets.views import ViewPlan
from slowfast.engine.cli import main
from slowfast.evaluation.predictions import load_predictions
from slowfast.models.build import build_model
from slowfast.tasks.detection import Detection
from slowfast.utils.errors import ConfigError
from slowfast.utils.meters import AVAMeter, TestMeter

from .conftest import ROOT, results_of


@pytest.fixture
def cfg(tiny_cfg):
    tiny_cfg.MODEL.NUM_CLASSES = 8
    return tiny_cfg


def data_cfg(cfg, world, **keys):
    words = {
        "DATA.PATH_TO_DATA_DIR": world / "ucf101/ucfTrainTestlist",
        "DATA.PATH_PREFIX": world / "videos",
        "TRAIN.DATASET": "ucf101",
        "TEST.DATASET": "ucf101",
        "TRAIN.BATCH_SIZE": 4,
        "TEST.BATCH_SIZE": 4,
        "TEST.NUM_ENSEMBLE_VIEWS": 2,
        "TEST.NUM_SPATIAL_CROPS": 1,
        "DATA_LOADER.NUM_WORKERS": 0,
        "DATA.TEST_CROP_SIZE": 32,
        **keys,
    }
    cfg.merge_from_list([word for key, value in words.items() for word in (key, str(value))])
    return cfg


def test_batches_unpack_as_an_own_loop_expects(cfg, demo_world):
    cfg = data_cfg(cfg, demo_world)
    loader = construct_loader(cfg, "train", is_precise_bn=True)
    orders = []
    for epoch in (0, 1):
        shuffle_dataset(loader, epoch)
        orders.append(torch.cat([index for _, _, index, _, _ in loader]).tolist())
    assert orders[0] != orders[1]
    (clips,), labels, index, time, meta = next(iter(loader))
    assert clips.shape == (4, 3, 8, 32, 32) and clips.dtype == torch.float32
    assert clips.min() < 0 and labels.tolist() == loader.dataset.items.labels[index].tolist()
    assert (time[:, 1] > time[:, 0]).all() and meta == {}


def test_a_test_loop_of_ones_own_joins_clips_by_their_numbers(cfg, demo_world):
    cfg = data_cfg(cfg, demo_world)
    loader = construct_loader(cfg, "test")
    model = build_model(cfg).eval()
    meter = TestMeter(len(loader.dataset), 2, 8, len(loader))
    labels_of = loader.dataset.items.labels
    for (clips,), labels, index, _, _ in loader:
        assert labels.tolist() == labels_of[index // 2].tolist()
        with torch.no_grad():
            meter.update_stats(model([clips]), labels, index)
    assert set(meter.finalize_metrics()) == {"split", "top1_acc", "top5_acc"}


def test_two_pathways_come_as_a_list(cfg, demo_world):
    cfg.MODEL.ARCH, cfg.SLOWFAST.ALPHA = "slowfast", 4
    (slow, fast), *_ = next(iter(construct_loader(data_cfg(cfg, demo_world), "val")))
    assert (slow.shape[2], fast.shape[2]) == (2, 8)


def test_a_detection_loop_of_ones_own_measures_the_map(cfg, places):
    cfg.merge_from_file(str(ROOT / "configs/demo/ava.yaml"))
    cfg.merge_from_list([*places, "TEST.BATCH_SIZE", "1", "NUM_GPUS", "0"])
    loader = construct_loader(cfg, "val")
    meter = AVAMeter(len(loader), cfg, "val")
    for k, (_, labels, _, _, meta) in enumerate(loader):
        meter.iter_tic()
        shape = (len(labels), 5)
        assert meta["boxes"].shape == meta["ori_boxes"].shape == shape
        assert meta["ori_boxes"][:, 1:].max() <= 1 and meta["metadata"].shape == (len(labels), 2)
        meter.update_stats(labels, meta["ori_boxes"], meta["metadata"])
        meter.iter_toc()
        meter.log_iter_stats(0, k)
    meter.log_epoch_stats(0)
    # The same scores by our own evaluator.
    evaluator = Detection(cfg).evaluator(loader.dataset)
    for batch in loader.loader:
        scores = batch["box_label"].numpy()
        rows = {key: batch[key].numpy() for key in ("index", "valid", "box_index")}
        evaluator.update({**rows, "scores": scores})
    assert 0 < 100 * meter.full_map == pytest.approx(evaluator.compute()["map"])


class OwnClips(torch.utils.data.Dataset):
    """A dataset class as public code has it: random clips, two of each test video."""

    def __init__(self, cfg, mode):
        self.cfg, self.mode = cfg, mode
        self._labels = [k % 2 for k in range(8) for _ in range(2 if mode == "test" else 1)]

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, index):
        label = self._labels[index]
        clip = torch.full((3, 8, 32, 32), float(label)) + 0.1 * torch.randn(3, 8, 32, 32)
        return [clip], label, index, 0, {}


@pytest.fixture
def own_clips(monkeypatch):
    for name in ("_objects", "_by_lower"):
        monkeypatch.setattr(DATASET_REGISTRY, name, dict(getattr(DATASET_REGISTRY, name)))
    return DATASET_REGISTRY.register()(OwnClips)


def own_words(tmp_path, **keys):
    words = {
        "TASK": "recognition",
        "TRAIN.DATASET": "ownclips",
        "TEST.DATASET": "ownclips",
        "TEST.NUM_ENSEMBLE_VIEWS": 2,
        "TEST.NUM_SPATIAL_CROPS": 1,
        "SOLVER.MAX_EPOCH": 2,
        "TRAIN.BATCH_SIZE": 4,
        "OUTPUT_DIR": tmp_path / "own",
        **keys,
    }
    return [word for key, value in words.items() for word in (key, str(value))]


def test_a_dataset_class_of_ones_own_trains_and_is_tested(own_clips, tmp_path):
    words = own_words(tmp_path)
    assert main(["--cfg", str(ROOT / "configs/demo/recognition.yaml"), *words]) == 0
    found = results_of(tmp_path / "own")["test"]
    assert found["num_videos"] == 8
    assert len(load_predictions(tmp_path / "own/predictions/test.npz")["path"]) == 8


def test_samples_of_a_dataset_class_depend_on_their_place_alone(own_clips, cfg):
    cfg.TEST.NUM_ENSEMBLE_VIEWS, cfg.TEST.NUM_SPATIAL_CROPS = 2, 1
    state = torch.get_rng_state()
    one, two = (build_dataset("ownclips", cfg, "train") for _ in range(2))
    key = SampleKey(0, 3, 5)
    assert torch.equal(one[key]["video"], two[key]["video"])
    assert not torch.equal(one[key]["video"], one[SampleKey(1, 3, 5)]["video"])
    assert torch.equal(state, torch.get_rng_state())
    assert build_dataset("ownclips", cfg, "test")[0]["video"].shape == (2, 3, 8, 32, 32)


def test_what_a_dataset_class_cannot_do_is_refused(own_clips, cfg):
    with pytest.raises(ConfigError, match="a class that reads its files by itself"):
        read_items(cfg, "train", "ownclips")
    with pytest.raises(ConfigError, match="gives one clip per item of train"):
        build_dataset("ownclips", cfg, "train", plan=ViewPlan(2))
    with pytest.raises(ConfigError, match="not whole videos of 30 clips"):
        build_dataset("ownclips", cfg, "test")
    cfg.AUDIO.ENABLE = True
    with pytest.raises(ConfigError, match="gives frames only"):
        build_dataset("ownclips", cfg, "train")
