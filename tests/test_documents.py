"""What the documents show runs: README's Python, and every docstring example."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import unroll

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_readme_examples_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        # as written it trains for 90 seconds
        code = block.replace("seconds=90", "steps=20, hidden=64, threads=1")
        exec(compile(code, "README.md", "exec"), {})
    assert "The for statement" in capsys.readouterr().out


PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page):
    text = page.read_text()
    quoted = re.findall(r"`((?:unroll|tests|docs|benchmarks|examples|\.ci)/[^`\s*]*)`", text)
    linked = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    missing = [path for path in quoted if "NAME" not in path and not (ROOT / path).exists()]
    # the reference is written when the site is built
    generated = {"reference.md"}
    missing += [
        path for path in linked if not ({path} & generated or (page.parent / path).exists())
    ]
    assert not missing


MODULES = [
    info.name
    for info in pkgutil.walk_packages(unroll.__path__, "unroll.")
    if info.name != "unroll.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_every_public_name_is_there_and_has_a_docstring():
    for name in unroll.PUBLIC:
        value = getattr(unroll, name)
        assert value.__doc__, name
        assert name in dir(unroll)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_run(path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(path)])
    exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out
