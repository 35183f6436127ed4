"""What kind of file something is, told from its first bytes and its table of contents."""

from __future__ import annotations

import codecs
import struct
import tarfile
import zipfile
from pathlib import Path

from slowfast.checkpoint.stored import shown
from slowfast.utils.errors import CheckpointError

HEAD = 1024
PICKLE = b"\x80"
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
}
# Members of a tar file from before torch 0.1.10.
TAR_PARTS = ("storages", "tensors", "pickle")
# torch does not compress; of a file that somebody packed again, this much is believed.
RATIO, SIZEABLE = 100, 2**20


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with open(path, "rb") as file:
        return file.read(HEAD)


def is_zip(head: bytes) -> bool:
    """Tell whether these are the first bytes of a zip archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_tar(head: bytes) -> bool:
    """Tell whether these are the first bytes of a tar archive."""
    return head[257:262] == b"ustar"


def zip_root(names: list[str]) -> str | None:
    """Return the folder in which ``torch.save`` put everything, None in other archives."""
    roots = [n.partition("/")[0] for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
    return roots[0] if len(roots) == 1 else None


def check_kind(path: Path) -> None:
    """Say what a file is if it is not a whole one of ``torch.save``.

    The checksums of archives are verified.

    Raises:
        CheckpointError: it is missing, damaged or of another kind.
        OSError: it cannot be opened.
        BadZipFile: it is torn. ``zipfile`` and ``tarfile`` raise other errors for other tears.
    """
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder, not a checkpoint. Name a file in it.")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint.")
    head = read_head(path)
    if not head:
        raise CheckpointError(f"{path}: an empty file. Copy or download it again.")
    if is_zip(head):
        _check_zip(path)
    elif is_tar(head):
        _check_tar(path)
    else:
        _check_other(path, head)


def _check_other(path: Path, head: bytes) -> None:
    for magic, packer in PACKED.items():
        if head.startswith(magic):
            raise CheckpointError(
                f"{path}: packed with {packer}. Unpack it first, and name a file."
            )
    _check_text(path, head)
    if head[8:10] == b'{"' and struct.unpack("<Q", head[:8])[0] < path.stat().st_size:
        raise CheckpointError(
            f"{path}: a safetensors file, which is not supported. Save its tensors with torch.save."
        )
    if not head.startswith(PICKLE):
        raise CheckpointError(
            f"{path}: no file of torch.save (it begins with {head[:8].hex(' ')}). Check the name, or "
            "download it again."
        )


def _check_text(path: Path, head: bytes) -> None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.lower().startswith((b"<!doctype html", b"<html")):
        raise CheckpointError(
            f"{path}: a web page (HTML), not weights: the page around a download, or its error message. "
            "Download the file itself (for a drive, confirm 'download anyway')."
        )
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path}: a pointer of git-LFS, not the weights. Run 'git lfs pull' where it was cloned."
        )
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return
    if all(letter.isprintable() or letter.isspace() for letter in text):
        raise CheckpointError(
            f"{path}: text, not weights. It begins with '{shown(text[:80])}': if that is the answer "
            "of a server, download the file again."
        )


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        _check_members(path, archive)
        names = archive.namelist()
        root = zip_root(names)
        if root is None:
            some = ", ".join(shown(name) for name in names[:4]) or "nothing"
            raise CheckpointError(
                f"{path}: a zip archive, but none of torch.save (no data.pkl in it). It holds "
                f"{some}{', ...' if len(names) > 4 else ''}. Unpack it and name the checkpoint."
            )
        if f"{root}/constants.pkl" in names:
            raise CheckpointError(
                f"{path}: a TorchScript program, not a checkpoint. If you trust it, read it with "
                "torch.jit.load and torch.save its state_dict()."
            )
        damaged = archive.testzip()
    if damaged:
        raise CheckpointError(f"{path}: damaged (checksum of {damaged!r} does not match).")


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise a CheckpointError where unpacking would not end, or could be read in two ways."""
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    if not members:
        return
    if members[0].header_offset != 0:
        raise zipfile.BadZipFile("bytes are missing, or too many")
    if len(set(archive.namelist())) < len(members):
        raise CheckpointError(f"{path}: a damaged or hostile zip archive (a name occurs twice).")
    if sum(member.file_size for member in members) > max(RATIO * path.stat().st_size, SIZEABLE):
        raise CheckpointError(
            f"{path}: a zip bomb (it would unpack to over {RATIO} times its size)."
        )
    ends = [member.header_offset for member in members[1:]] + [archive.start_dir]
    for member, end in zip(members, ends, strict=True):
        name, size, packed = shown(member.filename), member.file_size, member.compress_size
        if member.header_offset + 30 + len(member.filename) + packed > end:
            raise CheckpointError(f"{path}: a damaged or hostile zip archive ({name!r} overlaps).")
        stored = member.compress_type == zipfile.ZIP_STORED
        if member.flag_bits & 1 or not (stored or member.compress_type == zipfile.ZIP_DEFLATED):
            raise CheckpointError(
                f"{path}: {name!r} is encrypted, or packed in a way that torch does not use. Unpack "
                "the archive and pack it again without compression."
            )
        if size > (packed if stored else max(RATIO * packed, SIZEABLE)):
            raise CheckpointError(
                f"{path}: {name!r} claims to unpack from {packed} to {size} bytes. That is a zip "
                "bomb, or damaged; get the file from its source again."
            )


def _check_tar(path: Path) -> None:
    with tarfile.open(path, "r:") as archive:
        names = archive.getnames()
    if not set(TAR_PARTS) <= set(names):
        some = ", ".join(shown(name) for name in names[:4])
        raise CheckpointError(f"{path}: a tar archive (of {some}). Unpack it first.")
