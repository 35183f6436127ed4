"""Deterministic weights and inputs of the recorded numbers, by the formulas of their authors.

Entry ``i`` counts every entry of a state dict, integer ones too; ``j`` is the flat index inside a
tensor. Everything is computed in float64 and rounded to float32 at the end. Inputs come as float64
with those rounded values: comparisons with recorded numbers are computed in float64, whose rounding
is far below their bounds, so that they depend on no version of torch.
"""

from __future__ import annotations

import math

import numpy as np
import torch


def rounded(values: np.ndarray) -> torch.Tensor:
    """Return values rounded to float32, as float64."""
    return torch.from_numpy(values).float().double()


def fan_in(shape) -> int:
    return math.prod(shape[1:])


def _sine(shape, i: int, c: float, d: float) -> np.ndarray:
    return np.sin(c * np.arange(math.prod(shape), dtype=np.float64) + d * i)


def _waves(shape, i: int, constants: dict) -> np.ndarray:
    """Return the input-sensitive sum of waves of rule B."""
    m = np.arange(math.prod(shape), dtype=np.int64) % 4093
    chirp = np.sin(constants["q"] * (m * m).astype(np.float64) + constants["q2"] * i)
    return _sine(shape, i, constants["c"], constants["d"]) + chirp


def _mix(u: np.ndarray) -> np.ndarray:
    u = u ^ (u >> np.uint64(15))
    u = (u * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    u = u ^ (u >> np.uint64(13))
    u = (u * np.uint64(3266489917)) & np.uint64(0xFFFFFFFF)
    return u ^ (u >> np.uint64(16))


def _counts(shape, first: int = 0) -> np.ndarray:
    return np.arange(first, first + math.prod(shape), dtype=np.uint64)


def pyslowfast_hash(shape, i: int, seed: int) -> np.ndarray:
    """Return PySlowFast's hash values in [-1, 1), flat."""
    offset = (i * 2246822519 + seed) % 2**32
    u = (_counts(shape) * np.uint64(2654435761) + np.uint64(offset)) & np.uint64(0xFFFFFFFF)
    return _mix(u).astype(np.float64) / 2**31 - 1


def severe_hash(shape, i: int, seed: int) -> np.ndarray:
    """Return SEVERE's hash values in [-1, 1), flat."""
    offset = ((i + 1) * 2246822519 + seed * 374761393) % 2**32
    u = (_counts(shape, 1) * np.uint64(2654435761) + np.uint64(offset)) & np.uint64(0xFFFFFFFF)
    return 2 * (_mix(u).astype(np.float64) / 2**32) - 1


def _one_dimensional(name: str, s: np.ndarray) -> np.ndarray:
    if name.endswith("running_var"):
        return 1 + 0.5 * s * s
    return 1 + 0.1 * s if name.endswith(".weight") else 0.1 * s


def fill_entry(name: str, shape, dtype: str, small: np.ndarray, matrix: np.ndarray) -> torch.Tensor:
    """Return one entry: ``matrix`` for two and more dimensions, ``small`` for vectors, 0 integers."""
    if not dtype.startswith("float"):
        return torch.zeros(shape, dtype=getattr(torch, dtype))
    values = matrix if len(shape) >= 2 else _one_dimensional(name, small)
    return torch.from_numpy(values.reshape(shape)).float()


def avid_fill(entries, constants: dict, rule: str) -> dict[str, torch.Tensor]:
    """Return AVID's state dict: rule ``A`` (sine) or ``B`` (input-sensitive waves)."""
    state = {}
    for i, (name, shape, dtype) in enumerate(entries):
        s = _sine(shape, i, constants["c"], constants["d"])
        matrix = s
        if len(shape) >= 2:
            scale = math.sqrt((1 if rule == "A" else 2) / fan_in(shape))
            matrix = scale * (s if rule == "A" else _waves(shape, i, constants))
        state[name] = fill_entry(name, shape, dtype, s, matrix)
    return state


def avid_input(shape, constants: dict, rule: str) -> torch.Tensor:
    """Return AVID's input of rule ``A`` or ``B``."""
    x = np.sin(constants["xin"] * np.arange(math.prod(shape), dtype=np.float64))
    if rule == "B":
        m = np.arange(math.prod(shape), dtype=np.int64) % 4093
        x = x + np.sin(constants["q"] * (m * m).astype(np.float64))
    return rounded(x.reshape(shape))


def severe_fill(entries, fill: dict, rule: str) -> dict[str, torch.Tensor]:
    """Return SEVERE's state dict: rule ``sine`` or ``hash``; ``fill`` holds the constants."""
    return {
        name: severe_entry(name, shape, dtype, i, fill, rule)
        for i, (name, shape, dtype) in enumerate(entries)
    }


def severe_entry(name: str, shape, dtype: str, i: int, fill: dict, rule: str) -> torch.Tensor:
    """Return one entry of SEVERE's state dict."""
    if rule == "sine":
        s = _sine(shape, i, fill["cj"], fill["ci"])
        matrix = s / math.sqrt(max(fan_in(shape), 1))
    else:
        s = severe_hash(shape, i, fill["hash_seed"])
        matrix = s * math.sqrt(6 / max(fan_in(shape), 1))
    return fill_entry(name, shape, dtype, s, matrix)


def severe_input(shape, fill: dict, rule: str) -> torch.Tensor:
    """Return SEVERE's input of rule ``sine`` or ``hash``."""
    if rule == "sine":
        x = np.sin(fill["input_c"] * np.arange(math.prod(shape), dtype=np.float64))
    else:
        x = severe_hash(shape, 1_000_000, fill["hash_seed"])
    return rounded(x.reshape(shape))


def gdt_hash(shape, stream: int) -> np.ndarray:
    """Return GDT's hash values in [0, 1), flat."""
    mask = np.uint64(0xFFFFFFFF)
    u = (_counts(shape) * np.uint64(2654435761) + np.uint64(stream * 40503 + 12345)) & mask
    u = ((u ^ (u >> np.uint64(16))) * np.uint64(2246822519)) & mask
    u = ((u ^ (u >> np.uint64(13))) * np.uint64(3266489917)) & mask
    return (u ^ (u >> np.uint64(16))).astype(np.float64) / 2**32


def gdt_entry(name: str, shape, dtype: str, i: int) -> torch.Tensor:
    """Return one entry of GDT's state dict by the hash rule."""
    u = gdt_hash(shape, i)
    s = 2 * u - 1
    small = np.sqrt(u) if name.endswith("running_var") else s  # 1 + 0.5 u there
    return fill_entry(name, shape, dtype, small, s * math.sqrt(6 / max(fan_in(shape), 1)))


def zero_shot_entry(name: str, shape, dtype: str, i: int, gain: float) -> torch.Tensor:
    """Return one entry of the zero-shot network's state dict."""
    w = _sine(shape, i, 0.37, 1.0)
    return fill_entry(name, shape, dtype, w, gain * w / math.sqrt(max(fan_in(shape), 1)))


def severe_map(shape, rule: str, c: float, seed: int) -> torch.Tensor:
    """Return SEVERE's feature map of rule ``sine`` or ``hash``."""
    if rule == "hash":
        values = 2 * severe_hash(shape, 1_000_000, seed)
    else:
        values = np.sin(c * np.arange(math.prod(shape), dtype=np.float64))
    return rounded(values.reshape(shape))


def listed(tensors: dict[str, torch.Tensor]) -> list[list]:
    """Return names, shapes and types as the recorded lists of entries have them."""
    return [[k, list(t.shape), str(t.dtype).removeprefix("torch.")] for k, t in tensors.items()]


def madeup_vector(word: str) -> np.ndarray:
    """Return the unit vector ``(16,)`` of a word in the recorded zero-shot numbers."""
    h = sum((p + 1) ** 2 * ord(c) for p, c in enumerate(word)) % 1009
    v = np.sin(0.1 * h + 0.5 * np.arange(16) * (1 + h % 7))
    return (v / np.linalg.norm(v)).astype(np.float32)


def gdt_input(shape, stream: int) -> torch.Tensor:
    """Return GDT's input of a stream."""
    return rounded(2 * gdt_hash(shape, stream).reshape(shape) - 1)
