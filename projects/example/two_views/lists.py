"""A dataset: every video below a folder, without labels; one in ten is held out."""

from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable

SUFFIXES = {".mp4", ".mkv", ".avi", ".webm"}


@dataset_list("any_videos")
def any_videos(cfg, split: str) -> ItemTable:
    """List the videos below ``DATA.PATH_PREFIX`` in the order of their names."""
    root = Path(cfg.DATA.PATH_PREFIX)
    paths = sorted(str(path) for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    held_out = paths[::10]
    chosen = [path for path in paths if path not in held_out] if split == "train" else held_out
    return ItemTable(chosen, None, [], root)
