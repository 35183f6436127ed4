"""Train and test what a config describes: ``run_net.py --cfg FILE.yaml [KEY VALUE ...]``."""

import sys

from slowfast.engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
