"""Train what a config describes, without testing."""

import sys

from slowfast.engine.cli import main

if __name__ == "__main__":
    sys.exit(main(["TRAIN.ENABLE", "True", "TEST.ENABLE", "False", *sys.argv[1:]]))
