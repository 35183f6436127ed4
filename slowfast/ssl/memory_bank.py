"""The memory bank of instance discrimination: one slowly moving unit vector per training file.

Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination"; AVID keeps
one bank for video and one for audio.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.utils import distributed as du
from slowfast.utils.precision import at_least_float32
from slowfast.utils.step_clock import timed


class MemoryBank(nn.Module):
    """``num_instances`` unit rows of size ``dim``, keyed by the row of the file in its list.

    Every process holds the whole bank and writes the rows of all processes in the same way, so
    that the copies stay equal to the last bit.

    Args:
        num_instances: N, files of the training list.
        dim: D, size of an embedding.
        momentum: m, share of the old row in an update.

    Attributes:
        rows: float32 ``(N, D)``, unit length; random at first.
        written_at: int64 ``(N,)``, the update that last wrote a row, -1 where none did.
        updates: int64 scalar, the number of updates so far.
    """

    def __init__(self, num_instances: int, dim: int = 128, momentum: float = 0.5) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("rows", F.normalize(torch.randn(num_instances, dim), dim=1))
        self.register_buffer("written_at", torch.full((num_instances,), -1))
        self.register_buffer("updates", torch.tensor(0))

    def __len__(self) -> int:
        return len(self.rows)

    def forward(self, index: Tensor) -> Tensor:
        """Return the rows ``(*index.shape, D)`` of int64 indices."""
        # The same numbers as self.rows[index], and a good deal faster on a CPU.
        with timed("bank"):
            return self.rows.index_select(0, index.flatten()).unflatten(0, index.shape)

    @torch.no_grad()
    @timed("bank")
    def update(self, index: Tensor, embeddings: Tensor) -> None:
        """Move the rows of this step towards their embeddings: ``normalize(m old + (1 - m) new)``.

        Where an index occurs more than once in the batch of all processes, every new row is made
        from the old one and the last occurrence counts, on every process and device. Rows whose
        embedding is not finite stay as they are.

        Args:
            index: int64 ``(B,)``.
            embeddings: ``(B, D)``, of any length and gathered from all processes here.
        """
        new = F.normalize(at_least_float32(embeddings.detach()), dim=1)
        new, index = du.all_gather([new, index])
        old = self(index)
        new = F.normalize(self.momentum * old + (1.0 - self.momentum) * new, dim=1)
        finite = new.isfinite().all(dim=1)
        last = last_occurrence(index, finite)
        # Repeated indices write the same values: the order of writing does not matter.
        self.rows.index_copy_(0, index, torch.where(finite[last, None], new[last], old))
        written = torch.where(finite[last], self.updates, self.written_at[index])
        self.written_at.index_copy_(0, index, written)
        self.updates += 1


def last_occurrence(index: Tensor, counts: Tensor) -> Tensor:
    """Return, for each place of ``index`` ``(B,)``, the last place with the same index.

    Args:
        counts: bool ``(B,)``; places that are False count only where no other has the index.
    """
    places = torch.arange(len(index), device=index.device)
    ranks = torch.where(counts, places + len(index), places)
    same = index[:, None] == index[None, :]
    return torch.where(same, ranks, -1).amax(dim=1) % len(index)
