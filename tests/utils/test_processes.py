"""Child processes end with the run, whenever it is killed."""

import signal
import subprocess
import sys

PROGRAM = """
import multiprocessing, os, signal, time
from slowfast.utils.processes import die_with_parent

def forked_slowly(fork=os.fork):
    child = fork()
    if not child:
        time.sleep(0.3)
    return child

def live():
    die_with_parent()
    time.sleep(30)

os.fork = forked_slowly
for _ in range(2):
    multiprocessing.get_context("fork").Process(target=live).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_that_have_hardly_begun_end_with_a_killed_parent():
    # They hold what they were given for output, so that this waits for them.
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=20)
    assert run.returncode == -signal.SIGKILL and not run.stderr
