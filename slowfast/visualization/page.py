"""The HTML of a report: everything that comes from a run is escaped here."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slowfast.utils.files import atomic_write

FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em;
  color: #1d2733; }}
h1 {{ font-size: 1.5em; }} h2 {{ margin-top: 1.8em; font-size: 1.15em; }}
img {{ max-width: 100%; }} .big {{ font-size: 2.6em; font-weight: 600; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .25em .9em; text-align: left;
  border-bottom: 1px solid #dde3ea; }} td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
pre {{ background: #f4f6f8; padding: 1em; overflow: auto; max-height: 30em; font-size: 12px; }}
.strips {{ width: 100%; }} .strips td {{ font-size: 12px; padding: .4em; vertical-align: top; }}
.strips img {{ width: 100%; max-width: 720px; display: block; box-sizing: border-box; }}
.framed img {{ border: 4px solid #0072b2; }}
</style></head><body>{body}</body></html>
"""


def write_page(path: str | Path, title: str, parts: Sequence[str]) -> None:
    """Write a self-contained page; what is no valid Unicode in a file name becomes ``?``."""
    page = FRAME.format(title=html.escape(title), body="\n".join(parts))
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "replace"))


def heading(text: str) -> str:
    """Return the title of a section."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Return plain text."""
    return f"<p>{html.escape(text)}</p>"


def big_number(value: float | None, name: str, note: str = "") -> str:
    """Return the number a reader should see first, its name, and a smaller note."""
    after = f" <small>{html.escape(name)}</small>"
    shown = "undefined" if value is None else f"{value:.2f}"
    return f'<p class="big">{shown}{after}</p>' + (paragraph(note) if note else "")


def image(file: bytes, alt: str, kind: str = "png") -> str:
    """Return a picture that is part of the page, from the bytes of a file of a kind."""
    data = base64.b64encode(file).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/{kind};base64,{data}">'


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; numbers stand right, floats with two digits."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.2f}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value}</td>'
    return f"<td>{'-' if value is None else html.escape(str(value))}</td>"


def listing(text: str, summary: str = "") -> str:
    """Return preformatted text, folded away below a summary where one is given."""
    block = f"<pre>{html.escape(text)}</pre>"
    if not summary:
        return block
    return f"<details><summary>{html.escape(summary)}</summary>{block}</details>"
