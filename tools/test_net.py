"""Test what a config describes, without training."""

import sys

from slowfast.engine.cli import main

if __name__ == "__main__":
    sys.exit(main(["TRAIN.ENABLE", "False", "TEST.ENABLE", "True", *sys.argv[1:]]))
