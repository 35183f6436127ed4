"""The quickstart as a whole, in its fast form."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_quickstart_ends_with_a_table_in_which_pretraining_helps(tmp_path):
    done = subprocess.run(
        ["bash", str(ROOT / "scripts/quickstart.sh"), "--fast", "--out", str(tmp_path / "o u t")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.split("== Result")[1]
    top1 = dict(re.findall(r"^(\S.*/\S.*?)  +([\d.]+)", table, flags=re.MULTILINE))
    assert len(top1) == 6, table
    frozen = {name.split("/")[1]: float(v) for name, v in top1.items() if "frozen" in name}
    assert max(frozen["AVID"], frozen["AVID-CMA"]) > frozen["from scratch"] + 10, table
    assert (tmp_path / "o u t/comparison.png").is_file()
    assert (tmp_path / "o u t/avid_cma/report.html").is_file()
