"""What a sample and a batch hold, and the one way from samples to a batch.

| key | of a batch | |
|---|---|---|
| ``index`` | int64 (B,) | row of the :class:`ItemTable`, the same in every epoch and process |
| ``video`` | uint8 (B, V, 3, T, S, S) | RGB; a list of (V, 3, T, H, W) where sizes differ |
| ``color`` | float32 (B, V, 5) | draws of the colour jitter (training) |
| ``audio`` | float32 (B, V, S) | mono waveforms, forwards in every view |
| ``audio_mask`` | float32 (B, V, M, 2) | draws of SpecAugment (training, ``AUDIO.SPEC_AUGMENT``) |
| ``text`` | int64 (B, V, W) | numbers of words, 0 for none; a view that runs backwards begins with its last |
| ``time`` | float32 (B, V, 2) | begin and end of each view in seconds; end first: backwards |
| ``label`` | int64 (B,) or float32 (B, C) | -1 without one; several actions per item |
| ``boxes`` | float32 (N, 5) | place in the batch, then corners in pixels of ``video`` |
| ``box_label``, ``box_index`` | float32 (N, C), int64 (N,) | of all boxes of the batch |
| ``valid``, ``failures`` | bool (B,), list | False where an item could not be read (evaluation) |

Every random number comes from ``(seed, epoch, position in the epoch)``, so that samples depend
neither on workers nor on processes nor on where a run was interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch.utils.data import default_collate

Sample = dict[str, Any]

JOINED = ("box_label", "box_index")


class SampleKey(NamedTuple):
    """Which training sample is wanted: its place in the run and the row of its item."""

    epoch: int
    position: int
    index: int


@dataclass(frozen=True)
class UnreadableSample:
    """A sample that neither its own file nor any replacement could fill.

    Attributes:
        failures: ``(path, reason)`` of every file that was tried.
    """

    failures: list[tuple[str, str]]


def collate(samples: list[Sample | UnreadableSample]) -> dict[str, Any]:
    """Join samples to a batch.

    A batch with a sample that no file could fill is only ``{"unreadable": failures}``.
    """
    unreadable = [sample for sample in samples if isinstance(sample, UnreadableSample)]
    if unreadable:
        return {"unreadable": unreadable[0].failures}
    return {key: _join(key, [sample[key] for sample in samples]) for key in samples[0]}


def _join(key: str, values: list[Any]) -> Any:
    if key == "failures":
        return list(chain(*values))
    if key in JOINED:
        return torch.cat(values)
    if key == "boxes":
        places = [torch.full((len(boxes), 1), float(k)) for k, boxes in enumerate(values)]
        return torch.cat([torch.cat(pair, dim=1) for pair in zip(places, values, strict=True)])
    if key == "video" and len({value.shape for value in values}) > 1:
        return values
    return default_collate(values)
