"""Every claim of docs/claims.md: its command runs, at small size, and prints what it shows."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from unroll.cli.main import run

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
SECTIONS = import_module("benchmarks.claims.sections").SECTIONS
CLAIM = import_module("benchmarks.claims.claim")
sys.path.remove(str(ROOT))
CLAIMS = [claim for claims in SECTIONS.values() for claim in claims]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where all commands run, as a reader would run them one after the other."""
    folder = tmp_path_factory.mktemp("claims")
    CLAIM.write_lessons_data(folder)
    return folder


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.says[:50] for claim in CLAIMS])
def test_the_command_shows_the_claim(claim, folder, monkeypatch, capfd):
    def run_here(words, _):
        assert run(words, False) == 0
        printed = capfd.readouterr()
        return printed.out + printed.err

    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    CLAIM.show(claim, folder, small=True, run=run_here)


def test_the_page_has_every_claim():
    page = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (.+?) \| `", page, re.MULTILINE) == [claim.says for claim in CLAIMS]
