"""The README's table of figures is what its generator makes of the benchmarks' output."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
made = runpy.run_path(str(FOLDER / "table.py"))
SETTING = "A CPU, 2 cores, 1 threads, load 0.5; Python 3.11, torch 2.14"
ROWS = ["| a reader | 1.26 of bare PyAV | at least 1.00 | yes |", "| the same | 2.0 ms |  |  |"]
OUTPUT = "\n".join([SETTING, "a word", *ROWS, "more: 1 | 2 |"])


def test_rows_and_settings_become_one_table():
    text = made["table"]({"data.py": OUTPUT, "probe.py": OUTPUT.replace("0.5", "2.0")})
    caption, empty, *lines = text.splitlines()
    assert "A CPU, 2 cores; Python 3.11, torch 2.14." in caption and not empty
    assert lines[2:] == [
        *("| `benchmarks/data.py`, threads 1, load 0.5 | | | |", *ROWS),
        *("| `benchmarks/probe.py`, threads 1, load 2.0 | | | |", *ROWS),
    ]


@pytest.mark.parametrize(
    "outputs", [{"a": "Traceback"}, {"a": SETTING}, {"a": OUTPUT, "b": OUTPUT.replace("2.14", "3")}]
)
def test_what_is_no_table_is_refused(outputs):
    with pytest.raises(ValueError, match=r"did it fail|one machine"):
        made["table"](outputs)


def test_only_what_lies_between_the_marks_changes():
    begin, end = made["BEGIN"], made["END"]
    assert made["put_between_marks"](f"a{begin}b\n{end}c", "d\n") == f"a{begin}d\n{end}c"
    with pytest.raises(ValueError, match="needs the lines"):
        made["put_between_marks"](f"a{begin}b", "d")


TOO_LONG = {"stica"}


def test_the_readme_has_the_table_of_all_benchmarks():
    text = (ROOT / "README.md").read_text().split(made["BEGIN"])[1].split(made["END"])[0]
    caption, _, *lines = text.splitlines()
    assert re.fullmatch(r"Measured on .+ cores; Python .+ torch .+ writes this table\.", caption)
    heads = [line for line in lines[2:] if not made["ROW"].fullmatch(line)]
    scripts = [
        re.fullmatch(r"\| `benchmarks/(\w+)\.py`, threads .+ \| \| \| \|", h)[1] for h in heads
    ]
    run = re.findall(r"^run (\w+)", (ROOT / "scripts/benchmarks.sh").read_text(), re.MULTILINE)
    assert scripts == run
    assert set(run) | TOO_LONG == {
        p.stem for p in FOLDER.glob("*.py") if "def main(" in p.read_text()
    }
    for line in lines[2:]:
        if goal := re.search(r"\| (\S+) [^|]*\| at (least|most) (\S+) \| (\w+) \|$", line):
            value, side, bound, met = goal.groups()
            good = float(value) >= float(bound) if side == "least" else float(value) <= float(bound)
            assert met == ("yes" if good else "no") or value == bound, line
