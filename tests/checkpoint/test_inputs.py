"""Inputs that belong to a checkpoint: compared with the config, or followed."""

import logging

import pytest
import torch

from slowfast.checkpoint.inputs import follow_checkpoint, warn_of_other_inputs
from slowfast.checkpoint.report import ImportReport
from slowfast.config import get_cfg
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import CheckpointError, ConfigError


@pytest.fixture
def cfg(tmp_path):
    cfg = get_cfg()
    cfg.OUTPUT_DIR = str(tmp_path)
    cfg.DATA.TRAIN_CROP_SIZE = cfg.DATA.TEST_CROP_SIZE = 112
    cfg.DATA.TRAIN_JITTER_SCALES = [128, 160]
    cfg.MODEL.MODEL_NAME, cfg.TRAIN.DATASET, cfg.TEST.DATASET = "VSSL", "ucf101", "ucf101"
    cfg.MODEL.INIT_METHOD, cfg.MODEL.CKPT = "TCLR", str(tmp_path / "a.pth")
    return cfg


@pytest.fixture
def warnings_of(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("slowfast"), "propagate", True)

    def call(function, cfg):
        caplog.clear()
        function(cfg)
        return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

    return call


def run_file(path, data: str):
    state = {
        f"backbone.{k}": v for k, v in build_backbone("avid_r2plus1d_tiny").state_dict().items()
    }
    torch.save({"model_state": state, "cfg": data}, path)


def test_other_inputs_are_named_in_one_warning(cfg, warnings_of):
    (found,) = warnings_of(warn_of_other_inputs, cfg)
    assert "DATA.MEAN [0.0, 0.0, 0.0] there, [0.45, 0.45, 0.45] here" in found
    assert "DATA.REVERSE_INPUT_CHANNEL True there, False here" in found
    assert "CROP" not in found
    assert found.endswith("DATA.FOLLOW_CHECKPOINT True takes them.")


def test_following_sets_them_and_silences_the_warning(cfg, warnings_of):
    cfg.DATA.FOLLOW_CHECKPOINT = True
    assert warnings_of(follow_checkpoint, cfg) == []
    assert cfg.DATA.MEAN == [0.0] * 3 and cfg.DATA.STD == [1.0] * 3
    assert cfg.DATA.REVERSE_INPUT_CHANNEL is True
    assert warnings_of(warn_of_other_inputs, cfg) == []
    cfg.DATA.FOLLOW_CHECKPOINT = False
    assert warnings_of(warn_of_other_inputs, cfg) == []


def test_a_larger_crop_keeps_its_share_of_the_picture(cfg):
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.MODEL.INIT_METHOD = True, "avid_release"
    follow_checkpoint(cfg)
    assert cfg.DATA.TRAIN_CROP_SIZE == cfg.DATA.TEST_CROP_SIZE == 224
    assert cfg.DATA.TRAIN_JITTER_SCALES == [256, 320]


def test_a_smaller_crop_keeps_its_share_of_the_picture_too(cfg):
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.MODEL.INIT_METHOD = True, "moco"
    cfg.DATA.TRAIN_CROP_SIZE, cfg.DATA.TRAIN_JITTER_SCALES = 224, [256, 320]
    follow_checkpoint(cfg)
    assert cfg.DATA.TRAIN_JITTER_SCALES == [128, 160]


def test_blue_first_may_be_said_by_avas_own_key(cfg, warnings_of):
    cfg.DETECTION.ENABLE = cfg.AVA.BGR = True
    (found,) = warnings_of(warn_of_other_inputs, cfg)
    assert "REVERSE_INPUT_CHANNEL" not in found
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.MODEL.INIT_METHOD = True, "moco"
    follow_checkpoint(cfg)
    assert not cfg.AVA.BGR and not cfg.DATA.REVERSE_INPUT_CHANNEL


def test_a_file_that_is_gone_is_no_reason_to_warn(cfg, warnings_of):
    cfg.MODEL.INIT_METHOD, cfg.MODEL.CKPT = "auto", "gone.pth"
    assert warnings_of(warn_of_other_inputs, cfg) == []


def test_what_does_not_fit_the_other_crop_is_an_error(cfg):
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.DATA.RESIZE_SQUARE = True, 112
    cfg.MODEL.INIT_METHOD = "avid_release"
    with pytest.raises(ConfigError, match=r"TRAIN_CROP_SIZE 224 exceeds DATA\.RESIZE_SQUARE"):
        follow_checkpoint(cfg)


def test_a_run_hands_on_the_inputs_of_its_config(cfg, warnings_of):
    cfg.MODEL.INIT_METHOD = "auto"
    data = "MEAN: [0.1, 0.2, 0.3], STD: [1, 1, 1], REVERSE_INPUT_CHANNEL: False"
    run_file(cfg.MODEL.CKPT, f"DATA: {{{data}, TRAIN_CROP_SIZE: 64}}")
    (found,) = warnings_of(warn_of_other_inputs, cfg)
    assert "DATA.MEAN [0.1, 0.2, 0.3] there" in found
    cfg.DATA.FOLLOW_CHECKPOINT = True
    follow_checkpoint(cfg)
    assert cfg.DATA.MEAN == [0.1, 0.2, 0.3] and cfg.DATA.TEST_CROP_SIZE == 64


def test_a_resumed_run_follows_without_the_file(cfg, tmp_path):
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.MODEL.INIT_METHOD = True, "slowfast"
    with pytest.raises(CheckpointError, match="no such"):
        follow_checkpoint(cfg)
    inputs = {"mean": [0.3] * 3, "std": [1.0] * 3, "reverse_channels": False, "crop": 96}
    ImportReport(inputs=inputs).save(tmp_path)
    follow_checkpoint(cfg)
    assert cfg.DATA.MEAN == [0.3] * 3 and cfg.DATA.TRAIN_CROP_SIZE == 96


def test_nothing_to_follow_is_said(cfg, warnings_of):
    cfg.DATA.FOLLOW_CHECKPOINT, cfg.MODEL.INIT_METHOD, cfg.MODEL.CKPT = True, "scratch", None
    (found,) = warnings_of(follow_checkpoint, cfg)
    assert "scratch says nothing about inputs" in found


def test_reversed_channels_of_a_charades_file_are_red_first_there_and_here(cfg, warnings_of):
    cfg.DATA.MULTI_LABEL = cfg.DATA.REVERSE_INPUT_CHANNEL = True
    (found,) = warnings_of(warn_of_other_inputs, cfg)
    assert "DATA.REVERSE_INPUT_CHANNEL True there, False here" in found
