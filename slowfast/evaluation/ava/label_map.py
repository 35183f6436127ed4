"""Label maps: which class ids there are, and what they are called.

Two forms are read: a protocol-buffer text, ``item { name: "sit" id: 11 }`` with any indentation and any
line breaks (``label_id`` for ``id``, any word for ``item``, further fields are skipped), and a csv with
the header ``label_id,label_name``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import parse_whole, read_text, readable

_TOKEN = re.compile(
    r"""
    (?P<skip> [\s,;]+ | \#[^\n]* )
    | (?P<open> \w+ \s* (?: : \s* )? \{ )
    | (?P<close> \} )
    | (?P<field> \w+ ) \s* : \s*
      (?P<value> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | [^\s"'{},;]+ )
    | (?P<wrong> .[^\n]* )
    """,
    re.VERBOSE,
)
_ENTRY = 'an entry like item { name: "sit" id: 11 }'


def read_label_map(path: str | Path) -> dict[int, str]:
    """Return class id to name, in the order of the file.

    Raises:
        AnnotationError: the file is missing or has no entry, or an entry is wrong.
    """
    text = read_text(path)
    is_csv = text.lstrip().startswith("label_id,")
    entries = _csv_entries(path, text) if is_csv else _pbtxt_entries(path, text)
    names: dict[int, str] = {}
    for line, fields in entries:
        try:
            _add(names, fields)
        except ValueError as problem:
            raise AnnotationError(f"{path}, line {line}: {problem}") from None
    if not names:
        raise AnnotationError(f"{path}: no class, expected {_ENTRY} for each.")
    return names


def _add(names: dict[int, str], fields: dict[str, str]) -> None:
    if "id" not in fields:
        raise ValueError(f"the entry has no id; expected {_ENTRY}.")
    label, name = parse_whole(fields["id"], "id", 1), readable(fields.get("name", "").strip())
    if not name:
        raise ValueError(f"class {label} has no name; expected {_ENTRY}.")
    if label in names:
        raise ValueError(f"class {label} is named twice, {names[label]!r} and {name!r}.")
    names[label] = name


def _pbtxt_entries(path: str | Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the fields of each entry."""
    entry, begin, line, last = None, 0, 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", last, token.start())
        last = token.start()
        if token["open"] and entry is None:
            entry, begin = {}, line
        elif token["field"] and entry is not None:
            field = "id" if token["field"] == "label_id" else token["field"]
            if field in entry:
                raise AnnotationError(
                    f"{path}, line {line}: the entry that begins in line {begin} has a second "
                    f"{token['field']}; expected a closing brace before it."
                )
            entry[field] = _unquoted(token["value"])
        elif token["close"] and entry is not None:
            yield begin, entry
            entry = None
        elif not token["skip"]:
            where = "outside of an entry" if entry is None else f"in the entry of line {begin}"
            shown = token.group().split("\n")[0][:60]
            raise AnnotationError(f"{path}, line {line}: {shown!r} {where}; expected {_ENTRY}.")
    if entry is not None:
        raise AnnotationError(f"{path}, line {begin}: the entry has no closing brace.")


def _unquoted(value: str) -> str:
    if value[0] not in "\"'":
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _csv_entries(path: str | Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    rows = csv.DictReader(text.lstrip().split("\n"))
    try:
        if "label_name" not in rows.fieldnames:
            raise AnnotationError(
                f"{path}, line 1: the columns are {','.join(rows.fieldnames)[:120]}, expected "
                "label_id,label_name."
            )
        for row in rows:
            fields = {"id": (row["label_id"] or "").strip(), "name": row["label_name"] or ""}
            yield rows.line_num, fields
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {rows.line_num + 1}: not csv ({error}).") from error
