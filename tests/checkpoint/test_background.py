"""Training goes on while a checkpoint is written, and the file holds the moment it was asked for."""

import threading
import time

import pytest
import torch
from torch import nn

from slowfast.checkpoint.background import CheckpointSaver, HostCopies
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path)


@pytest.fixture
def gate(monkeypatch):
    """Let ``torch.save`` wait until it is opened."""
    opened, save = threading.Event(), torch.save

    def late(content, file):
        assert opened.wait(20)
        save(content, file)

    monkeypatch.setattr(torch, "save", late)
    return opened


def test_steps_after_a_save_are_not_in_the_file(store, gate):
    weight, saver = torch.ones(100), CheckpointSaver(store)
    for epoch in (1, 2):  # the second one uses the room of the first again
        begin = time.monotonic()
        saver.save({"model_state": {"weight": weight}, "epoch": epoch}, epoch)
        assert time.monotonic() - begin < 5 and not store.path(epoch).exists()
        weight += 1
        gate.set()
        saver.wait()
        state = load_checkpoint_file(store.path(epoch))
        assert state["model_state"]["weight"].tolist() == [epoch] * 100
        gate.clear()
    assert saver.problem is None


def test_the_file_holds_what_one_without_a_thread_holds(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model.add_module("tied", nn.Linear(3, 3))
    model.tied.weight = model[0].weight
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    content = {"model_state": model.state_dict(), "optimizer_state": optimizer.state_dict()}
    content |= {
        "hooks": {"a": [1, (2.5, 4)]},
        "empty": torch.zeros(0, 3),
        "half": torch.ones(2).half(),
    }
    for name, background in (("now", False), ("later", True)):
        saver = CheckpointSaver(CheckpointStore(tmp_path / name), background)
        saver.save(content, 1)
        saver.wait()
    now, later = (
        load_checkpoint_file(CheckpointStore(tmp_path / name).path(1)) for name in ("now", "later")
    )
    torch.testing.assert_close(now, later, rtol=0, atol=0)
    state = later["model_state"]
    assert state._metadata == now["model_state"]._metadata
    assert state["tied.weight"].data_ptr() == state["0.weight"].data_ptr()


def test_copies_keep_the_layout_of_dense_tensors_and_values_of_all():
    flat = torch.arange(24.0)
    content = {
        "image": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "clip": torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d),
        "turned": torch.randn(3, 4).t(),
        "expanded": torch.ones(1).expand(5),
        "cut": torch.arange(1000.0).view(10, 100)[:, ::50],
        "whole": flat,
        "the same": flat,
        "its view": flat.view(4, 6),
    }
    copies, rooms = HostCopies(), []
    for number in (0, 1):
        content["image"] += number
        found = copies.of(content)
        rooms.append({name: tensor.data_ptr() for name, tensor in found.items()})
        torch.testing.assert_close(found, content, rtol=0, atol=0)
        for name in ("image", "clip", "turned"):
            assert found[name].stride() == content[name].stride()
        for name, tensor in content.items():
            assert found[name].untyped_storage().nbytes() == tensor.numel() * 4
        assert found["whole"] is found["the same"]
    assert rooms[0] == rooms[1]


def test_a_tensor_of_another_shape_finds_other_room():
    copies = HostCopies()
    for tensor in (torch.ones(3), torch.zeros(4), torch.ones(4).half(), torch.ones(2, 2)):
        torch.testing.assert_close(copies.of([tensor]), [tensor], rtol=0, atol=0)


def test_a_full_disk_is_a_problem_until_a_later_save_succeeds(store, monkeypatch):
    save, saver = torch.save, CheckpointSaver(store)

    def full(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    saver.save({"epoch": 1}, 1)
    saver.wait()
    assert "No space left" in saver.problem and not list(store.folder.iterdir())
    monkeypatch.setattr(torch, "save", save)
    saver.save({"epoch": 2}, 2)
    saver.wait()
    assert saver.problem is None and len(store.files()) == 1


def test_any_other_error_of_the_thread_ends_the_run(store):
    saver = CheckpointSaver(store)
    saver.save({"epoch": threading.Lock()}, 1)
    with pytest.raises(TypeError):
        saver.wait()
