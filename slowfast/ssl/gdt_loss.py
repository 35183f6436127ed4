"""The loss of GDT: contrastive terms between the frames and the audio of transformed views.

Patrick et al., "On Compositions of Transformations in Contrastive Self-Supervised Learning". A term
is the softmax cross-entropy of a query against its positive among the keys of the process, further
negatives of the process, and those of other processes. Keys and negatives carry no gradient: each
embedding learns as a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.ssl.in_batch import gather_with_gradients
from slowfast.ssl.transformations import Block, Hypothesis, find_hypothesis, remote_views
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError

NEGATIVES = ("clean", "released", "global")

Pair = tuple[Tensor, Tensor]  # of frames and of audio
VIDEO, AUDIO = 0, 1


@dataclass(frozen=True)
class Term:
    """One contrastive term.

    Attributes:
        block: it belongs to.
        query, key: ``(view, modality)`` with modality 0 for frames and 1 for audio.
        loss: scalar, without any weight.
        num_negatives: per query.
    """

    block: Block
    query: tuple[str, int]
    key: tuple[str, int]
    loss: Tensor
    num_negatives: int


def gdt_loss(
    views: Mapping[str, Pair],
    hypothesis: int | str | Hypothesis,
    temperature: float = 0.07,
    negatives: str = "clean",
    remote: Mapping[str, Pair] | None = None,
    key_gradient: bool = False,
) -> dict[str, Tensor]:
    """Return the blocks of a hypothesis, weights applied, whose sum is the loss.

    Args:
        views: unit embeddings ``(N, D)`` of frames and of audio, by name of the view: ``''``, ``R``
            (reversed), ``2`` (other start), ``2R``; those that the hypothesis needs.
        hypothesis: number from 1 to 9, name, or one put together by hand.
        temperature: divides all scores.
        negatives: ``clean``: a term meets the partner's views of other processes and, where the step
            is variant, of its own; ``released``: as the released code, whose lists of negatives
            grow from block to block; ``global``: like ``clean``, and the partner's views of the own
            process count as those of the others, so that the loss does not depend on how a batch
            is divided.
        remote: the same of the other W - 1 processes, ``((W - 1) N, D)``. None gathers them, if
            there are any; an empty mapping leaves them out.
        key_gradient: let gradients reach keys and negatives too, on all processes.

    Raises:
        ConfigError: unknown hypothesis or negatives, or a view is missing.
    """
    hypothesis = find_hypothesis(hypothesis)
    terms = gdt_terms(views, hypothesis, temperature, negatives, remote, key_gradient)
    losses: dict[str, Tensor] = {}
    for term in terms:
        share = term.block.weight / len(hypothesis.blocks)
        losses[term.block.name] = losses.get(term.block.name, 0.0) + share * term.loss
    return losses


def gdt_terms(
    views: Mapping[str, Pair],
    hypothesis: Hypothesis,
    temperature: float = 0.07,
    negatives: str = "clean",
    remote: Mapping[str, Pair] | None = None,
    key_gradient: bool = False,
) -> list[Term]:
    """Return the terms one by one, in the order of the release; see :func:`gdt_loss`."""
    missing = [view for view in hypothesis.views if view not in views]
    if missing:
        raise ConfigError(f"Hypothesis {hypothesis.name} needs the views {missing} too.")
    if negatives not in NEGATIVES:
        raise ConfigError(f"SSL.GDT.NEGATIVES {negatives!r}: choose one of {', '.join(NEGATIVES)}.")
    if remote is None:
        remote = gather_remote({view: views[view] for view in hypothesis.views}, key_gradient)
    keys = views if key_gradient else _detached(views)
    remote = remote if key_gradient else _detached(remote)
    terms = []
    for block, others in zip(
        hypothesis.blocks, remote_views(hypothesis.blocks, negatives == "released"), strict=True
    ):
        pairs = [(block.view, block.partner), (block.partner, block.view)]
        for view, partner in pairs if block.partner is not None else pairs[:1]:
            for q, k in ((VIDEO, AUDIO), (AUDIO, VIDEO)):
                far = [remote[name][k] for name in others] if remote else []
                positive = partner if block.kind == "inv" else view
                near = _beside(block, keys, (view, partner), k, negatives)
                term = _term(views[view][q], keys[positive][k], near, far, temperature)
                terms.append(Term(block, (view, q), (positive, k), *term))
    return terms


def _beside(
    block: Block, keys: Mapping[str, Pair], pair: tuple[str, str | None], k: int, negatives: str
) -> tuple[Tensor, bool] | None:
    """Return further rows of the own process, and whether a query's own row is left out of them."""
    view, partner = pair
    if block.kind == "var":
        return keys[partner][k], False
    if negatives == "global" and partner is not None:
        return keys[view if block.kind == "inv" else partner][k], True
    return None


def _term(
    query: Tensor,
    keys: Tensor,
    near: tuple[Tensor, bool] | None,
    far: list[Tensor],
    temperature: float,
) -> tuple[Tensor, int]:
    """Return the cross-entropy of the positives, which stand on the diagonal, and the negatives."""
    columns = [query @ keys.T]
    count = len(keys) - 1
    if near is not None:
        rows, without_own = near
        scores = query @ rows.T
        if without_own:
            own = torch.eye(len(query), dtype=torch.bool, device=query.device)
            scores = scores.masked_fill(own, float("-inf"))
        columns.append(scores)
        count += len(rows) - without_own
    columns += [query @ rows.T for rows in far]
    count += sum(map(len, far))
    scores = torch.cat(columns, dim=1) / temperature
    target = torch.arange(len(query), device=query.device)
    return F.cross_entropy(scores, target), count


def gather_remote(views: Mapping[str, Pair], with_gradient: bool = False) -> dict[str, Pair]:
    """Return the rows of all other processes in rank order, or nothing where there are none."""
    if du.get_world_size() == 1:
        return {}
    together = torch.stack([rows for pair in views.values() for rows in pair], dim=1)
    if with_gradient:
        everyone = gather_with_gradients(together)
    else:
        (everyone,) = du.all_gather([together.detach()])
    begin, end = (place * len(together) for place in (du.get_rank(), du.get_rank() + 1))
    others = torch.cat([everyone[:begin], everyone[end:]]).unbind(dim=1)
    return {view: (others[2 * n], others[2 * n + 1]) for n, view in enumerate(views)}


def _detached(views: Mapping[str, Pair]) -> dict[str, Pair]:
    return {name: (video.detach(), audio.detach()) for name, (video, audio) in views.items()}
