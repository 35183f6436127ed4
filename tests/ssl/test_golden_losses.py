"""Twenty steps of each method on fixed tensors: a change of any number shows.

In float64, so that no rounding of a version of torch or of a number of threads does.
"""

import pytest
import torch
from torch import nn

from slowfast.ssl.avid import AVID
from slowfast.ssl.avid_cma import AVIDCMA
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig

FILES, BATCH, STEPS = 24, 8, 20


class Encoder(nn.Module):
    """Two linear maps."""

    def __init__(self) -> None:
        super().__init__()
        self.video, self.audio = nn.Linear(32, 16), nn.Linear(20, 16)

    def forward(self, inputs):
        return {name: getattr(self, name)(inputs[name]) for name in ("video", "audio")}


def losses_of(loss: str, cma: bool) -> list[float]:
    torch.manual_seed(0)
    encoder = Encoder().double()
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


GOLDEN = {
    ("nce", False): [
        7.67005,
        8.53354,
        6.75316,
        3.95731,
        5.51548,
        4.55959,
        3.04887,
        4.51111,
        3.41602,
        2.22342,
        2.88407,
        2.36108,
        1.43174,
        1.74829,
        1.7341,
        1.45918,
        1.55978,
        1.22365,
        0.73083,
        0.53639,
    ],
    ("infonce", False): [
        5.72824,
        6.46865,
        3.95666,
        2.32047,
        3.57081,
        3.19097,
        1.85185,
        2.98343,
        2.36603,
        1.45301,
        1.72538,
        1.84897,
        0.70833,
        0.58861,
        1.53463,
        1.40716,
        0.52284,
        0.62909,
        0.43452,
        0.22978,
    ],
    ("in_batch", False): [
        3.82719,
        7.09748,
        7.96428,
        1.8109,
        0.8275,
        0.65669,
        0.09776,
        0.03937,
        0.04108,
        0.01198,
        0.02196,
        0.02609,
        0.01085,
        0.01702,
        0.02028,
        0.00991,
        0.01429,
        0.01697,
        0.00913,
        0.0125,
    ],
    ("nce", True): [
        6.68414,
        7.37289,
        6.11139,
        4.34053,
        5.07504,
        4.5969,
        2.97061,
        3.87926,
        4.07128,
        2.18688,
        3.06857,
        2.70037,
        1.58703,
        2.00241,
        1.79757,
        1.18492,
        1.7497,
        1.39778,
        1.21175,
        1.52724,
    ],
}


@pytest.mark.parametrize(("loss", "cma"), GOLDEN)
def test_twenty_losses(loss, cma):
    assert losses_of(loss, cma) == pytest.approx(GOLDEN[loss, cma], rel=1e-4, abs=1e-4)
