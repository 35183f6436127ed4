"""Positive sets of AVID-CMA: recorded ones, and those of a search over all pairs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import mining as oracle
from oracles.avid_banks import banks

from slowfast.ssl import mining
from slowfast.ssl.mining import mine_positives
from slowfast.utils.errors import ConfigError

RECORDED = ["consensus_top8", "consensus_top32", "union_top8", "video_top8", "audio_top8"]
AGREEMENTS = ["consensus", "union", "video", "audio"]
TWINS = [3, 10, 50]


@pytest.fixture(scope="module")
def golden(recorded):
    return recorded("avid/cma_positive_sets.json")


@pytest.fixture(scope="module")
def avid_banks(golden):
    """Float32, in which the search computes: what is compared are sets, not numbers."""
    return banks(golden["inputs"])


def small_tiles(monkeypatch, queries: int = 10, keys: int = 32) -> None:
    monkeypatch.setitem(mining._TILES, "cpu", (queries, keys))


# The search


def test_the_banks_are_those_of_the_recording(golden, avid_banks):
    for name, bank in zip(("view1_mem", "view2_mem"), avid_banks, strict=True):
        expected = golden["inputs"]["check"][name]
        assert bank.flatten()[:4].tolist() == pytest.approx(expected["first4"], rel=1e-6)
        assert bank.double().sum().item() == pytest.approx(expected["sum"], rel=1e-6)


@pytest.mark.parametrize("name", RECORDED)
def test_the_sets_are_the_recorded_ones(golden, avid_banks, name):
    agreement, k = name.split("_top")
    found = mine_positives(*avid_banks, int(k), agreement)
    assert found.dtype == torch.long
    assert found.tolist() == golden["positive_sets"][name]


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("queries", [1, 7, 64, 1000])
@pytest.mark.parametrize("keys", [16, 48, 16384])
def test_neither_queries_nor_keys_of_a_tile_change_a_set(
    golden, avid_banks, name, queries, keys, monkeypatch
):
    small_tiles(monkeypatch, queries, keys)
    agreement, k = name.split("_top")
    found = mine_positives(*avid_banks, int(k), agreement)
    assert found.tolist() == golden["positive_sets"][name]


def test_some_rows_alone_get_the_sets_they_get_among_all(golden, avid_banks, monkeypatch):
    small_tiles(monkeypatch)
    found = mine_positives(*avid_banks, 8, rows=range(13, 45))
    assert found.tolist() == golden["positive_sets"]["consensus_top8"][13:45]
    assert mine_positives(*avid_banks, 8, rows=range(64, 64)).shape == (0, 8)


@settings(deadline=None, max_examples=50)
@given(
    size=st.integers(3, 60),
    seed=st.integers(0, 10**6),
    agreement=st.sampled_from(AGREEMENTS),
    queries=st.integers(1, 70),
    keys=st.sampled_from([16, 32, 16384]),
    data=st.data(),
)
def test_the_sets_are_those_of_a_search_over_all_pairs(size, seed, agreement, queries, keys, data):
    video, audio = oracle.random_banks(size, dim=5, seed=seed)
    valid = torch.rand(size, generator=torch.Generator().manual_seed(seed)) < 0.8
    valid[:2] = True
    k = data.draw(st.integers(1, int(valid.sum()) - 1))
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, queries, keys)
        found = mine_positives(video, audio, k, agreement, valid=valid).tolist()
    expected = oracle.positive_sets(video, audio, k, agreement, valid)
    for i, (got, best) in enumerate(zip(found, expected, strict=True)):
        assert got == sorted(set(got))
        assert i not in got
        assert valid[got].all()
        # Scores, not members: rounding decides between pairs that are equally good.
        ours, theirs = (
            sorted(oracle.score(video, audio, i, j, agreement) for j in rows)
            for rows in (got, best)
        )
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("agreement", ["video", "audio"])
def test_one_modality_alone_never_looks_at_the_other(golden, avid_banks, agreement):
    video, audio = avid_banks
    unread = torch.full_like(video, torch.nan)
    given_banks = (video, unread) if agreement == "video" else (unread, audio)
    found = mine_positives(*given_banks, 8, agreement)
    assert found.tolist() == golden["positive_sets"][f"{agreement}_top8"]


def test_unwritten_rows_are_nobodys_positives(avid_banks, monkeypatch):
    small_tiles(monkeypatch)
    valid = torch.ones(64, dtype=torch.bool)
    valid[[0, 8, 20, 40, 41, 42, 43, 44, 63]] = False
    video, audio = (bank.clone() for bank in avid_banks)
    video[~valid], audio[~valid] = video[1].clone(), audio[1].clone()
    found = mine_positives(video, audio, 8, valid=valid)
    assert valid[found].all()
    assert found.tolist() == oracle.positive_sets(video, audio, 8, "consensus", valid)


def test_an_autocast_region_changes_nothing(golden, avid_banks):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mine_positives(*avid_banks, 32)
    assert found.tolist() == golden["positive_sets"]["consensus_top32"]


def test_lowered_precision_of_products_is_not_used_and_comes_back(golden, avid_banks):
    torch.set_float32_matmul_precision("medium")
    try:
        found = mine_positives(*avid_banks, 32)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert found.tolist() == golden["positive_sets"]["consensus_top32"]


def test_banks_that_require_gradients_give_sets_without(avid_banks):
    video, audio = (bank.clone().requires_grad_() for bank in avid_banks)
    assert not mine_positives(video, audio, 8).requires_grad


# Duplicates


@pytest.fixture(scope="module")
def twin_banks(avid_banks):
    """Banks in which three rows are one and the same."""
    video, audio = (bank.clone() for bank in avid_banks)
    video[TWINS], audio[TWINS] = video[3].clone(), audio[3].clone()
    return video, audio


def test_an_instance_is_never_its_own_positive_not_even_with_twins(twin_banks, monkeypatch):
    small_tiles(monkeypatch)
    found = mine_positives(*twin_banks, 4)
    assert all(i not in row for i, row in enumerate(found.tolist()))
    for i in TWINS:
        assert found[i].tolist() == sorted({27, 51, *TWINS} - {i})


def test_without_excluding_self_the_best_match_goes_whoever_it_is(recorded, twin_banks):
    defect = recorded("avid/loss_cma.json")["duplicate_rows_defect"]["positive_sets"]
    found = mine_positives(*twin_banks, 4, exclude_self=False)
    for i in TWINS:
        # Which twin goes is up to the sort; one does, and the others stay.
        for row in (found[i].tolist(), defect[str(i)]):
            assert set(row) - set(TWINS) == {27, 51}
            assert len(set(row) & set(TWINS)) == 2


def test_without_excluding_self_twins_stay_in_their_own_sets():
    bank = torch.eye(8)[[0, 0, 0, 1, 2, 3, 4, 5]]  # products without rounding: exact ties
    found = mine_positives(bank, bank, 2, exclude_self=False)[:3].tolist()
    assert found[0] == found[1] == found[2]
    assert sum(i in row for i, row in enumerate(found)) == 2


def test_without_duplicates_the_released_way_finds_the_same_sets(golden, avid_banks):
    found = mine_positives(*avid_banks, 32, exclude_self=False)
    assert found.tolist() == golden["positive_sets"]["consensus_top32"]


# Arguments


def test_more_positives_than_candidates_is_an_error_with_the_numbers(avid_banks):
    assert mine_positives(*avid_banks, 63).shape == (64, 63)
    with pytest.raises(ConfigError, match=r"64 positives .* only 63 other .*64 of 64 bank rows"):
        mine_positives(*avid_banks, 64)
    valid = torch.arange(64) < 6
    with pytest.raises(ConfigError, match=r"8 positives .* only 5 other .*6 of 64 bank rows"):
        mine_positives(*avid_banks, 8, valid=valid)
    with pytest.raises(ConfigError, match="at least one"):
        mine_positives(*avid_banks, 0)


def test_an_unknown_agreement_names_the_nearest(avid_banks):
    with pytest.raises(ConfigError, match="Did you mean 'consensus'"):
        mine_positives(*avid_banks, 8, "consenus")


def test_banks_that_do_not_fit_each_other_are_refused(avid_banks):
    video, audio = avid_banks
    with pytest.raises(ConfigError, match=r"\(64, 128\) and the audio bank \(63, 128\)"):
        mine_positives(video, audio[1:], 8)
    with pytest.raises(ConfigError, match="'valid'"):
        mine_positives(video, audio, 8, valid=torch.ones(63, dtype=torch.bool))
