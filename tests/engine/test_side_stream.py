"""Batches on their way to the device: contents everywhere, order of calls without a GPU."""

from contextlib import contextmanager

import pytest
import torch

from slowfast.engine import state
from slowfast.engine.state import SideStream


def batch_of(number):
    generator = torch.Generator().manual_seed(number)
    return {
        "video": torch.randint(0, 256, (2, 1, 3, 4, 8, 8), generator=generator, dtype=torch.uint8),
        "color": torch.rand(2, 1, 5, generator=generator),
        "index": torch.arange(2) + number,
        "failures": [f"{number}.mp4"],
    }


def check(moved, batch, device):
    assert moved.keys() == batch.keys() and moved["failures"] is batch["failures"]
    assert moved["color"] is batch["color"]
    for key in ("video", "index"):
        assert moved[key].device.type == device
        assert torch.equal(moved[key].cpu(), batch[key])


def test_the_cpu_gets_the_batch_as_it_is():
    stream, batch = SideStream(torch.device("cpu")), batch_of(0)
    moved = stream.copy(batch)
    check(moved, batch, "cpu")
    assert moved["video"] is batch["video"]


def test_work_waits_for_the_copy_and_keeps_its_memory(monkeypatch):
    """What is asked of CUDA, and in which order; this needs no GPU."""
    asked = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            asked.append(f"{self.name} waits for {other.name}")

    class OnDevice(torch.Tensor):
        def record_stream(self, stream):
            asked.append(f"{stream.name} uses {self.key}")

    @contextmanager
    def on(stream):
        asked.append(f"on {stream.name}")
        yield
        asked.append("back")

    def to_device(batch, device):
        moved = {k: v.as_subclass(OnDevice) if torch.is_tensor(v) else v for k, v in batch.items()}
        for key in ("video", "color", "index"):
            moved[key].key = key
        asked.append("copies")
        return moved

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("side"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("work"))
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(state, "batch_to_device", to_device)
    SideStream(torch.device("cuda")).copy(batch_of(0))
    begun = ["on side", "copies", "back", "work waits for side"]
    assert asked == [*begun, "work uses video", "work uses index"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_arrive_whole_while_the_device_is_busy():
    device = torch.device("cuda")
    stream, large = SideStream(device), torch.randn(4096, 4096, device=device)
    sums = []
    for number in range(20):
        batch = batch_of(number)
        pinned = {k: v.pin_memory() if torch.is_tensor(v) else v for k, v in batch.items()}
        for _ in range(5):
            large = (large @ large).clamp(-1, 1)
        moved = stream.copy(pinned)
        sums.append(moved["video"].long().sum())
        del moved, pinned
    check(stream.copy(batch), batch, "cuda")
    assert [int(s) for s in sums] == [int(batch_of(k)["video"].long().sum()) for k in range(20)]
