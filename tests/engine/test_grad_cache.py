"""Cached gradients: loss and gradients of parts are those of one large batch."""

import copy

import pytest
import torch
from oracles.ssl_checks import TwoMaps
from torch import nn

from slowfast.engine.grad_cache import cached_losses, carry_gradients, kept_statistics
from slowfast.engine.precision import Precision
from slowfast.ssl.avid import AVID
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig
from slowfast.ssl.feature_crops import CropFamily
from slowfast.ssl.gdt import GDT
from slowfast.ssl.stica import STiCA
from slowfast.ssl.transformations import find_hypothesis
from slowfast.tasks.base import StepOutput, Task
from slowfast.utils.draws import part_of_batch
from slowfast.utils.errors import ConfigError

FILES, PARTS = 12, 3
FLOAT32 = Precision(False, "auto", torch.device("cpu"))


class Stub:
    """The part of a task that the cache asks for, on inputs that are there already."""

    def encode(self, model, batch):
        return model.encode(batch)

    def losses(self, model, embeddings, batch):
        return StepOutput(*model.losses(embeddings, batch))

    def training_step(self, model, batch):
        return StepOutput(*model(batch))


def avid(loss, *layers):
    contrast = ContrastiveConfig(loss, 4)
    criterion = AudioVisualCriterion(FILES, 5, {"instance_cross": 1.0}, contrast)
    return AVID(TwoMaps(8, 6, 5, *layers), criterion), 1


def gdt(which, key_gradient, *layers):
    hypothesis = find_hypothesis(which)
    model = GDT(TwoMaps(8, 6, 5, *layers), hypothesis, 0.2, key_gradient=key_gradient)
    return model, len(hypothesis.views)


CASES = {
    "avid in batch": lambda: avid("in_batch"),
    "avid nce": lambda: avid("nce"),
    **{f"gdt {k}": (lambda k=k: gdt(k, False)) for k in (1, 4, 7, 9)},
    "gdt 9 with gradients of keys": lambda: gdt(9, True),
}


def batches_of(views):
    torch.manual_seed(1)
    video, audio = torch.randn(FILES * views, 8).double(), torch.randn(FILES * views, 6).double()
    whole = {"video": [video], "audio": audio, "index": torch.arange(FILES)}
    size = FILES // PARTS
    parts = [
        {
            "video": [video[k * size * views : (k + 1) * size * views]],
            "audio": audio[k * size * views : (k + 1) * size * views],
            "index": whole["index"][k * size : (k + 1) * size],
        }
        for k in range(PARTS)
    ]
    return whole, parts


def cached_step(model, parts):
    output, embeddings, draws = cached_losses(Stub(), model, parts, FLOAT32)
    loss = sum(output.losses.values())
    loss.backward()
    carry_gradients(Stub(), model, parts, embeddings, draws, FLOAT32)
    return loss


def gradients(model):
    return {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_are_those_of_one_large_batch(case):
    torch.manual_seed(0)
    model, views = CASES[case]()
    twin = copy.deepcopy(model.double())
    whole, parts = batches_of(views)
    torch.manual_seed(2)
    want = sum(twin(whole)[0].values())
    want.backward()
    torch.manual_seed(2)
    got = cached_step(model, parts)
    torch.testing.assert_close(got.detach(), want.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(gradients(model), gradients(twin), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(dict(model.named_buffers()), dict(twin.named_buffers()))


class VideoBranch(nn.Module):
    """A map of five channels, averaged."""

    def __init__(self, dropout):
        super().__init__()
        self.backbone = nn.Conv3d(3, 5, 1)
        self.projection = nn.Sequential(nn.Linear(5, 5), nn.Dropout(dropout))

    def pool(self, features, steps=0):
        return features.mean(dim=(2, 3, 4))


class Branches(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.branches = nn.ModuleDict({"video": VideoBranch(dropout), "audio": nn.Linear(6, 5)})


@pytest.mark.parametrize("large", [1, 2])
def test_crops_lie_at_the_same_places_in_all_parts_and_when_a_part_is_repeated(large):
    torch.manual_seed(0)
    model = STiCA(Branches(0.0), [CropFamily("space", large, 3, (3, 2))]).double()
    twin = copy.deepcopy(model)
    video, audio = torch.randn(2 * FILES, 3, 2, 4, 4).double(), torch.randn(FILES, 6).double()
    index = torch.arange(FILES)
    parts = [
        {"video": [v], "audio": a, "index": i}
        for v, a, i in zip(video.chunk(PARTS), audio.chunk(PARTS), index.chunk(PARTS), strict=True)
    ]
    torch.manual_seed(2)
    want = sum(twin({"video": [video], "audio": audio, "index": index})[0].values())
    want.backward()
    torch.manual_seed(2)
    torch.testing.assert_close(cached_step(model, parts).detach(), want.detach())
    torch.testing.assert_close(gradients(model), gradients(twin), rtol=1e-9, atol=1e-12)


def test_dropout_repeats_where_crops_are_drawn_too():
    model = STiCA(Branches(0.5), [CropFamily("space", 1, 3, (3, 2))]).double()
    batch = {"video": [torch.randn(4, 3, 2, 4, 4).double()], "audio": torch.randn(2, 6).double()}
    state, drawn = torch.get_rng_state(), []
    found = []
    for _ in range(2):
        torch.set_rng_state(state)
        with part_of_batch(drawn):
            found.append(model.encode(batch))
    torch.testing.assert_close(*found, rtol=0, atol=0)
    assert len(drawn) == 4


def test_dropout_repeats_and_statistics_move_once():
    torch.manual_seed(0)
    model, views = gdt(7, False, nn.BatchNorm1d(5), nn.Dropout(0.5))
    twin = copy.deepcopy(model.double())
    _, parts = batches_of(views)
    torch.manual_seed(3)
    found = [twin.encode(part) for part in parts]
    joined = {name: torch.cat([part[name] for part in found]) for name in found[0]}
    sum(twin.losses(joined, {})[0].values()).backward()
    torch.manual_seed(3)
    cached_step(model, parts)
    torch.testing.assert_close(gradients(model), gradients(twin), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(dict(model.named_buffers()), dict(twin.named_buffers()))


def test_statistics_are_kept_even_if_something_fails():
    layer = nn.BatchNorm1d(2)
    with pytest.raises(ZeroDivisionError), kept_statistics(layer):
        layer(torch.randn(4, 2))
        raise ZeroDivisionError
    assert layer.num_batches_tracked == 0 and not layer.running_mean.any()


def test_tasks_and_methods_without_such_losses_say_so():
    with pytest.raises(ConfigError, match=r"TRAIN\.GRAD_CACHE: the losses of TASK"):
        Task.encode(Stub(), None, {})
    with pytest.raises(ConfigError, match=r"does not say how its losses follow"):
        super(GDT, gdt(1, False)[0]).losses({}, {})
