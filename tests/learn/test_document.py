from pathlib import Path

import pytest

from unroll.learn.document import documents

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", documents())
def test_the_pages_of_the_documentation_follow_from_the_lessons(name):
    """`make lessons` writes them."""
    assert (DOCS / "learn" / name).read_text() == documents()[name]


def test_no_other_pages_are_there_and_every_picture_is():
    assert {path.name for path in (DOCS / "learn").glob("*.md")} == set(documents())
    pictures = {f"{Path(name).stem}.svg" for name in documents() if name != "index.md"}
    assert {path.name for path in (DOCS / "learn" / "pictures").glob("*.svg")} == pictures


def test_the_site_lists_every_page():
    site = (DOCS.parent / "mkdocs.yml").read_text()
    assert [name for name in documents() if f"learn/{name}" not in site] == []
