"""Train and test what a config describes: ``run_net.py --cfg FILE.yaml [KEY VALUE ...]``."""

from slowfast.engine.failures import leave
from slowfast.engine.run import main

if __name__ == "__main__":
    leave(main())
