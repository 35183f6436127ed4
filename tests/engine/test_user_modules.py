"""A network and a method from outside the package, named by a config, train and resume."""

import json
import sys

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file

from .conftest import ROOT, run_process

MODULE = '''
"""Frames alone: every file is a class, told by a linear layer."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from slowfast.config import CfgNode
from slowfast.config.defaults import _C
from slowfast.models.backbones import BACKBONES, build_backbone
from slowfast.models.heads.pooling import global_pool
from slowfast.ssl.base import SSL_METHODS, SSLModel

_C.EXEMPLAR = CfgNode({"SMOOTHING": 0.0})


@BACKBONES.register
class OneLayer(nn.Module):
    feature_dim, strides, pooling = 8, (1, 4, 4), "avg"

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv3d(3, 8, (1, 4, 4), stride=(1, 4, 4))

    def forward(self, clip):
        return self.layer(clip)


@SSL_METHODS.register
class Exemplar(SSLModel):
    modalities: ClassVar[tuple[str, ...]] = ("video",)

    def __init__(self, backbone, count, smoothing):
        super().__init__()
        self.backbone, self.smoothing = backbone, smoothing
        self.classifier = nn.Linear(backbone.feature_dim, count)
        self.register_buffer("epochs", torch.tensor(0))

    @classmethod
    def from_cfg(cls, cfg, items):
        return cls(build_backbone(cfg.MODEL.ARCH), len(items), cfg.EXEMPLAR.SMOOTHING)

    def parts(self):
        return {"video_backbone": self.backbone}

    def embed(self, batch):
        return {"video": global_pool(self.backbone(batch["video"][0]), "avg")}

    def forward(self, batch):
        scores = self.classifier(self.embed(batch)["video"]).float()
        loss = F.cross_entropy(scores, batch["index"], label_smoothing=self.smoothing)
        return {"exemplar": loss}, {}

    def on_epoch_start(self, epoch):
        self.epochs += 1
        return {"epochs_begun": float(self.epochs)}
'''
CONFIG = """
_BASE_: {base}
IMPORTS: [user_method]
MODEL: {{MODEL_NAME: Exemplar, ARCH: OneLayer}}
EXEMPLAR: {{SMOOTHING: 0.1}}
AUDIO: {{ENABLE: False}}
"""
OF_AUDIO = ("SSL.", "AUDIO.")


def test_a_config_and_a_module_beside_it_are_enough(pretrain_overrides, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/user_method.py").write_text(MODULE)
    config = tmp_path / "mine/run.yaml"
    config.write_text(CONFIG.format(base=ROOT / "configs/demo/avid.yaml"))
    pairs = zip(pretrain_overrides[::2], pretrain_overrides[1::2], strict=True)
    words = [w for key, value in pairs if not key.startswith(OF_AUDIO) for w in (key, value)]
    folder = tmp_path / "run"
    words += ["TEST.ENABLE", "False", "OUTPUT_DIR", str(folder)]
    call = [sys.executable, str(ROOT / "tools/run_net.py"), "--cfg", str(config), *words]
    assert (done := run_process([*call, "SOLVER.MAX_EPOCH", "1"], 120)).returncode == 0, done.stdout
    done = run_process(call, 120)
    assert done.returncode == 0 and "Resuming from" in done.stdout, done.stdout
    rows = [json.loads(row) for row in (folder / "stats.jsonl").read_text().splitlines()]
    begun = [row["epochs_begun"] for row in rows if row["_type"] == "epoch_start"]
    assert begun == [1.0, 2.0]
    assert [row["_type"] for row in rows].count("train_epoch") == 2
    content = load_checkpoint_file(CheckpointStore(folder / "checkpoints").files()[-1])
    assert content["model_state"]["epochs"] == 2
    refused = run_process([*call, "OUTPUT_DIR", str(tmp_path / "b"), "AUDIO.DURATION", "1.0"], 120)
    assert refused.returncode == 1 and "reads AUDIO.DURATION 1.0" in refused.stdout
