"""GDT's loss as loops over single scores, and the recorded embeddings of GDT and STiCA."""

import math

import torch

VIEWS = ("", "R", "2", "2R")
P, Q, R, S, T, U = 0.9, 2.1, 0.6, 0.37, 1.7, 0.5


def rows(tag: int, rank: int, count: int, dim: int = 16) -> torch.Tensor:
    """Return unit rows ``(count, dim)`` in float64 of the samples of a process."""
    g = (rank * count + torch.arange(count, dtype=torch.float64))[:, None]
    c = torch.arange(dim, dtype=torch.float64)[None, :]
    raw = (P * c + Q * g).sin() + R * (S * c * (tag + 1) + T * g + U * tag).sin()
    return torch.nn.functional.normalize(raw, dim=1)


def embeddings(numbers, rank, count):
    """Return the recorded embeddings of a process: view -> float64 (video, audio) ``(N, D)``."""
    assert numbers["embedding_constants"] == {"p": P, "q": Q, "r": R, "s": S, "t": T, "u": U}
    tags, dim = numbers["tags"], numbers["dim"]
    return {
        view: tuple(rows(tags[m + view], rank, count, dim).float().double() for m in "va")
        for view in VIEWS
    }


def gdt_total(views, hypothesis, temperature, negatives, remote):
    """Return the whole loss, for negatives that do not grow, out of scores one by one."""
    blocks = []
    for block in hypothesis.blocks:
        terms = []
        directions = [(block.view, block.partner)]
        if block.partner is not None:
            directions.append((block.partner, block.view))
        for x, t in directions:
            for q, k in ((0, 1), (1, 0)):
                terms.append(_term(block.kind, views, x, t, q, k, temperature, negatives, remote))
        blocks.append(sum(terms) / len(terms))
    return sum(blocks) / len(blocks)


def _term(kind, views, x, t, q, k, temperature, negatives, remote):
    positive, other = (t, x) if kind == "inv" else (x, t)
    losses = []
    for i, query in enumerate(views[x][q]):
        found = []
        for j, row in enumerate(views[positive][k]):
            if j != i:
                found.append(row)
        if other is not None and (kind == "var" or negatives == "global"):
            for j, row in enumerate(views[other][k]):
                if kind == "var" or j != i:
                    found.append(row)
        for view in (positive, other):
            if view is not None and remote:
                found.extend(remote[view][k])
        own = math.exp(float(query @ views[positive][k][i]) / temperature)
        rest = sum(math.exp(float(query @ row) / temperature) for row in found)
        losses.append(-math.log(own / (own + rest)))
    return sum(losses) / len(losses)
