"""The method GDT on toy items: it learns what the name of its hypothesis says, and keeps its numbers."""

import pytest
import torch
from oracles.ssl_checks import TwoMaps

from slowfast.ssl.gdt import GDT
from slowfast.ssl.transformations import HYPOTHESES, find_hypothesis

ITEM, MOMENT, BATCH = 12, 6, 16


def encoder():
    """Return two linear maps of inputs that hold item, moment and direction."""
    size = ITEM + MOMENT + MOMENT
    return TwoMaps(size, size, 16).double()


def sample(views, generator):
    """Return ``(BATCH * V, size)``: one item per row of V views, moments drawn, directions by name.

    The direction shows in what it makes of the moment, as motion and sound do.
    """

    def draw(size):
        return torch.randn(BATCH, size, generator=generator, dtype=torch.float64)

    item, moments = draw(ITEM), {"": draw(MOMENT), "2": draw(MOMENT)}
    seen = []
    for view in views:
        moment = moments["2" if view.startswith("2") else ""]
        sign = -1.0 if view.endswith("R") else 1.0
        seen.append(torch.cat([item, moment, sign * moment.abs()], dim=1))
    return torch.stack(seen, dim=1).flatten(0, 1)


def trained(which, steps, lr=0.01):
    """Return a model after some steps, the loss of each, and the metrics of unseen items."""
    torch.manual_seed(0)
    model = GDT(encoder(), find_hypothesis(which), temperature=0.1)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        x = sample(model.hypothesis.views, generator)
        terms, _ = model({"video": [x], "audio": x, "index": torch.arange(BATCH)})
        total = sum(terms.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    x = sample(model.hypothesis.views, generator)
    _, metrics = model({"video": [x], "audio": x, "index": torch.arange(BATCH)})
    return model, losses, {name: value.item() for name, value in metrics.items()}


@pytest.mark.parametrize("number", range(1, 10))
def test_every_hypothesis_learns_and_tells_what_its_name_says(number):
    model, losses, metrics = trained(number, 300)
    assert losses[-1] < 0.6 * losses[0]
    assert metrics["matched"] > 90
    for step, role in model.hypothesis.active.items():
        gap = metrics[f"gap_{step}"]
        assert gap > 0.2 if role == "variant" else abs(gap) < 0.1, (step, gap)


def test_views_are_encoded_one_by_one_in_the_order_of_the_hypothesis():
    model = GDT(encoder(), HYPOTHESES[5])
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]["video"]))
    x = sample(model.hypothesis.views, torch.Generator().manual_seed(0))
    found = model.encode({"video": [x], "audio": x})
    assert found["video"].shape == (BATCH, 4, 16)
    assert len(seen) == 4
    for place, view in enumerate(seen):
        assert torch.equal(view, x[place::4])
        assert torch.equal(found["video"][:, place], model.encoder.video(view))


def test_twenty_losses(recorded):
    """Golden numbers: a change of any of them shows."""
    _, losses, _ = trained(7, 20)
    want = recorded("slowfast_vssl/twenty_losses.json")["GDT, 7"]
    assert losses == pytest.approx(want, rel=1e-4)
