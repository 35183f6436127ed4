"""What the pages say exists: keys, paths, links, and the messages of the troubleshooting page."""

import ast
import re
from pathlib import Path

import pytest

from slowfast.config.help import help_config
from slowfast.config.nodes import KEYS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("projects/*/*.md")]
KEY = re.compile(r"(?<![\w./])[A-Z][A-Z0-9_]*(?:\.[A-Z][A-Z0-9_]*)+(?![\w/*.])")
PATH = re.compile(r"`((?:slowfast|configs|scripts|tools|docs|tests|benchmarks|projects)/[^`\s]*)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
NODES = {name.rpartition(".")[0] for name in KEYS} - {""}


def names(pages):
    return [page.relative_to(ROOT).as_posix() for page in pages]


def test_the_reference_of_keys_is_what_the_program_prints():
    """Renew it by: python tools/run_net.py --help-config > docs/config.txt."""
    assert (ROOT / "docs/config.txt").read_text() == help_config() + "\n"


@pytest.mark.parametrize("page", names(PAGES))
def test_keys_of_the_pages_exist(page):
    found = set(KEY.findall((ROOT / page).read_text()))
    own = {f"{node}." for node in NODES}
    unknown = {key for key in found - set(KEYS) - NODES if f"{key.split('.')[0]}." in own}
    assert not unknown


@pytest.mark.parametrize("page", names(PAGES))
def test_paths_and_links_of_the_pages_lead_somewhere(page):
    text, folder = (ROOT / page).read_text(), (ROOT / page).parent
    paths = [re.sub(r"\{.*?\}|RUN|CFG", "*", path) for path in PATH.findall(text)]
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []
    assert [link for link in LINK.findall(text) if not (folder / link).exists()] == []


def texts_of_the_code() -> str:
    """Return all texts of the package, pieces of f-strings and of joined lines one after another."""
    found = []
    for path in (ROOT / "slowfast").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "\0" for p in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_code():
    said = texts_of_the_code()
    page = (ROOT / "docs/troubleshooting.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert len(rows) > 10
    phrases = [phrase for row in rows for phrase in re.findall(r"`([^`]+)`", row)]
    assert [phrase for phrase in phrases if phrase not in said] == []
