import json
from pathlib import Path

import pytest

from slowfast.config import get_cfg
from slowfast.engine.lr_policy import get_lr_at_epoch

CASES = json.loads((Path(__file__).parents[1] / "fixtures/slowfast/lr_policy.json").read_text())[
    "cases"
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_schedules_equal_pyslowfast(case):
    cfg = get_cfg()
    for key, value in case["solver"].items():
        cfg.SOLVER[key] = value
    epochs = case["epoch"] + case.get("extra_epoch", [])
    wanted = case["lr"] + case.get("extra_lr", [])
    assert [get_lr_at_epoch(cfg, e) for e in epochs] == pytest.approx(wanted, abs=1e-12)


def test_avid_fine_tuning_drops_by_threes():
    cfg = get_cfg()
    cfg.merge_from_file(Path(__file__).parents[2] / "configs/benchmark/ucf/8at16.yaml")
    at = [get_lr_at_epoch(cfg, e) for e in (0, 5.99, 6, 10, 14, 15.9)]
    assert at == pytest.approx([1e-4, 1e-4, 3e-5, 9e-6, 2.7e-6, 2.7e-6])


def test_gdt_head_rate_by_epoch_is_the_published_one():
    cfg = get_cfg()
    cfg.merge_from_file(Path(__file__).parents[2] / "configs/benchmark/ucf/gdt-32.yaml")
    published = [0.0025, 0.01125, *[0.02] * 5, *[0.001] * 4, 5e-5]
    assert [get_lr_at_epoch(cfg, e) for e in range(12)] == pytest.approx(published)
