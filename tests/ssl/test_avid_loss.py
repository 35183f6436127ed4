"""AVID's loss, gradients, partition and bank updates against recorded numbers."""

import pytest
import torch
from oracles.ssl_checks import check_gradients, check_rows, close

from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig
from slowfast.utils.errors import ConfigError

CASES = [
    "cross",
    "self",
    "joint",
    "joint_0p5_0p5",
    "joint_1_3",
    "cross_Z_preset_2p5",
    "joint_momentum_0p9",
    "cross_duplicate_index_in_batch",
]
GROUPS = {"xModal": "instance_cross", "wModal": "instance_within"}


@pytest.fixture
def run(recorded, make_criterion, recorded_embeddings):
    """Return ``run(case)``: the recorded case, the criterion, embeddings and what it returned."""
    content = recorded("avid/loss_avid.json")
    inputs = content["inputs"]

    def run(name):
        case = content[name]
        cross, within = case["coeffs_raw"]
        momentum = 0.9 if "momentum" in name else 0.5
        weights = {"instance_cross": cross, "instance_within": within}
        criterion = make_criterion(inputs, weights, momentum=momentum)
        if case["Z_was_preset"]:
            criterion.partition.fill_(case["Z_after"])
        video, audio = recorded_embeddings(inputs)
        index, negatives = torch.tensor(case["y"]), torch.tensor(case["negatives"])

        def again():
            return criterion(video, audio, index, negatives)

        return case, criterion, (video, audio), again

    return run


@pytest.mark.parametrize("name", CASES)
def test_terms_total_and_partition_are_those_recorded(run, name):
    case, criterion, _, call = run(name)
    losses, metrics = call()
    close(sum(losses.values()), case["total"])
    close(criterion.partition, case["Z_after"])
    for term, value in case["terms"].items():
        if term in GROUPS:
            continue
        close(metrics[f"loss_{term}"], value)
    assert {f"loss_{t}" for t in case["terms"] if t not in GROUPS} == {
        name for name in metrics if name.startswith("loss_")
    }


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_the_raw_embeddings_and_banks_move_as_recorded(run, name):
    case, criterion, (video, audio), call = run(name)
    before = criterion.video_bank.rows.clone()
    losses, _ = call()
    sum(losses.values()).backward()
    check_gradients(video.grad, case["grad_video_emb"])
    check_gradients(audio.grad, case["grad_audio_emb"])
    check_rows(criterion.video_bank, case["memory_after"]["view1_first8"])
    check_rows(criterion.audio_bank, case["memory_after"]["view2_first8"])
    others = [row for row in range(len(before)) if row not in case["y"]]
    assert torch.equal(criterion.video_bank.rows[others], before[others])
    losses, _ = call()  # keeps the partition
    close(sum(losses.values()), case["second_call_same_inputs"]["total"])
    close(criterion.partition, case["second_call_same_inputs"]["Z"])


def test_margins_are_cosines_of_positives_minus_negatives():
    contrast = ContrastiveConfig("infonce", num_negatives=3)
    criterion = AudioVisualCriterion(4, 2, {"instance_cross": 1.0}, contrast)
    criterion.audio_bank.rows.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.6, 0.8]]))
    clip, negatives = torch.tensor([[3.0, 0.0]]), torch.tensor([[1, 2, 3]])
    _, metrics = criterion(clip, clip, torch.tensor([0]), negatives)
    close(metrics["margin_v2a"], 1.0 - 0.6 / 3)


def test_evaluation_moves_neither_banks_nor_partition(run):
    _, criterion, _, call = run("cross")
    call()
    before = {name: tensor.clone() for name, tensor in criterion.state_dict().items()}
    criterion.eval()
    call()
    for name, tensor in criterion.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("loss", ["infonce", "in_batch"])
def test_other_losses_take_the_same_inputs(loss):
    torch.manual_seed(0)
    contrast = ContrastiveConfig(loss, num_negatives=16)
    criterion = AudioVisualCriterion(40, 8, {"instance_cross": 1.0}, contrast)
    video, audio = torch.randn(6, 8, requires_grad=True), torch.randn(6, 8)
    losses, metrics = criterion(video, audio, torch.arange(6))
    losses["instance_cross"].backward()
    assert video.grad.abs().sum() > 0
    assert metrics["loss_v2a"] > 0
    assert criterion.partition.item() == -1.0  # no partition in a softmax


def test_in_batch_contrast_leaves_out_keys_of_the_same_file():
    contrast = ContrastiveConfig("in_batch")
    criterion = AudioVisualCriterion(9, 4, {"instance_cross": 1.0}, contrast)
    rows = torch.eye(4)[:3]
    together = criterion(rows, rows, torch.tensor([5, 5, 6]))[1]["loss_v2a"]
    # The first two only compete with the third, the third with both of them.
    one = torch.tensor([1 / 0.07, 0.0]).softmax(0)[0].log()
    two = torch.tensor([1 / 0.07, 0.0, 0.0]).softmax(0)[0].log()
    close(together, -(2 * one + two) / 3)


def test_in_batch_contrast_refuses_terms_within_a_modality():
    with pytest.raises(ConfigError, match="in_batch has terms across modalities only"):
        AudioVisualCriterion(9, 4, {"instance_within": 1.0}, ContrastiveConfig("in_batch"))


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(ConfigError, match="at least one must be positive"):
        AudioVisualCriterion(9, 4, {"instance_cross": 0.0}, ContrastiveConfig())
