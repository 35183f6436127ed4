"""Twenty steps of each method on fixed tensors: a change of any number shows.

In float64, so that no rounding of a version of torch or of a number of threads does.
"""

import pytest
import torch
from oracles.ssl_checks import TwoMaps

from slowfast.ssl.avid import AVID
from slowfast.ssl.avid_cma import AVIDCMA
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig

FILES, BATCH, STEPS = 24, 8, 20


def losses_of(loss: str, cma: bool) -> list[float]:
    torch.manual_seed(0)
    encoder = TwoMaps(32, 20, 16).double()
    weights = {"instance_cross": 1.0, "positive_within": 1.0 if cma else 0.0}
    criterion = AudioVisualCriterion(
        FILES, 16, weights, ContrastiveConfig(loss, 8, 4), num_positives=3 if cma else 0
    ).double()
    criterion.video_bank.written_at.zero_()  # as if an earlier stage had filled the banks
    model = AVIDCMA(encoder, criterion, refresh_epochs=1) if cma else AVID(encoder, criterion)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    clips, sounds = torch.randn(FILES, 32).double(), torch.randn(FILES, 20).double()
    found = []
    for step in range(STEPS):
        epoch, batch = divmod(step, FILES // BATCH)
        if cma and batch == 0:
            model.on_epoch_start(epoch)
        index = torch.arange(batch * BATCH, (batch + 1) * BATCH)
        torch.manual_seed(step)
        terms, _ = model({"video": [clips[index]], "audio": sounds[index], "index": index})
        total = sum(terms.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append(total.item())
    return found


CASES = {
    "AVID, nce": ("nce", False),
    "AVID, infonce": ("infonce", False),
    "AVID, in_batch": ("in_batch", False),
    "AVID-CMA, nce": ("nce", True),
}


@pytest.mark.parametrize("case", CASES)
def test_twenty_losses(case, recorded):
    want = recorded("slowfast_vssl/twenty_losses.json")[case]
    assert losses_of(*CASES[case]) == pytest.approx(want, rel=1e-4, abs=1e-4)
