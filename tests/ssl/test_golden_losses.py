"""Twenty steps of each method on fixed tensors: a change of any number shows."""

import pytest
import torch

from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.ssl.avid import AVID
from slowfast.ssl.avid_cma import AVIDCMA
from slowfast.ssl.criterion import AudioVisualCriterion, Contrast
from slowfast.ssl.encoder import AudioVisualEncoder

FILES, BATCH, STEPS = 24, 8, 20


def losses_of(loss: str, cma: bool) -> list[float]:
    torch.manual_seed(0)
    encoder = AudioVisualEncoder(
        build_backbone("avid_r2plus1d_tiny"), build_audio_backbone("avid_conv2d_tiny"), [32, 16]
    )
    weights = {"instance_cross": 1.0, "positive_within": 1.0 if cma else 0.0}
    criterion = AudioVisualCriterion(
        FILES, 16, weights, Contrast(loss, 8, 4), num_positives=3 if cma else 0
    )
    criterion.video_bank.written_at.zero_()  # as if an earlier stage had filled the banks
    model = AVIDCMA(encoder, criterion, refresh_epochs=1) if cma else AVID(encoder, criterion)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    clips, sounds = torch.randn(FILES, 3, 4, 32, 32), torch.randn(FILES, 1, 20, 33)
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
        7.9977,
        7.7737,
        7.4552,
        5.2855,
        5.0008,
        3.8947,
        3.44,
        3.2505,
        3.5317,
        3.7237,
        2.9289,
        3.043,
        3.2466,
        2.7947,
        2.9082,
        3.6086,
        2.5593,
        2.1834,
        2.4099,
        2.1798,
    ],
    ("infonce", False): [
        5.3475,
        6.2722,
        4.0549,
        3.1067,
        1.7794,
        2.2426,
        1.6484,
        1.8309,
        1.1275,
        1.7764,
        1.5509,
        1.3036,
        1.4418,
        1.4669,
        1.2135,
        1.1895,
        0.9977,
        0.8847,
        0.8436,
        0.5835,
    ],
    ("in_batch", False): [
        2.4466,
        2.6843,
        2.6358,
        2.6603,
        3.6609,
        2.4442,
        2.3706,
        3.213,
        2.0337,
        1.7294,
        1.7143,
        0.9741,
        0.9116,
        1.4843,
        0.6831,
        0.4207,
        0.5394,
        0.2969,
        0.1912,
        0.1972,
    ],
    ("nce", True): [
        6.16,
        8.1656,
        9.1469,
        8.249,
        8.6348,
        6.5908,
        5.5312,
        6.1232,
        5.305,
        4.9347,
        6.3567,
        4.7784,
        4.8558,
        6.0304,
        4.1689,
        6.1866,
        4.2231,
        4.1868,
        3.5107,
        4.6608,
    ],
}


@pytest.mark.parametrize(("loss", "cma"), GOLDEN)
def test_twenty_losses(loss, cma):
    assert losses_of(loss, cma) == pytest.approx(GOLDEN[loss, cma], rel=5e-3)
