"""What processes agree on."""

import json
import os
import socket
import subprocess
import sys

from slowfast.utils import distributed as du

VOTE = """
import json, os, sys, time
from slowfast.utils import distributed as du

rank, numbers = int(os.environ["RANK"]), json.loads(sys.argv[1])
du.init_process_group("gloo", 20)
ballots, found, seconds = du.LateVote(), [], []
for number in numbers[rank]:
    time.sleep(0.2 * rank)  # the second one's step takes longer
    begin = time.monotonic()
    found.append(ballots.largest(number))
    seconds.append(time.monotonic() - begin)
print(json.dumps([found, seconds]), flush=True)
du.destroy_process_group()
"""


def test_a_late_vote_is_the_same_everywhere_and_waits_for_nobody():
    numbers = [[0, 5, 0, 3, 0], [0, 0, 7, 9, 0]]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    group = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    command = [sys.executable, "-c", VOTE, json.dumps(numbers)]
    processes = [
        subprocess.Popen(command, env={**group, "RANK": rank}, stdout=subprocess.PIPE)
        for rank in ("0", "1")
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    (first, seconds), (second, others) = map(json.loads, said)
    assert first == second == [0, 0, 5, 7, 9]
    assert seconds[0] < 0.1 and max(others) < 0.1


def test_a_process_alone_hears_itself_at_once():
    ballots = du.LateVote()
    assert [ballots.largest(number) for number in (3, 0, 4)] == [3, 0, 4]
