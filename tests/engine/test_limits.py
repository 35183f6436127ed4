"""The sentence that says what limits a run names the phase that costs most and a key that helps."""

import pytest

from slowfast.config import get_cfg
from slowfast.engine import limits
from slowfast.engine.limits import limit_in_words
from slowfast.utils.step_clock import PHASES


def say(monkeypatch, *keys, **seconds):
    monkeypatch.setattr(limits, "_cores", lambda: 8)
    cfg = get_cfg()
    cfg.merge_from_list(list(keys))
    return limit_in_words({**dict.fromkeys(PHASES, 0.0), **seconds}, cfg)


FAST = ("TRAIN.MIXED_PRECISION", True, "MODEL.CHANNELS_LAST", True)


@pytest.mark.parametrize(
    ("keys", "seconds", "parts"),
    [
        (("DATA_LOADER.NUM_WORKERS", 2), {"data": 6, "forward": 4}, "data|60%|NUM_WORKERS (now 2"),
        (("DATA_LOADER.NUM_WORKERS", 8), {"data": 6, "forward": 4}, "data|transcode|FILE_SUFFIX"),
        # Waiting is lost even where computing takes longer.
        (
            ("DATA_LOADER.NUM_WORKERS", 1),
            {"data": 2, "forward": 4, "backward": 4},
            "waiting for data 20%|NUM_WORKERS",
        ),
        (("NUM_GPUS", 1), {"forward": 4, "backward": 6}, "backward pass|TRAIN.MIXED_PRECISION"),
        (("TRAIN.MIXED_PRECISION", True), {"forward": 1}, "forward|MODEL.CHANNELS_LAST"),
        (("NUM_GPUS", 1, *FAST), {"forward": 1}, "forward|MODEL.COMPILE"),
        (("NUM_GPUS", 0, *FAST), {"forward": 1}, "the device computes"),
        (("NUM_GPUS", 0), {"data": 1, "forward": 8}, "the forward pass|11%|CHANNELS_LAST"),
        ((), {"bank": 4, "forward": 6}, "memory banks 40%|SSL.AVID.NUM_NEGATIVES (now 1024)"),
        ((), {"optimizer": 4, "forward": 6}, "optimizer|TRAIN.BATCH_SIZE"),
        ((), {"transfer": 2, "forward": 8}, "copying|DATA.TRAIN_CROP_SIZE"),
        (("DATA_LOADER.PIN_MEMORY", False), {"transfer": 2, "forward": 8}, "PIN_MEMORY True"),
        ((), {"other": 2, "forward": 8}, "hooks and logging|TRAIN.CHECKPOINT_MINUTES"),
        (("TRAIN.CHECKPOINT_MINUTES", 0), {"other": 2, "forward": 8}, "LOG_PERIOD (now 10)"),
    ],
)
def test_it_names_the_limit_and_the_key(monkeypatch, keys, seconds, parts):
    said = say(monkeypatch, *keys, **seconds)
    assert all(part in said for part in parts.split("|")), said
    assert said.startswith("Limited by") and said.count(": ") == 1


def test_nothing_is_said_of_an_epoch_without_steps(monkeypatch):
    assert say(monkeypatch) == "No step was timed."
