"""Test what a config describes, without training."""

import sys

from slowfast.engine.failures import leave
from slowfast.engine.run import main

if __name__ == "__main__":
    leave(main(["TRAIN.ENABLE", "False", "TEST.ENABLE", "True", *sys.argv[1:]]))
