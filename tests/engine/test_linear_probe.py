"""The linear probe on frozen layers, trained on clips, against the one on cached features."""

import numpy as np
import pytest
import torch

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.engine.run import main
from slowfast.evaluation.predictions import load_predictions
from slowfast.models.build import build_model
from slowfast.tasks.build import build_task

from .conftest import ROOT, results_of

DEMO = str(ROOT / "configs/demo/recognition.yaml")
FEATURES = "[video.conv3x:max2,video]"
CONFIGS = sorted((ROOT / "configs/benchmark").rglob("8*-linear*.yaml"))


@pytest.fixture(scope="module")
def words(overrides):
    """Clips without any draw: the whole video, the whole frame."""
    return [
        *overrides,
        *("DATA.RANDOM_FLIP", "False", "DATA.RESIZE_SQUARE", "32", "DATA.CLIP_FPS", "2.0"),
        *("DATA.TRAIN_JITTER_SCALES_RELATIVE", "[]", "DATA.TRAIN_JITTER_ASPECT_RELATIVE", "[]"),
        *("TEST.NUM_ENSEMBLE_VIEWS", "1", "PROBE.FEATURES", FEATURES),
    ]


@pytest.fixture(scope="module")
def end_to_end(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("linear probe")
    keys = [
        *("TASK", "linear_probe", "MODEL.MODEL_NAME", "FrozenProbe", "SOLVER.BASE_LR", "0.01"),
        *("SOLVER.WARMUP_EPOCHS", "0.0", "SOLVER.WEIGHT_DECAY", "0.0", "SOLVER.MAX_EPOCH", "5"),
        *("OUTPUT_DIR", str(folder)),
    ]
    assert main(["--cfg", DEMO, *words, *keys]) == 0
    return folder


def test_parameters_and_statistics_of_the_network_are_bit_identical(end_to_end, words):
    (last,) = sorted((end_to_end / "checkpoints").glob("*0005*"))[-1:]
    state = torch.load(last, weights_only=True)["model_state"]
    torch.manual_seed(load_cfg([DEMO]).RNG_SEED)
    keys = ["MODEL.MODEL_NAME", "FrozenProbe"]
    fresh = build_model(load_cfg([DEMO], [*words, *keys])).state_dict()
    moved = {name for name in state if not torch.equal(state[name], fresh[name])}
    assert moved and all(name.startswith("head.") for name in moved)
    assert any("running_mean" in name for name in state if name.startswith("backbone."))


def test_every_layer_is_measured(end_to_end):
    found = results_of(end_to_end)
    test = found["test"]
    assert test["top1_acc"] == test["top1_acc@video.conv3x:max2"] and "top1_acc@video" in test
    assert found["protocol"]["classifier"] == "video.conv3x:max2"
    saved = load_predictions(end_to_end / "predictions/test.npz")
    assert saved["scores"].shape == (16, 8)


def test_cached_features_give_the_same_probe(end_to_end, words, tmp_path):
    keys = [
        *("TASK", "probes", "TRAIN.ENABLE", "False", "PROBE.KINDS", "[linear]"),
        *("PROBE.LRS", "[0.01]", "PROBE.DECAYS", "[0.0]", "PROBE.EPOCHS", "5"),
        *("PROBE.BATCH_SIZE", "8", "OUTPUT_DIR", str(tmp_path)),
    ]
    drop = {"SOLVER.MAX_EPOCH", "TRAIN.BATCH_SIZE"}
    pairs = zip(words[::2], words[1::2], strict=True)
    kept = [word for pair in pairs if pair[0] not in drop for word in pair]
    assert main(["--cfg", DEMO, *kept, *keys]) == 0
    slow, fast = (results_of(folder)["test"] for folder in (end_to_end, tmp_path))
    for key in ("top1_acc@video", "top1_acc@video.conv3x:max2"):
        assert fast[key] == pytest.approx(slow[key], abs=0.1)
    slow, fast = (
        load_predictions(folder / "predictions/test.npz")["scores"]
        for folder in (end_to_end, tmp_path)
    )
    np.testing.assert_allclose(fast, slow, atol=1e-4)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_published_probes_build(path):
    cfg = assert_and_infer_cfg(load_cfg([path], ["NUM_GPUS", "0"]))
    model = build_task(cfg).build_model()
    sizes = [head.weights[0].shape for head in model.head]
    classes = cfg.MODEL.NUM_CLASSES
    assert [tuple(s) for s in sizes] == [(d, classes) for d in (8192, 9216, 8192, 9216)]
    assert not any(p.requires_grad for p in model.backbone.parameters())
    assert not model.train().backbone.training


def test_a_feature_that_cannot_be_trained_on_is_refused(words, capsys, tmp_path):
    keys = ["TASK", "linear_probe", "MODEL.MODEL_NAME", "FrozenProbe", "OUTPUT_DIR", str(tmp_path)]
    assert main(["--cfg", DEMO, *words, *keys, "PROBE.FEATURES", "[video:map]"]) == 1
    assert "FrozenProbe takes vectors" in capsys.readouterr().err
