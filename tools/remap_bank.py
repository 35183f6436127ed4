"""Bring the memory banks of a pretraining to another list of files, by file name.

    remap_bank.py RUN_OR_CHECKPOINT --new MANIFEST.npz --out NEW.pyth [--old MANIFEST.npz]

Both lists are manifests: ``train_files-*.npz`` that a pretraining run leaves in its folder, or what
``prepare_data.py manifest`` writes. ``--old`` is found by itself in the folder of a run. The result
goes to SSL.CHECKPOINT.
"""

import argparse
import sys
from pathlib import Path

from slowfast.checkpoint.pretraining import remap_file
from slowfast.engine.failures import run_cli


def main() -> int:
    """Write the checkpoint and say what became of the memories."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="run folder, checkpoint or released file")
    parser.add_argument("--old", type=Path, help="list that the banks belong to")
    parser.add_argument("--new", type=Path, required=True, help="list to train on")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--seed", type=int, default=0, help="of the memories of new files")
    args = parser.parse_args()
    return run_cli(
        lambda: print(remap_file(args.checkpoint, args.old, args.new, args.out, args.seed))
    )


if __name__ == "__main__":
    sys.exit(main())
