import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_tool(tmp_path, monkeypatch, capsys):
    """Return ``load(name) -> call(*words)``: a tool's main function, run in a folder of its own."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"{name}_tool", TOOLS / f"{name}.py")
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.chdir(tmp_path)

        def call(*words):
            capsys.readouterr()
            try:
                status = tool.main([str(word) for word in words])
            except SystemExit as stop:
                status = stop.code
            return Done(status, *capsys.readouterr())

        return call

    return load
