"""Test what a config describes, without training."""

import sys

from slowfast.engine.cli import main
from slowfast.utils.processes import leave

if __name__ == "__main__":
    leave(main(["TRAIN.ENABLE", "False", "TEST.ENABLE", "True", *sys.argv[1:]]))
