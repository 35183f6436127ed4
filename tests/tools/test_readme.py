"""The README's own commands, run as they are written (on the tiny demo world)."""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from warm import run_script

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.strip()]
SCRIPTS = [line for line in COMMANDS if line.startswith("bash ")]
TOOLS = [line for line in COMMANDS if line.startswith("python ")]


def test_every_command_is_of_a_kind_that_is_run_here():
    assert sorted(SCRIPTS + TOOLS) == sorted(COMMANDS)
    assert SCRIPTS == ["bash scripts/quickstart.sh", "bash scripts/test.sh"]
    assert len(TOOLS) >= 6


@pytest.mark.slow
def test_the_tools_run_in_the_order_of_the_readme(tmp_path):
    for name in ("configs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for line in TOOLS:
        words = shlex.split(line.replace("--preset small", "--preset tiny"), comments=True)
        done = run_script(words[1:], environment, folder=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}"
    assert (tmp_path / "outputs/demo/recognition/report.html").is_file()
    assert (tmp_path / "outputs/folds/results.json").is_file()
