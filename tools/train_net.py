"""Train what a config describes, without testing."""

import sys

from slowfast.engine.failures import leave
from slowfast.engine.run import main

if __name__ == "__main__":
    leave(main(["TRAIN.ENABLE", "True", "TEST.ENABLE", "False", *sys.argv[1:]]))
