"""What programs built on PySlowFast do with this package."""

import pytest
import torch

import slowfast.utils.checkpoint as cu
from slowfast.models.build import build_model
from slowfast.models.optimizer import construct_optimizer
from slowfast.utils import misc
from slowfast.utils.errors import CheckpointError, ConfigError
from slowfast.utils.parser import load_config, parse_args


@pytest.fixture
def cfg(tiny_cfg):
    return tiny_cfg


def test_a_model_takes_a_plain_tensor(cfg):
    model, clip = build_model(cfg).eval(), torch.randn(2, 3, 8, 32, 32)
    assert torch.equal(model(clip), model([clip]))


def test_networks_that_are_not_included_are_named(cfg):
    cfg.MODEL.MODEL_NAME = "SlowFast"
    with pytest.raises(
        ConfigError, match=r"SlowFast, ResNet, X3D.* not included. Take one of VSSL"
    ):
        build_model(cfg)


def test_the_command_line_has_what_programs_ask_for(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("NUM_GPUS: 0\n")
    args = parse_args(["--cfg", str(path), "SOLVER.BASE_LR", "0.5"])
    assert (args.shard_id, args.num_shards, args.init_method) == (0, 1, "tcp://localhost:9999")
    assert (args.cfg_files, args.opts) == ([str(path)], ["SOLVER.BASE_LR", "0.5"])
    assert load_config(args, args.cfg_files[0]).SOLVER.BASE_LR == 0.5


def test_an_own_training_loop_saves_and_resumes(cfg, tmp_path):
    model = build_model(cfg)
    optimizer = construct_optimizer(model, cfg)
    model(torch.randn(2, 3, 8, 32, 32)).sum().backward()
    optimizer.step()
    assert cu.load_train_checkpoint(cfg, model, optimizer) == 0
    assert not cu.has_checkpoint(cfg.OUTPUT_DIR)
    path = cu.save_checkpoint(cfg.OUTPUT_DIR, model, optimizer, 3, cfg)
    assert cu.has_checkpoint(cfg.OUTPUT_DIR)
    assert path == cu.get_path_to_checkpoint(cfg.OUTPUT_DIR, 4) == cu.get_last_checkpoint(tmp_path)
    other = build_model(cfg)
    momentum = construct_optimizer(other, cfg)
    assert cu.load_train_checkpoint(cfg, torch.nn.DataParallel(other), momentum) == 4
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
    assert len(momentum.state_dict()["state"]) == len(optimizer.state_dict()["state"]) > 0
    assert cu.load_checkpoint(path, other, data_parallel=False, optimizer=momentum) == 3
    assert cu.load_checkpoint(path, other, epoch_reset=True) == -1
    cu.load_test_checkpoint(cfg, other)
    with pytest.raises(CheckpointError, match="Caffe2"):
        cu.load_checkpoint(path, other, convert_from_caffe2=True)


def test_epochs_with_checkpoints_and_evaluations(cfg):
    cfg.SOLVER.MAX_EPOCH, cfg.TRAIN.CHECKPOINT_PERIOD, cfg.TRAIN.EVAL_PERIOD = 7, 3, 2
    assert [e for e in range(7) if cu.is_checkpoint_epoch(cfg, e)] == [2, 5, 6]
    assert [e for e in range(7) if misc.is_eval_epoch(cfg, e)] == [1, 3, 5, 6]


def test_jobs_are_launched_and_models_described(cfg, caplog):
    seen = []
    misc.launch_job(cfg=cfg, init_method="tcp://localhost:9999", func=seen.append)
    assert seen == [cfg]
    model = build_model(cfg)
    with caplog.at_level("INFO"):
        misc.log_model_info(model, cfg)
    assert "GMAC per clip" in caplog.text
    assert misc.params_count(model) == sum(p.numel() for p in model.parameters())
    assert misc.params_count(model, ignore_bn=True) < misc.params_count(model)
