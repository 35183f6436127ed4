"""Modules of a user's own: ``--import`` and ``IMPORTS``."""

import subprocess
import sys

import pytest

from slowfast.config import load_cfg
from slowfast.config.defaults import _C
from slowfast.models.backbones import BACKBONES
from slowfast.utils.errors import ConfigError
from slowfast.utils.parser import load_config, parse_args
from slowfast.utils.registry import Registry, import_all

MODULE = """
from torch import nn
from slowfast.config import CfgNode
from slowfast.config.defaults import _C
from slowfast.models.backbones import BACKBONES

_C.{key} = CfgNode({{"WIDTH": 4}})

@BACKBONES.register(name="{name}")
def build():
    return nn.Identity()
"""


def write_module(folder, name, key):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(MODULE.format(name=name, key=key))


@pytest.fixture(autouse=True)
def leave_no_trace(monkeypatch):
    """Other tests must not see these keys, networks and folders."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert len(BACKBONES) > 0  # all of ours are known before they are copied
    for table in ("_objects", "_by_lower"):
        monkeypatch.setattr(BACKBONES, table, dict(getattr(BACKBONES, table)))
    yield
    for key in [key for key in _C if key.startswith("USER_")]:
        del _C[key]


def test_a_module_beside_the_config_file_registers_and_adds_keys(tmp_path):
    write_module(tmp_path, "user_network_a", "USER_A")
    path = tmp_path / "run.yaml"
    path.write_text("IMPORTS: [user_network_a]\nUSER_A:\n  WIDTH: 8\n")
    cfg = load_cfg([path])
    assert "user_network_a" in BACKBONES
    assert cfg.USER_A.WIDTH == 8
    assert cfg.IMPORTS == ["user_network_a"]


def test_a_module_of_the_current_directory_is_found(tmp_path, monkeypatch):
    write_module(tmp_path, "user_network_b", "USER_B")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text("{TASK: recognition}\n")
    words = ["--cfg", "run.yaml", "--import", "user_network_b", "USER_B.WIDTH", "16"]
    cfg = load_config(parse_args(words))
    assert cfg.USER_B.WIDTH == 16
    assert cfg.IMPORTS == ["user_network_b"]


def test_the_command_line_adds_to_the_file(tmp_path):
    for name in "cd":
        write_module(tmp_path, f"user_network_{name}", f"USER_{name.upper()}")
    path = tmp_path / "run.yaml"
    path.write_text("IMPORTS: [user_network_c]\n")
    cfg = load_cfg([path], imports=["user_network_d"])
    assert cfg.IMPORTS == ["user_network_c", "user_network_d"]


@pytest.mark.parametrize("name", ["user_nowhere", "torch.user_nowhere"])
def test_an_unknown_module_is_an_error_that_names_the_key(name):
    with pytest.raises(ConfigError, match=f"IMPORTS: there is no module '{name}'"):
        load_cfg(imports=[name])


def test_a_module_that_needs_what_is_missing_says_so(tmp_path, monkeypatch):
    (tmp_path / "user_broken.py").write_text("import user_missing_dependency\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"'user_broken' cannot be imported .*user_missing_dep"):
        load_cfg(imports=["user_broken"])


def test_imports_of_another_type_are_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("IMPORTS: 3\n")
    with pytest.raises(ConfigError, match=r"run.yaml:1: IMPORTS expects list\[str\]"):
        load_cfg([path])


def test_every_module_of_a_package_is_found_without_a_list(tmp_path, monkeypatch):
    folder = tmp_path / "user_package"
    (folder / "deeper").mkdir(parents=True)
    (folder / "__init__.py").write_text("from slowfast.utils.registry import Registry\n")
    (folder / "deeper" / "__init__.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    import user_package

    user_package.TABLE = Registry("thing", "user_package")
    for name in ("one", "two"):
        text = f"from user_package import TABLE\n@TABLE.register\ndef {name}(): pass\n"
        (folder / f"{name}.py").write_text(text)
    assert list(user_package.TABLE) == ["one", "two"]
    import_all("user_package")  # again is no harm
    assert len(user_package.TABLE) == 2


def test_importing_the_config_imports_no_network():
    code = "import sys, slowfast.config; sys.exit(any('backbones' in m for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
