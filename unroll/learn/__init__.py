"""Lessons that run: a text, one command, one picture, three exercises with checked answers.

One source per lesson, `lessons/NAME.md` and `lessons/NAME.py`, gives what a terminal prints, a page,
a notebook and a page of the documentation.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

PUBLIC = {
    "Checked": "unroll.learn.checking",
    "Lesson": "unroll.learn.lesson",
    "all_lessons": "unroll.learn.lesson",
    "check": "unroll.learn.checking",
    "lesson_of": "unroll.learn.lesson",
    "write_data": "unroll.learn.folder",
    "write_notebooks": "unroll.learn.notebook",
}

__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    """Import a public name; raise AttributeError for any other."""
    if name not in PUBLIC:
        raise AttributeError(f"module 'unroll.learn' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


if TYPE_CHECKING:
    from unroll.learn.checking import Checked as Checked
    from unroll.learn.checking import check as check
    from unroll.learn.folder import write_data as write_data
    from unroll.learn.lesson import Lesson as Lesson
    from unroll.learn.lesson import all_lessons as all_lessons
    from unroll.learn.lesson import lesson_of as lesson_of
    from unroll.learn.notebook import write_notebooks as write_notebooks
