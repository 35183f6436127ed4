import json
from pathlib import Path

import pytest

from slowfast.config import get_cfg, load_cfg
from slowfast.engine.lr_policy import Schedule, get_lr_at_epoch

CONFIGS = Path(__file__).parents[2] / "configs"
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


def recorded_rates(recorded, name):
    content = recorded("gdt/lr_schedules.json")
    (rates,) = [rates for title, rates in content.items() if title.startswith(name)]
    return rates


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("gdt_slurm_world64", {}),
        ("gdt_cli_world64", {"STEPS": [0, 151, 176], "LRS": [1, 0.1, 0.01]}),
        ("gdt_world1 ", {"BASE_LR": 0.01, "WARMUP_START_LR": 0.0}),
        ("gdt_world16", {"BASE_LR": 0.16}),
    ],
)
def test_gdt_rates_by_epoch_are_the_published_ones(recorded, name, keys):
    published = recorded_rates(recorded, name)
    cfg = load_cfg([CONFIGS / "main/gdt/kinetics/1_cross_modal_baseline.yaml"])
    for key, value in keys.items():
        cfg.SOLVER[key] = value
    assert [get_lr_at_epoch(cfg, e) for e in range(len(published))] == pytest.approx(published)


def test_the_cosine_of_gdt_begins_one_epoch_after_the_warm_up(recorded):
    """The release counts the cosine in steps of its own, from one epoch late and over all epochs."""
    published = recorded_rates(recorded, "gdt_cosine_world64")
    keys = {"warmup_epochs": 10, "warmup_start_lr": 0.01, "cosine_after_warmup": True}
    ours = Schedule("cosine", 0.64, 210, **keys)
    assert [ours(e) for e in range(11)] == pytest.approx(published[:11])
    assert [ours(e - 1) for e in range(11, 200)] == pytest.approx(published[11:], rel=7e-5)


def test_fine_tuning_rates_of_head_and_backbone_are_the_published_ones(recorded):
    cfg = load_cfg([CONFIGS / "benchmark/ucf/gdt-32.yaml"])
    solver = cfg.SOLVER
    for epoch, (head, backbone) in enumerate(recorded_rates(recorded, "eval")):
        found = get_lr_at_epoch(cfg, epoch)
        assert found == pytest.approx(head)
        assert found * solver.BACKBONE_LR_SCALE == pytest.approx(backbone)


def test_stica_rates_by_step_are_the_published_ones(recorded):
    """The last step of the warm-up has the full rate already: 49 of 50 steps, 9 of 10."""
    cfg = load_cfg([CONFIGS / "main/stica/base/kinetics.yaml"])
    published = recorded_rates(recorded, "stica_slurm")
    cfg.SOLVER.WARMUP_EPOCHS = 9.8
    assert [get_lr_at_epoch(cfg, k / 5) for k in range(70)] == pytest.approx(published)
    published = recorded_rates(recorded, "stica_cosine")
    warm = {"warmup_start_lr": 0.01, "cosine_after_warmup": True}
    rising = Schedule("cosine", 0.64, 8, warmup_epochs=1.8, **warm)
    falling = Schedule("cosine", 0.64, 8, warmup_epochs=2.0, **warm)
    assert [rising(k / 5) for k in range(10)] == pytest.approx(published[:10])
    assert [falling(k / 5) for k in range(10, 40)] == pytest.approx(published[10:])


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("lr1e-3_150ep", "e2e_664"),
        ("lr1e-4_50ep", "author_50ep"),
        ("seed_ucf101_70ep", "seed_70ep"),
        ("lr1e-4_70ep", "sun_then_e2e"),
    ],
)
def test_zero_shot_rates_by_epoch_are_the_published_ones(recorded, name, config):
    cfg = load_cfg([CONFIGS / f"zero_shot/{config}.yaml"])
    steps = recorded("zeroshot/lr_schedules.json")[name]
    epochs = range(cfg.SOLVER.MAX_EPOCH)
    wanted = [next(rate for first, rate in reversed(steps) if first <= e) for e in epochs]
    assert [get_lr_at_epoch(cfg, e) for e in epochs] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("epochs", "warmup", "policy", "never"),
    [
        (2, 2, "cosine", True),
        (4, 2, "cosine", True),
        (30, 2, "cosine", False),
        (2, 0, "cosine", False),
        (2, 2, "steps_with_relative_lrs", True),
        (3, 2, "steps_with_relative_lrs", False),
    ],
)
def test_a_schedule_that_is_nearly_all_warm_up_is_known_as_such(epochs, warmup, policy, never):
    schedule = Schedule(policy, 0.1, epochs, steps=(0,), lrs=(1,), warmup_epochs=warmup)
    assert schedule.never_reaches_base is never
