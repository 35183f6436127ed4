"""Loaders from a config: the same batches with and without workers."""

import threading
from multiprocessing import queues

import numpy as np
import pytest
import torch
from PIL import Image

from slowfast.config import get_cfg, load_cfg
from slowfast.datasets import build_dataset
from slowfast.datasets import loader as module
from slowfast.datasets.build import read_items
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.loader import build_loader, shuffle_dataset
from slowfast.utils.errors import AnnotationError, ConfigError, TrainingError


@pytest.fixture
def cfg(tmp_path, media_factory):
    lines = [f"{media_factory(shade=k % 4)} {k % 3}" for k in range(7)]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"<html>")
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.csv").write_text("\n".join([*lines, f"{broken} 1"]))
    words = {
        "DATA.PATH_TO_DATA_DIR": tmp_path,
        "DATA.NUM_FRAMES": 4,
        "DATA.SAMPLING_RATE": 4,
        "DATA.TRAIN_JITTER_SCALES": [40, 48],
        "DATA.TRAIN_CROP_SIZE": 32,
        "DATA.TEST_CROP_SIZE": 32,
        "DATA.COLOR_JITTER": [0.4, 0.4, 0.4, 0.1],
        "TRAIN.BATCH_SIZE": 4,
        "TEST.BATCH_SIZE": 6,
        "TEST.NUM_ENSEMBLE_VIEWS": 2,
        "TEST.NUM_SPATIAL_CROPS": 1,
        "MODEL.NUM_CLASSES": 3,
        "NUM_GPUS": 0,
    }
    return load_cfg([], [word for key, value in words.items() for word in (key, str(value))])


def batches_of(cfg, split, workers):
    cfg.DATA_LOADER.NUM_WORKERS = workers
    loader = build_loader(cfg, build_dataset("kinetics", cfg, split))
    shuffle_dataset(loader, 1)
    return list(loader)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_workers_do_not_change_batches(cfg, split):
    alone, shared = batches_of(cfg, split, 0), batches_of(cfg, split, 2)
    assert len(alone) == len(shared) > 0
    for one, two in zip(alone, shared, strict=True):
        assert one.keys() == two.keys()
        for key, value in one.items():
            if key == "failures":
                assert [tuple(failure) for failure in value] == [tuple(f) for f in two[key]]
            else:
                assert torch.equal(value, two[key]), key


def test_openings_with_several_clips_make_batches_like_any_other(cfg):
    cfg.merge_from_list(["DATA.TRAIN_CLIPS_PER_VIDEO", 6, "DATA.CLIPS_PER_OPEN", 3])
    alone, shared = batches_of(cfg, "train", 0), batches_of(cfg, "train", 2)
    assert len(alone) == len(shared) == 8 // 4 * 6
    for one, two in zip(alone, shared, strict=True):
        assert one["video"].shape == (4, 1, 3, 4, 32, 32)
        assert torch.equal(one["video"], two["video"]) and torch.equal(one["index"], two["index"])


def test_evaluation_covers_every_file_once_and_marks_the_bad_one(cfg):
    batches = batches_of(cfg, "test", 0)
    assert sorted(torch.cat([batch["index"] for batch in batches]).tolist()) == list(range(8))
    valid = torch.cat([batch["valid"] for batch in batches])
    assert valid.tolist() == [True] * 7 + [False]
    assert batches[0]["video"].shape == (3, 2, 3, 4, 32, 32)
    (failure,) = [failure for batch in batches for failure in batch["failures"]]
    assert failure[0].endswith("broken.mp4")


class Lost(ClipDataset):
    """Its second batch cannot be sent to the main process."""

    def __init__(self, dataset):
        self.__dict__.update(dataset.__dict__)

    def __getitem__(self, key):
        queues.Queue._on_queue_feeder_error = staticmethod(lambda error, batch: None)
        sample = super().__getitem__(key)
        return {**sample, "failures": [threading.Lock()]} if key.position > 3 else sample


def test_a_batch_that_gets_lost_is_not_waited_for(cfg, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.2)
    cfg.DATA_LOADER.NUM_WORKERS = 1
    loader = build_loader(cfg, Lost(build_dataset("kinetics", cfg, "train")))
    with pytest.raises(TrainingError, match=r"No batch has come for 0\.5 s"):
        list(loader)


def test_workers_that_wait_for_an_epoch_end_when_the_loader_is_closed(cfg):
    cfg.DATA_LOADER.NUM_WORKERS = 2
    loader = build_loader(cfg, build_dataset("kinetics", cfg, "train"))
    for _ in loader:
        pass
    workers = loader._iterator._workers
    assert all(worker.is_alive() for worker in workers)
    loader.close()
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_epochs_differ(cfg):
    loader = build_loader(cfg, build_dataset("kinetics", cfg, "train"))
    orders = []
    for epoch in (0, 1):
        shuffle_dataset(loader, epoch)
        orders.append(torch.cat([batch["index"] for batch in loader]).tolist())
    assert orders[0] != orders[1]


def test_missing_files_are_refused_at_construction_but_not_in_the_raw_list(cfg, tmp_path):
    with (tmp_path / "train.csv").open("a") as file:
        file.write("\nmissing.mp4 0\n")
    with pytest.raises(AnnotationError, match=r"missing\.mp4"):
        build_dataset("kinetics", cfg, "train")
    assert len(read_items(cfg, "train")) == 9


def test_unknown_datasets_are_refused_with_a_suggestion(cfg):
    with pytest.raises(ConfigError, match="'kinetics'"):
        build_dataset("kinetcs", cfg, "train")
    cfg.TEST.DATASET = "ucf1o1"
    with pytest.raises(ConfigError, match=r"TEST.DATASET.*'ucf101'"):
        read_items(cfg, "test")


def test_folders_of_frames_are_read_at_their_own_rate(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    for k in range(30):
        Image.fromarray(np.full((40, 40, 3), 8 * k, np.uint8)).save(folder / f"{k:03d}.png")
    (tmp_path / "val.csv").write_text("video 0\n")
    cfg = get_cfg()
    cfg.DATA.PATH_TO_DATA_DIR, cfg.DATA.PATH_PREFIX = str(tmp_path), str(tmp_path)
    cfg.DATA.TEMPORAL_SAMPLING, cfg.DATA.NUM_FRAMES, cfg.DATA.CLIP_FPS = "duration", 4, 5.0
    cfg.DATA.TEST_CROP_SIZE, cfg.DATA.TRAIN_JITTER_SCALES = 40, [40, 40]
    cfg.DATA.FRAME_FOLDER_FPS = 10.0
    clip = build_dataset("kinetics", cfg, "val")[0]["video"][0, 0, :, 0, 0]
    assert ((clip[1:].int() - clip[:-1].int()) == 16).all()  # every second frame
