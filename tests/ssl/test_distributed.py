"""Two processes that share a batch against the recorded run of two, and against one process."""

import pytest
import torch
from oracles.avid_banks import embeddings
from oracles.ssl_checks import check_gradients, close
from warm import found_by_ranks

# One process of two: half of the recorded batch, the recorded negatives, one update.
WORKER = """
from oracles.avid_banks import banks, embeddings
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig

(loss,) = words
case = json.loads(Path(tests, "fixtures/avid/loss_avid.json").read_text())
inputs, index = case["inputs"], list(case["cross"]["y"])
if loss == "repeated":
    index[4] = index[1]  # the same file on both processes
contrast = ContrastiveConfig("in_batch" if loss == "in_batch" else "nce", inputs["K"])
criterion = AudioVisualCriterion(inputs["N"], inputs["D"], {"instance_cross": 1.0}, contrast).double()
for bank, rows in zip((criterion.video_bank, criterion.audio_bank), banks(inputs)):
    bank.rows.copy_(rows)
mine = slice(3 * rank, 3 * rank + 3)
video, audio = (e[mine].clone().requires_grad_() for e in embeddings(inputs))
negatives = torch.tensor(case["cross"]["negatives"])[mine]
losses, _ = criterion(video, audio, torch.tensor(index)[mine], negatives)
losses["instance_cross"].backward()
found = {
    "loss": losses["instance_cross"].detach(),
    "partition": criterion.partition,
    "rows": criterion.video_bank.rows,
    "audio_rows": criterion.audio_bank.rows,
    "written_at": criterion.video_bank.written_at,
    "grad": video.grad,
}
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return found_by_ranks(WORKER, tmp_path_factory.mktemp("two"), "nce")


def test_banks_partition_and_losses_are_those_of_the_recorded_pair(two, recorded):
    wanted = recorded("avid/distributed.json")
    for found, rank in zip(two, ("rank0", "rank1"), strict=True):
        close(found["loss"], wanted[rank]["total"])
        close(found["partition"], wanted[rank]["Z"])
        for row, numbers in wanted[rank]["rows"].items():
            close(found["rows"][int(row), : len(numbers)], numbers)


def test_both_processes_hold_the_same_banks_to_the_last_bit(two):
    for part in ("rows", "audio_rows", "written_at"):
        assert torch.equal(two[0][part], two[1][part])


def test_two_processes_equal_one_with_the_whole_batch(two, recorded, make_criterion):
    content = recorded("avid/loss_avid.json")
    inputs, case = content["inputs"], content["cross"]
    criterion = make_criterion(inputs, {"instance_cross": 1.0})
    video, audio = (e.requires_grad_() for e in embeddings(inputs))
    index, negatives = torch.tensor(case["y"]), torch.tensor(case["negatives"])
    losses, _ = criterion(video, audio, index, negatives)
    losses["instance_cross"].backward()
    torch.testing.assert_close(criterion.video_bank.rows, two[0]["rows"])
    mean = (two[0]["loss"] + two[1]["loss"]) / 2
    torch.testing.assert_close(mean, losses["instance_cross"].detach())
    # DistributedDataParallel averages the gradients of the processes.
    gradient = torch.cat([part["grad"] for part in two]) / 2
    torch.testing.assert_close(gradient, video.grad)
    check_gradients(gradient, case["grad_video_emb"])


def test_a_file_on_both_processes_resolves_the_same_way(tmp_path):
    found = found_by_ranks(WORKER, tmp_path, "repeated")
    for part in ("rows", "audio_rows", "written_at"):
        assert torch.equal(found[0][part], found[1][part])


def test_in_batch_contrast_spans_the_batches_of_both_processes(tmp_path, recorded, make_criterion):
    found = found_by_ranks(WORKER, tmp_path, "in_batch")
    inputs = recorded("avid/loss_avid.json")["inputs"]
    criterion = make_criterion(inputs, {"instance_cross": 1.0}, loss="in_batch")
    video, audio = (e.requires_grad_() for e in embeddings(inputs))
    losses, _ = criterion(video, audio, torch.tensor(inputs["y"]))
    losses["instance_cross"].backward()
    mean = (found[0]["loss"] + found[1]["loss"]) / 2
    torch.testing.assert_close(mean, losses["instance_cross"].detach())
    gradient = torch.cat([part["grad"] for part in found]) / 2
    torch.testing.assert_close(gradient, video.grad, rtol=1e-4, atol=1e-6)
