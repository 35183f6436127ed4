"""Train and test what a config describes: ``run_net.py --cfg FILE.yaml [KEY VALUE ...]``."""

from slowfast.engine.cli import command

if __name__ == "__main__":
    command()
