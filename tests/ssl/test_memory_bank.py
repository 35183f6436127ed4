import torch
from torch.nn import functional as F

from slowfast.ssl.memory_bank import MemoryBank, last_occurrence


def bank(rows=6, dim=4, momentum=0.5):
    torch.manual_seed(0)
    return MemoryBank(rows, dim, momentum)


def test_rows_begin_as_random_unit_vectors():
    rows = bank(200, 16).rows
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(200))
    assert abs(rows.mean().item()) < 0.02


def test_reading_gives_the_rows_in_the_shape_of_the_index():
    memory = bank()
    index = torch.tensor([[0, 5], [5, 1], [2, 2]])
    assert torch.equal(memory(index), memory.rows[index])


def test_an_update_averages_unit_vectors_and_normalises():
    memory = bank(momentum=0.75)
    old, new = memory.rows.clone(), torch.randn(2, 4)
    memory.update(torch.tensor([4, 1]), 10 * new)
    wanted = F.normalize(0.75 * old[[4, 1]] + 0.25 * F.normalize(new, dim=1), dim=1)
    torch.testing.assert_close(memory.rows[[4, 1]], wanted)
    assert torch.equal(memory.rows[[0, 2, 3, 5]], old[[0, 2, 3, 5]])


def test_of_repeated_indices_the_last_counts_and_starts_from_the_old_row():
    memory, alone = bank(), bank()
    first, last = torch.randn(4), torch.randn(4)
    memory.update(torch.tensor([3, 2, 3]), torch.stack([first, first, last]))
    alone.update(torch.tensor([3]), last[None])
    assert torch.equal(memory.rows[3], alone.rows[3])


def test_rows_of_broken_embeddings_stay_as_they_were():
    memory = bank()
    old, good = memory.rows.clone(), torch.randn(4)
    broken = torch.full((4,), float("nan"))
    memory.update(torch.tensor([0, 1, 1]), torch.stack([broken, good, broken]))
    assert torch.equal(memory.rows[0], old[0])
    assert memory.written_at.tolist() == [-1, 0, -1, -1, -1, -1]
    assert memory.rows.isfinite().all()
    assert not torch.equal(memory.rows[1], old[1])


def test_each_row_knows_the_update_that_last_wrote_it():
    memory = bank(2)
    for row in (0, 1, 1, 1):
        memory.update(torch.tensor([row]), torch.randn(1, 4))
    assert memory.written_at.tolist() == [0, 3]


def test_banks_and_their_history_are_part_of_the_state():
    memory, other = bank(), MemoryBank(6, 4)
    memory.update(torch.tensor([3]), torch.randn(1, 4))
    other.load_state_dict(memory.state_dict())
    assert torch.equal(other.rows, memory.rows)
    assert other.written_at[3] == 0 and other.updates == 1


def test_last_occurrence():
    index = torch.tensor([7, 8, 7, 9, 7])
    every = torch.ones(5, dtype=torch.bool)
    assert last_occurrence(index, every).tolist() == [4, 1, 4, 3, 4]
    every[4] = False
    assert last_occurrence(index, every).tolist() == [2, 1, 2, 3, 2]
