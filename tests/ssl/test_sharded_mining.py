"""A search shared among processes finds what a single one finds."""

import pytest
import torch
from oracles.mining import random_banks
from warm import found_by_ranks

from slowfast.ssl import mining
from slowfast.ssl.mining import mine_over_processes, mine_positives
from slowfast.utils.errors import ConfigError

BLOCKS = [(0, 16), (16, 32), (32, 48), (48, 64), (64, 70)]


@pytest.fixture
def mined(monkeypatch):
    """Blocks of 16 rows; the list of those that were mined."""
    rows_mined = []

    def counted(*args, rows, **kwargs):
        rows_mined.append((rows.start, rows.stop))
        return mine_positives(*args, rows=rows, **kwargs)

    monkeypatch.setattr(mining, "BLOCK_ROWS", 16)
    monkeypatch.setattr(mining, "mine_positives", counted)
    return rows_mined


@pytest.fixture(scope="module")
def seventy():
    return random_banks(70)


def test_blocks_together_are_the_whole(seventy, mined):
    found = mine_over_processes(*seventy, 8, "union")
    assert mined == BLOCKS
    assert found.dtype == torch.long
    assert torch.equal(found, mine_positives(*seventy, 8, "union"))


def test_settings_reach_every_block(seventy, mined):
    valid = torch.arange(70) % 3 > 0
    arguments = {"valid": valid, "exclude_self": False}
    found = mine_over_processes(*seventy, 8, "audio", **arguments)
    assert torch.equal(found, mine_positives(*seventy, 8, "audio", **arguments))


def test_too_many_positives_are_refused_before_any_work(seventy, mined):
    with pytest.raises(ConfigError, match="70 positives"):
        mine_over_processes(*seventy, 70)
    assert mined == []


WORKER = """
from slowfast.ssl import mining

mining.BLOCK_ROWS = 16
mined, mine = [], mining.mine_positives

def counted(*args, rows, **kwargs):
    mined.append(rows.start)
    return mine(*args, rows=rows, **kwargs)

mining.mine_positives = counted
banks = torch.load(f"{folder}/banks.pt", weights_only=True)
whole = mining.mine_over_processes(*banks, 8)
starts = list(mined)
few = mining.mine_over_processes(*(bank[:20] for bank in banks), 8)
found = {"mined": starts, "whole": whole, "few": few}
"""


def test_processes_share_the_rows_and_all_get_all_sets(seventy, mined, tmp_path):
    """Three processes: shares of two, two and one blocks; then one, one and none."""
    torch.save(list(seventy), tmp_path / "banks.pt")
    results = found_by_ranks(WORKER, tmp_path, count=3)
    assert [result["mined"] for result in results] == [[0, 16], [32, 48], [64]]
    whole = mine_positives(*seventy, 8)
    few = mine_positives(*(bank[:20] for bank in seventy), 8)
    for result in results:
        assert torch.equal(result["whole"], whole)
        assert torch.equal(result["few"], few)
