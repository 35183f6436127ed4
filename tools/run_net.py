"""Train and test what a config describes: ``run_net.py --cfg FILE.yaml [KEY VALUE ...]``."""

from slowfast.engine.cli import main
from slowfast.utils.processes import leave

if __name__ == "__main__":
    leave(main())
