"""The table of models knows every model, whoever asks first."""

import subprocess
import sys

import pytest

from slowfast.config import load_cfg
from slowfast.models.build import build_model
from slowfast.tasks.build import build_task
from slowfast.utils.errors import ConfigError

PROGRAM = "from slowfast.models.build import MODEL_REGISTRY as m; print(*m)"


def test_self_supervised_methods_are_models_too():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert {"VSSL", "AVID", "AVID_CMA"} <= set(done.stdout.split())


def test_they_are_built_without_a_list_but_do_not_recognise(tmp_path):
    words = ["MODEL.MODEL_NAME", "AVID", "MODEL.ARCH", "avid_r2plus1d_tiny"]
    assert type(build_model(load_cfg([], words))).__name__ == "AVID"
    words += ["MODEL.LOSS_FUNC", "cross_entropy"]
    with pytest.raises(ConfigError, match="AVID is a self-supervised method: set TASK pretrain"):
        build_task(load_cfg([], words)).build_model()
