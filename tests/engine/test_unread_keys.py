"""Keys that a run would not read are refused by name, before its first step."""

import pytest

from slowfast.config.nodes import KEYS
from slowfast.engine.run import main

from .conftest import ROOT

RECOGNITION, AVID = (str(ROOT / f"configs/demo/{name}.yaml") for name in ("recognition", "avid"))
OF_RECOGNITION = """
    SSL.CHECKPOINT a.pyth           SSL.CHECKPOINT_PARTS weights    SSL.PROJECTION [64]
    SSL.AVID.CROSS 2.0              SSL.AVID.LOSS nce               SSL.AVID.TEMPERATURE 0.1
    SSL.CMA.NUM_POSITIVES 8         SSL.CMA.AGREEMENT union         AUDIO.DURATION 1.0
    AUDIO.ARCH avid_conv2d_10       AUDIO.MISSING zero              AUDIO.SAMPLE_RATE 8000
    AVA.BGR True                    AVA.FRAME_LIST_DIR lists        AVA.DETECTION_SCORE_THRESH 0.5
    DETECTION.ALIGNED False         DETECTION.ROI_XFORM_RESOLUTION 5
    SOLVER.GAMMA 0.2                SOLVER.STEP_SIZE 3              DATA.DECODING_SHORT_SIZE 128
    BENCHMARK.NUM_EPOCHS 2          MIXUP.ALPHA 0.5                 AUG.RE_PROB 0.5
    RESNET.DEPTH 101                X3D.WIDTH_FACTOR 2.0            MVIT.DEPTH 24
    NONLOCAL.LOCATION [[[1]]]       SLOWFAST.BETA_INV 4             MULTIGRID.BN_BASE_SIZE 4
    BN.NUM_SPLITS 2                 TENSORBOARD.LOG_DIR board       MVIT.NUM_HEADS 2
    MVIT.DROPOUT_RATE 0.5           BN.NUM_BATCHES_PRECISE 3        TRAIN.CLASSIFIER_WARMUP_LR 0.1
"""
OF_AVID = """
    MODEL.CKPT a.pyth               MODEL.DROPOUT_RATE 0.9          MODEL.HEAD_NORM batchnorm
    MODEL.HEAD_ACT sigmoid          MODEL.FC_INIT orthogonal        SSL.CMA.NUM_POSITIVES 8
    SSL.CMA.REFRESH_EPOCHS 2        SSL.CMA.NUM_NEGATIVES_WITHIN 4  TRAIN.CHECKPOINT_EPOCH_RESET True
    TRAIN.CLASSIFIER_WARMUP_LR 0.1  DATA.ENSEMBLE_METHOD max        SSL.CHECKPOINT_PARTS weights
"""


def pairs(table: str) -> list[str]:
    words = table.split()
    assert set(words[::2]) <= set(KEYS), set(words[::2]) - set(KEYS)
    return words


@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["dry run", "run"])
def test_thirty_keys_that_recognition_does_not_read(dry, overrides, tmp_path, capfd):
    words = pairs(OF_RECOGNITION)
    assert len(words) >= 60
    run = [*overrides, *words, *dry, "OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--cfg", RECOGNITION, *run]) == 1
    error = capfd.readouterr().err
    assert [key for key in words[::2] if f"{key} " not in error] == []
    assert "SOLVER.BASE_LR" not in error and "Traceback" not in error
    assert not list(tmp_path.rglob("checkpoint_*"))


def test_keys_that_avid_does_not_read(pretrain_overrides, tmp_path, capfd):
    words = [*pairs(OF_AVID), "MODEL.INIT_METHOD", "auto"]
    run = [*pretrain_overrides, *words, "OUTPUT_DIR", str(tmp_path)]
    assert main(["--cfg", AVID, *run]) == 1
    error = capfd.readouterr().err
    assert [key for key in words[::2] if f"{key} " not in error] == []


def test_a_resumed_run_takes_the_command_of_its_start(overrides, tmp_path):
    words = ["SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.0", "OUTPUT_DIR", str(tmp_path)]
    words += ["TRAIN.CHECKPOINT_INFLATE", "False", "TEST.ENABLE", "False"]
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 0
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 0


def test_keys_of_files_are_named_in_one_warning(overrides, tmp_path, capfd):
    path = tmp_path / "more.yaml"
    path.write_text("SOLVER: {GAMMA: 0.2, MAX_EPOCH: 1}\nAVA: {BGR: True}\n")
    run = ["--dry-run", *overrides, "OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--cfg", RECOGNITION, str(path), *run]) == 0
    out = capfd.readouterr().out
    (line,) = [line for line in out.splitlines() if "nothing in this run reads" in line]
    assert "SOLVER.GAMMA" in line and "AVA.BGR" in line
