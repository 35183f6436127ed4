"""Two processes of a group, forked."""

import json
import os
import socket
import time

from slowfast.utils import distributed as du


def of_two(work, folder):
    """Return what ``work(rank)`` returns in each of two processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    children = []
    for rank in range(2):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                os.environ.update(group, RANK=str(rank))
                du.init_process_group("gloo", 20)
                (folder / str(rank)).write_text(json.dumps(work(rank)))
                du.destroy_process_group()
            finally:
                os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    return [json.loads((folder / str(rank)).read_text()) for rank in range(2)]


def test_a_late_vote_is_the_same_everywhere_and_waits_for_nobody(tmp_path):
    numbers = [[0, 5, 0, 3, 0], [0, 0, 7, 9, 0]]

    def vote(rank):
        ballots, found, seconds = du.LateVote(), [], []
        for number in numbers[rank]:
            if rank == 1:
                time.sleep(0.2)  # its step takes longer
            begin = time.monotonic()
            found.append(ballots.largest(number))
            seconds.append(time.monotonic() - begin)
        return found, seconds

    (first, seconds), (second, others) = of_two(vote, tmp_path)
    assert first == second == [0, 0, 5, 7, 9]
    assert seconds[0] < 0.1 and max(others) < 0.1


def test_a_process_alone_hears_itself_at_once():
    ballots = du.LateVote()
    assert [ballots.largest(number) for number in (3, 0, 4)] == [3, 0, 4]
