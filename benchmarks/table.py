"""The table of the README, of what the benchmarks printed.

bash scripts/benchmarks.sh                      # runs them all and writes the table
python benchmarks/table.py README.md FILE...    # only writes it, of outputs named after the scripts
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"
SETTING = re.compile(
    r"(?P<machine>.+), (?P<threads>\d+) threads(?:, load (?P<load>[\d.]+))?; (?P<of>.+)"
)
ROW = re.compile(r"\|(?: [^|]* \|){4}")


def table(outputs: dict[str, str]) -> str:
    """Return the table in Markdown.

    Args:
        outputs: of each benchmark by the name of its script; the first line is the setting.

    Raises:
        ValueError: an output without setting or rows, or of several machines.
    """
    lines, places = ["| | measured | goal | met |", "|---|---|---|---|"], set()
    for name, output in outputs.items():
        found = next(filter(None, map(SETTING.fullmatch, output.splitlines())), None)
        rows = list(filter(ROW.fullmatch, output.splitlines()))
        if found is None or not rows:
            raise ValueError(f"{name}: its output holds no setting or no row; did it fail?")
        places.add((found["machine"], found["of"]))
        load = f", load {found['load']}" if found["load"] else ""
        lines += [f"| `benchmarks/{name}`, threads {found['threads']}{load} | | | |", *rows]
    if len(places) != 1:
        raise ValueError(f"outputs of one machine are needed, found {sorted(places)}")
    ((machine, of),) = places
    caption = f"Measured on {machine}; {of}. `bash scripts/benchmarks.sh` writes this table."
    return "\n".join([caption, "", *lines, ""])


def put_between_marks(page: str, text: str) -> str:
    """Return a page with a text between its marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page needs the lines {BEGIN.strip()} and {END.strip()}")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{text}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    readme, *files = map(Path, sys.argv[1:])
    made = table({f"{file.stem}.py": file.read_text() for file in files})
    readme.write_text(put_between_marks(readme.read_text(), made))
    sys.stdout.write(made)
