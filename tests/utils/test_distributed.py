"""What processes agree on."""

import json

from warm import found_by_ranks

from slowfast.utils import distributed as du

VOTE = """
ballots, largest, seconds = du.LateVote(), [], []
for number in json.loads(words[0])[rank]:
    time.sleep(0.2 * rank)  # the second one's step takes longer
    begin = time.monotonic()
    largest.append(ballots.largest(number))
    seconds.append(time.monotonic() - begin)
found = [largest, seconds]
"""


def test_a_late_vote_is_the_same_everywhere_and_waits_for_nobody(tmp_path):
    numbers = [[0, 5, 0, 3, 0], [0, 0, 7, 9, 0]]
    (first, seconds), (second, others) = found_by_ranks(VOTE, tmp_path, json.dumps(numbers))
    assert first == second == [0, 0, 5, 7, 9]
    assert seconds[0] < 0.1 and max(others) < 0.1


def test_a_process_alone_hears_itself_at_once():
    ballots = du.LateVote()
    assert [ballots.largest(number) for number in (3, 0, 4)] == [3, 0, 4]
