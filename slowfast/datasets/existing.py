"""Which files of a list are missing, found without asking for each of a million files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from slowfast.utils import remote
from slowfast.utils.errors import AnnotationError

WORTH_LISTING = 32  # files of one folder from which on it is listed, not asked file by file


def find_missing(paths: Iterable[str], source: str) -> list[str]:
    """Return the files that do not exist, each once, in order.

    Large folders are listed, and so are archives. Of a folder on a web server, which cannot be listed,
    the first :data:`WORTH_LISTING` files are asked for.

    Args:
        paths: can be iterated more than once.
        source: of the list, for messages.

    Raises:
        AnnotationError: a place that is not on this machine's disk cannot be asked.
    """
    count = Counter(_folder_of(path)[0] for path in paths)
    try:
        held = {folder: _names_in(folder, number) for folder, number in count.items()}
        asked: Counter[str] = Counter()
        missing: dict[str, None] = {}
        for path in paths:
            folder, name = _folder_of(path)
            if name in held[folder]:
                continue
            if folder.startswith(remote.WEB):
                asked[folder] += 1
                if asked[folder] > WORTH_LISTING:
                    continue
            # What a listing does not show may be there: names on some disks know no case.
            if not remote.exists(path):
                missing[path] = None
    except OSError as error:
        raise AnnotationError(
            f"{source}: its files cannot be looked up: {error}. 'python tools/prepare_data.py "
            "manifest' leaves out what cannot be read; DATA.MANIFEST_DIR then needs no look."
        ) from error
    return [*missing]


def _folder_of(path: str) -> tuple[str, str]:
    """Return what a file lies in and its name there."""
    if "::" in path:
        return remote.split_folder(path)
    folder, _, name = path.rpartition("/")
    return folder, name


def _names_in(folder: str, wanted: int) -> set[str]:
    """Return the names in a folder behind which there is something, where a listing pays."""
    if remote.is_archive(folder):
        return remote.names_in(folder)
    if wanted < WORTH_LISTING or folder.startswith(remote.WEB):
        return set()
    if remote.is_remote(folder):
        return remote.names_in(folder)
    try:
        with os.scandir(folder or ".") as entries:
            return {e.name for e in entries if not e.is_symlink() or os.path.exists(e.path)}
    except OSError:
        return set()
