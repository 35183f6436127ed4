"""Prints what was tried and survived as a table: python tests/reliability/table.py LINES.jsonl."""

import json
import sys
from collections import Counter
from pathlib import Path


def table(lines: list[str]) -> str:
    """Return the cases of all tests by hazard, in the order in which they came first."""
    tried, survived = Counter(), Counter()
    for row in map(json.loads, lines):
        tried[row["hazard"]] += row["tried"]
        survived[row["hazard"]] += row["survived"]
    rows = [f"| {hazard} | {count} | {survived[hazard]} |" for hazard, count in tried.items()]
    return "\n".join(["| hazard | tried | survived |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1]).read_text().splitlines()) + "\n")
