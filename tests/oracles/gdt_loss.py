"""GDT's loss as loops over single scores, and the recorded embeddings."""

import math

import numpy as np
import torch

VIEWS = ("", "R", "2", "2R")


def embeddings(numbers, rank, count):
    """Return the recorded embeddings of a process: view -> float64 (video, audio) ``(N, D)``."""
    p, q, r, s, t, u = (numbers["embedding_constants"][name] for name in "pqrstu")
    c = np.arange(numbers["dim"])[None]
    g = rank * count + np.arange(count)[:, None]
    found = {}
    for view in VIEWS:
        pair = []
        for letter in "va":
            m = numbers["tags"][letter + view]
            raw = np.sin(p * c + q * g) + r * np.sin(s * c * (m + 1) + t * g + u * m)
            unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
            pair.append(torch.from_numpy(unit.astype(np.float32)).double())
        found[view] = tuple(pair)
    return found


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
