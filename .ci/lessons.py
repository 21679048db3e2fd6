"""Write the lessons as pages of the documentation: `python .ci/lessons.py`, or `make lessons`.

The pages follow from `unroll/learn/lessons`; a test compares them. With `pictures` and the numbers of
lessons, it also runs those lessons and draws their pictures: `python .ci/lessons.py pictures 4 5`.
"""

import subprocess
import sys
from pathlib import Path

from unroll.learn import lesson_of
from unroll.learn.document import documents
from unroll.learn.notebook import file_name

PAGES = Path(__file__).resolve().parents[1] / "docs" / "learn"


def write_pages() -> None:
    """Every page; those of lessons that are no more are deleted."""
    PAGES.mkdir(exist_ok=True)
    pages = documents()
    for old in PAGES.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (PAGES / name).write_text(text, encoding="utf-8")


def draw_picture(number: str) -> None:
    """Run a lesson's commands, and keep the main picture of the last one."""
    lesson = lesson_of(number)
    (PAGES / "pictures").mkdir(exist_ok=True)
    picture = PAGES / "pictures" / f"{file_name(lesson)}.svg"
    subprocess.run(["unroll", "learn", number, "--svg", picture, "--overwrite"], check=True)


if __name__ == "__main__":
    write_pages()
    if sys.argv[1:2] == ["pictures"]:
        for number in sys.argv[2:]:
            draw_picture(number)
