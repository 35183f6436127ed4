"""Paths as users write them: ``~``, ``$VARS``, and files that lie elsewhere (:mod:`slowfast.utils.remote`).

A list, config or checkpoint that lies elsewhere is fetched once, as a whole, into ``$SLOWFAST_CACHE``
(default ``~/.cache/slowfast``); it gets its name when it is complete.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin, urlparse

from slowfast.utils.errors import ConfigError, DownloadError
from slowfast.utils.files import atomic_write, sha256
from slowfast.utils.remote import WEB, is_remote, open_binary

logger = logging.getLogger(__name__)

# What the names of keys end in that hold a path.
PATH_KEYS = (
    *("_DIR", "_PATH", "_FILE", "_LISTS", "_BOXES", ".PATH_PREFIX"),
    *("MODEL.CKPT", "SSL.CHECKPOINT", "AUDIO.NORM_STATS"),
)
# Where configs and tools come from: a checkout, or inside an installed wheel.
ROOTS = (Path(__file__).parents[2], Path(__file__).parents[1])


def local_path(path: str | Path, key: str) -> str:
    """Return where a file is on this machine, fetching it first where ``path`` is an address.

    Args:
        path: a path or an address; ``~`` and ``$VARS`` are expanded in paths.
        key: the config key or flag that it was given by, for messages.

    Raises:
        ConfigError: an environment variable is not set.
        DownloadError: the file could not be fetched.
    """
    return _fetched(str(path), key) if is_remote(path) else expanded(str(path), key)


def expanded(path: str, key: str) -> str:
    """Return a path with ``~`` and environment variables replaced; web addresses stay as they are."""

    def value(match: re.Match) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise ConfigError(f"{key} {path!r}: the environment variable {name} is not set.")
        return os.environ[name]

    if path.startswith(WEB):
        return path
    return os.path.expanduser(re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, path))


def expand_paths(cfg) -> None:
    """Expand ``~`` and environment variables in every key of a config that holds a path."""
    for name, value in cfg.leaves().items():
        if not name.endswith(PATH_KEYS):
            continue
        if isinstance(value, str):
            path: str | list[str] = expanded(value, name)
        elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            path = [expanded(entry, name) for entry in value]
        else:
            continue
        if path != value:
            cfg.merge_from_list([name, path])


def short_names(paths: Sequence[str | Path]) -> list[str]:
    """Return the last component of each path, or as many as tell them apart."""
    parts = [Path(path).resolve().parts for path in paths]
    names: list[str] = []
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(p[-length:]) for p in parts]
        if len(set(names)) == len(names):
            break
    return names


# Folders that operating systems and archive programs leave behind.
CLUTTER = {"__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information"}


def is_clutter(name: str) -> bool:
    """Tell whether a file or folder is nobody's data: hidden, or left by a program beside the data."""
    return name.startswith(".") or name.lower() in CLUTTER


def existing_form(path: str) -> str:
    """Return a path in the Unicode form in which it exists; as it is where no form does.

    Some systems write an accented letter as one character, others as letter and accent.
    """
    if path.isascii() or is_remote(path) or os.path.exists(path):
        return path
    found = ""
    for part in path.split("/"):
        forms = [part, *(unicodedata.normalize(form, part) for form in ("NFC", "NFD"))]
        paths = [f"{found}{form}" for form in dict.fromkeys(forms)]
        found = next((one for one in paths if not one or os.path.exists(one)), "")
        if not found and part:
            return path
        found += "/"
    return found[:-1]


def joined(base: str | Path, name: str | Path) -> str:
    """Return ``name`` seen from the file ``base``; either may be an address."""
    if is_remote(name):
        return str(name)
    return urljoin(str(base), str(name)) if is_remote(base) else str(Path(base).parent / name)


def list_file(folder: str | Path, name: str, key: str) -> Path:
    """Return a list of a folder, which may be on a web server; see :func:`local_path`."""
    if is_remote(folder):
        return Path(local_path(f"{str(folder).rstrip('/')}/{name}", key))
    return Path(folder) / name


def cache_folder() -> Path:
    """Return where what was fetched is kept."""
    return Path(os.environ.get("SLOWFAST_CACHE") or "~/.cache/slowfast").expanduser()


def _fetched(url: str, key: str) -> str:
    place = urlparse(url)
    try:
        if url.startswith(WEB):
            path = _fetched_from_web(url, cache_folder() / place.netloc.replace(":", "_"))
        else:
            digest = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
            path = cache_folder() / "files" / digest / re.split(r"/|::", url)[-1]
            if not path.is_file():
                with open_binary(url) as file, atomic_write(path) as copy:
                    shutil.copyfileobj(file, copy, 1 << 20)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DownloadError(f"{key}: {url} could not be downloaded: {error}.") from error
    logger.info("%s: %s is %s, SHA-256 %s.", key, url, path, sha256(path))
    return str(path)


def _fetched_from_web(url: str, folder: Path) -> str:
    from iopath.common.file_io import HTTPURLHandler, PathManager

    manager = PathManager()
    manager.register_handler(HTTPURLHandler())
    return manager.get_local_path(url, cache_dir=str(folder))


def shipped(name: str | Path) -> Path | None:
    """Return a file below ``configs`` or ``tools`` by its name there, or None.

    >>> shipped("configs/nothing.yaml")
    """
    parts = Path(name).parts
    if not parts or parts[0] not in ("configs", "tools") or os.pardir in parts:
        return None
    return next((root / name for root in ROOTS if (root / name).is_file()), None)


def shipped_tools() -> list[str]:
    """Return the names of all tools."""
    folder = next((root / "tools" for root in ROOTS if (root / "tools/run_net.py").is_file()), None)
    return sorted(path.stem for path in folder.glob("*.py")) if folder else []
