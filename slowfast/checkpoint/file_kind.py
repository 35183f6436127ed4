"""What kind of file something is, known by its first bytes and its table of contents."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

from slowfast.checkpoint.pickle_scan import shown
from slowfast.utils.errors import CheckpointError

# How a file of torch.save begins: an archive, or the magic number of torch before 1.6.
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
LEGACY = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # after the pickle protocol
TORCHSCRIPT = (
    "a TorchScript program, whose code runs when it is loaded. Ask its author for the weights alone; "
    "where you trust it, torch.jit.load it and torch.save its state_dict()."
)
AGAIN = "Copy or download it again."
# Beginnings of other files -> what to say.
OTHERS = {
    b"": f"an empty file. {AGAIN}",
    b"<!doctype html": "a web page (HTML), not weights: confirm the download in a browser.",
    b"<html": "a web page (HTML), not weights: confirm the download in a browser.",
    b"version https://git-lfs": "a pointer of git-LFS, not the weights. Run 'git lfs pull'.",
    b"\x1f\x8b": "packed with gzip. Unpack it first, and name a file.",
    b"bzh": "packed with bzip2. Unpack it first, and name a file.",
    b"\xfd7zxz\x00": "packed with xz. Unpack it first, and name a file.",
    b"\x28\xb5\x2f\xfd": "packed with zstandard. Unpack it first, and name a file.",
    b"7z\xbc\xaf\x27\x1c": "packed with 7z. Unpack it first, and name a file.",
    b"rar!": "packed with rar. Unpack it first, and name a file.",
    b"\x89png": f"an image. {AGAIN}",
    b"\xff\xd8\xff": f"an image. {AGAIN}",
}


def file_kind(path: Path) -> str:
    """Return ``zip``, ``legacy`` (torch before 1.6) or ``safetensors``.

    Raises:
        CheckpointError: it is missing, damaged or of another kind.
        UnpicklingError: a pickle or archive that only plain pickle may read.
        OSError: it cannot be opened.
        BadZipFile: it is torn.
    """
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder, not a checkpoint. Name a file in it.")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint.")
    with open(path, "rb") as file:
        head = file.read(1024)
    if head.startswith(ZIP):
        _check_zip(path)
        return "zip"
    if head.startswith(b"\x80") and LEGACY.startswith(head[2 : 2 + len(LEGACY)]):
        return "legacy"
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    if head.startswith(b"\x80"):
        raise pickle.UnpicklingError("a plain pickle, or one of torch in a protocol above 3")
    if head[257:262] == b"ustar":
        raise pickle.UnpicklingError("a tar archive, or a checkpoint of torch 0.1: unpack it")
    raise CheckpointError(f"{path}: {_other(head)}")


def _other(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, words in OTHERS.items():
        if start.lower().startswith(magic) if magic else not head:
            return words
    text = start[:80].decode("utf-8", "ignore")
    if text and all(letter.isprintable() or letter.isspace() for letter in text):
        return f"text, not weights. It begins with '{shown(text)}'. {AGAIN}"
    return f"not a file of torch.save (it begins with {head[:8].hex(' ')}). {AGAIN}"


def zip_root(names: list[str]) -> str | None:
    """Return the folder in which ``torch.save`` put everything, None in other archives."""
    roots = [n.partition("/")[0] for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
    return roots[0] if len(roots) == 1 else None


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names, members = archive.namelist(), archive.infolist()
        root = zip_root(names)
        some = ", ".join(map(shown, names[:4])) or "nothing"
        if members and min(member.header_offset for member in members) != 0:
            raise zipfile.BadZipFile("bytes are missing, or too many")
        if len({name.casefold() for name in names}) < len(names):
            problem = "a damaged or hostile zip archive (a name occurs twice)."
        elif any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
            problem = "compressed, which torch never does: packed again, or a zip bomb. Unpack it."
        elif sum(member.file_size for member in members) > path.stat().st_size:
            problem = "a damaged or hostile zip archive (its members overlap)."
        elif root is None:
            problem = f"a zip archive, but not of torch.save (no data.pkl in it). It holds {some}."
        elif f"{root}/constants.pkl" in names:
            problem = TORCHSCRIPT
        elif damaged := archive.testzip():
            problem = f"damaged (checksum of {shown(damaged)!r} does not match). {AGAIN}"
        else:
            return
    raise CheckpointError(f"{path}: {problem}")
