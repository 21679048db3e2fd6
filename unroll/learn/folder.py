"""The folder of the lessons: data that are made from a seed, where a learner can look at them."""

from __future__ import annotations

from pathlib import Path

from unroll.counting import counted
from unroll.errors import UserError
from unroll.learn.data import USES, texts
from unroll.learn.lesson import FOLDER, all_lessons, lesson_of
from unroll.paths import refuse_impossible_path
from unroll.training.files import write_whole


def write_data(lesson: str | int | None = None, folder: str | Path = FOLDER) -> list[str]:
    """Write the data of lessons, each file only where there is none yet.

    When to use it: before the lines of Python of a lesson that has data.

    Args:
        lesson: its number. Default: those of all, and the further texts of `unroll.learn.data`.
        folder: made where it does not exist.

    Returns:
        A sentence for each file: that it was written, or that one is kept which differs.

    Raises:
        UserError: for a lesson that does not exist, and a folder that cannot be written.
    """
    files = lesson_of(lesson).files() if lesson is not None else files_of_all()
    if not files:
        return []
    place = Path(folder)
    refuse_impossible_path(str(folder), "--folder")
    sentences = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = place / name
            content = text.encode()
            if not path.exists():
                write_whole(path, content)
                sentences.append(f"Written: {path} ({counted(len(text.splitlines()), 'line')})")
            elif not path.is_file() or path.read_bytes() != content:
                sentences.append(f"Kept as it is: {path} differs from the lesson's own.")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be used for the files of lessons: {error.strerror or error}. Name "
            "another folder."
        ) from error
    return sentences


def files_beside_lessons() -> dict[str, str]:
    """What the texts that no lesson has are for, by the names of their files."""
    needed = {name for lesson in all_lessons() for name in lesson.files()}
    return {name: use for name, use in USES.items() if name not in needed}


def files_of_all() -> dict[str, str]:
    """The data of every lesson, and the texts that no lesson has."""
    files = texts()
    for lesson in all_lessons():
        files |= lesson.files()
    return files
