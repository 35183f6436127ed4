"""The text network of MIL-NCE and GDT: fixed word vectors, a linear layer and a maximum over words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.models.text.vocabulary import build_vocabulary
from slowfast.utils.errors import CheckpointError


class WordEncoder(nn.Module):
    """A map of features over words, whose maximum does not depend on their order.

    Padding takes part in the maximum, as published. The vectors belong to the tokeniser's words and
    do not learn; weights that were trained with others are refused.

    Args:
        vectors: float32 ``(V + 1, D)``; row 0 is that of padding.
        feature_dim: C.
    """

    pooling = "max"

    def __init__(self, vectors: Tensor, feature_dim: int = 2048) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors.clone(), freeze=True)
        self.linear = nn.Linear(vectors.shape[1], feature_dim)
        self.feature_dim = feature_dim
        self._register_load_state_dict_pre_hook(self._check_vectors)

    def forward(self, ids: Tensor) -> Tensor:
        """Return ``(B, C, W)`` of word numbers int64 ``(B, W)``."""
        return F.relu(self.linear(self.embedding(ids))).transpose(1, 2)

    def _check_vectors(self, state: dict[str, Tensor], prefix: str, *_) -> None:
        own, theirs = self.embedding.weight, state.get(f"{prefix}embedding.weight")
        if theirs is None or theirs.shape != own.shape or own.is_meta or theirs.is_meta:
            return
        if not torch.allclose(theirs.to(own), own, rtol=1e-3, atol=1e-6):
            raise CheckpointError(
                "The weights were trained with other word vectors than those of TEXT.VECTORS, whose "
                "numbers would mean other words. Name the table of that training."
            )


def build_text_backbone(text) -> WordEncoder:
    """Return the text network of the ``TEXT`` node of a config."""
    return WordEncoder(build_vocabulary(text).vectors, text.FEATURE_DIM)
