"""Train what a config describes, without testing."""

import sys

from slowfast.engine.cli import main
from slowfast.utils.processes import leave

if __name__ == "__main__":
    leave(main(["TRAIN.ENABLE", "True", "TEST.ENABLE", "False", *sys.argv[1:]]))
