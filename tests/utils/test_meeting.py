"""Processes that name each other when one is missing, and end with one message."""

import threading
import time

import pytest
import torch.distributed as dist

from slowfast.utils import meeting as module
from slowfast.utils.errors import TrainingError
from slowfast.utils.meeting import Meeting, named


@pytest.fixture
def group(monkeypatch):
    """Four processes of a run, here in one."""
    monkeypatch.setattr(module, "LEAVING_SECONDS", 0.3)
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    return [Meeting(dist.PrefixStore("run", store), rank, 4) for rank in range(4)]


def test_all_wait_for_the_last_one(group):
    arrived = []

    def arrive(one):
        one.wait_for_all(10)
        arrived.append(one.rank)

    threads = [threading.Thread(target=arrive, args=(one,)) for one in group]
    for thread in threads[:3]:
        thread.start()
    time.sleep(0.2)
    assert not arrived
    threads[3].start()
    for thread in threads:
        thread.join()
    assert sorted(arrived) == [0, 1, 2, 3]


def test_those_that_do_not_come_are_named(group):
    group[3].mark(module.ARRIVED)
    with pytest.raises(TrainingError, match="rank 1, 2 of 4 did not come within DIST_TIMEOUT_SECO"):
        group[0].wait_for_all(0.2)


def test_one_speaks_and_the_others_leave_when_it_has(group):
    said = []

    def leave(one):
        if one.may_speak():
            time.sleep(0.2)
            said.append(one.rank)
            one.spoke()
        said.append("left")

    threads = [threading.Thread(target=leave, args=(one,)) for one in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said[0] in range(4) and said[1:] == ["left"] * 4


def test_those_that_do_not_leave_with_the_others_are_gone(group):
    group[0].may_speak()
    group[3].mark(module.LEAVING)
    assert group[0].gone() == [1, 2]


def test_a_process_whose_store_is_gone_speaks_itself():
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    client = dist.TCPStore("127.0.0.1", store.port, is_master=False, wait_for_workers=False)
    alone = Meeting(client, 1, 2)
    del store
    assert alone.may_speak()
    assert alone.gone() == []


def test_many_ranks_are_not_all_named():
    assert named([3]) == "rank 3"
    assert named(range(100)) == "rank 0, 1, 2, 3, 4, 5, 6, 7 and 92 more"
