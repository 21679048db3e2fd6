"""Open a table of any form; every reader of tables begins here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from unroll.data.files.forms import LABEL_MARK, FileForm, find_form
from unroll.data.files.json_records import json_lines, json_values
from unroll.data.files.lines import numbered_lines
from unroll.data.files.opening import container
from unroll.data.files.research_tables import arff_table, ts_table
from unroll.data.files.rows import Row, TableRows
from unroll.data.files.separated import Separator, separated_rows
from unroll.data.files.typed_tables import arrow_table, excel_table, parquet_table
from unroll.data.problems import Problems
from unroll.errors import UserError

LOOK = 1000  # rows that tell which fields objects have
FAR_SIZE = 1 << 22  # bytes of a file, from which on it is looked into instead of read
PLACES, LINES = 40, 25  # of such a file: where it is looked into, and lines at each place
MOST_AT_A_PLACE = 1 << 16  # bytes


def open_table(path: str | Path, name: str | None = None, *, any_text: bool = False) -> TableRows:
    """The rows of a table, whatever its form: separated text, JSON, Excel, parquet, Arrow, .arff, .ts.

    When to use it: in every reader of tables. The form is found by content; where the suffix says
    nothing, a text is read with the separator that fits best.

    Args:
        path: the file.
        name: what the user called it, for errors. Default: the path.
        any_text: whether a text without separators is read too, as rows of one cell. Default: it is
            refused.

    Raises:
        UserError: where there is no such file, or it is no table.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.tables import open_table
        >>> from unroll.data.problems import Problems
        >>> _ = Path("pairs.csv").write_text("one;two\\n1;2\\n")
        >>> [row.cells for row in open_table("pairs.csv").rows(Problems())]
        [['one', 'two'], ['1', '2']]
    """
    name = str(path) if name is None else name
    path = Path(path)
    form = find_form(path, name)
    if any_text and form.kind == "text":
        return separated_table(path, name, form)
    if form.kind not in READERS:
        raise UserError(
            f"{name} is not a table; expected rows with tabs, commas, semicolons or pipes between "
            "their cells, JSON, or a file of Excel, parquet, Arrow, .arff or .ts."
        )
    return READERS[form.kind](path, name, form)


def separated_table(path: Path, name: str, form: FileForm) -> TableRows:
    """A table with separators."""
    separator = form.separator or Separator(",", True)

    def read(problems: Problems) -> Iterator[Row]:
        numbered = numbered_lines(path, name, problems)
        if form.first_line > 1:
            numbered = (each for each in numbered if each[0] >= form.first_line)
        return separated_rows(numbered, name, separator, problems)

    def far() -> Iterator[Row]:
        for text in far_lines(path):
            yield from separated_rows([(0, text)], name, separator, Problems(skip=True))

    return TableRows(name, None, read, path.parent, form.said, far if is_far(path) else None)


def json_table(path: Path, name: str, form: FileForm) -> TableRows:
    """Objects or lists of JSON as rows; nothing where an object lacks a field of the others."""
    by_line = form.kind == "json lines"

    def values(problems: Problems) -> Iterator[tuple[int, Any]]:
        return json_lines(path, name, problems) if by_line else json_values(path, name)

    first = list(islice(values(Problems(skip=True, glance=True)), LOOK))
    objects = [value for _, value in first if isinstance(value, dict)]
    lists = [value for _, value in first if isinstance(value, list)]
    if len(lists) > len(objects):

        def read_lists(problems: Problems) -> Iterator[Row]:
            for line, value in values(problems):
                if is_kind(value, list, f"{name}, line {line}", problems):
                    yield Row(line, value)

        return TableRows(name, None, read_lists, path.parent)
    names = tuple(dict.fromkeys(key for value in objects for key in value))

    def read(problems: Problems) -> Iterator[Row]:
        for line, value in values(problems):
            if is_kind(value, dict, f"{name}, line {line}", problems):
                yield Row(line, [value.get(each) for each in names])

    def far() -> Iterator[Row]:
        for text in far_lines(path):
            for line, value in json_lines_of(text):
                yield Row(line, [value.get(each) for each in names])

    return TableRows(name, names, read, path.parent, far=far if by_line and is_far(path) else None)


def labelled_lines_table(path: Path, name: str, form: FileForm) -> TableRows:
    """Lines of fastText as a text and a list of its labels; nothing where a line has no label."""

    def read(problems: Problems) -> Iterator[Row]:
        for line, text in numbered_lines(path, name, problems):
            words = text.split()
            labels = [word[len(LABEL_MARK) :] for word in words if word.startswith(LABEL_MARK)]
            if words:
                rest = " ".join(word for word in words if not word.startswith(LABEL_MARK))
                yield Row(line, [rest, [label for label in labels if label] or None])

    return TableRows(name, ("text", "label"), read, path.parent)


def is_kind(value: Any, kind: type, where: str, problems: Problems) -> bool:
    """Whether a value of JSON is an object or a list, as the other ones; `problems` takes others."""
    if isinstance(value, kind):
        return True
    expected = "an object" if kind is dict else "a list"
    problems.bad(f"{where}: {type(value).__name__} where {expected} is expected.")
    return False


def json_lines_of(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object that a line holds, if it does."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        yield 0, value


def is_far(path: Path) -> bool:
    """Whether a file is too large to be read for a guess, and can be looked into."""
    return path.stat().st_size > FAR_SIZE and container(path) is None


def far_lines(path: Path) -> Iterator[str]:
    """Some whole lines from evenly spread places of a large plain file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for place in range(1, PLACES + 1):
            file.seek(place * size // (PLACES + 1))
            if not file.readline(MOST_AT_A_PLACE).endswith(b"\n"):
                continue  # within a long line
            for _ in range(LINES):
                raw = file.readline(MOST_AT_A_PLACE)
                if not raw.endswith(b"\n"):
                    break
                yield raw.decode(errors="replace").rstrip("\r\n")


Reader = Callable[[Path, str, FileForm], TableRows]

# how each form is read; "arrays" (.npy and .npz) holds no rows of cells
READERS: dict[str, Reader] = {
    "separated": separated_table,
    "json lines": json_table,
    "json list": json_table,
    "labelled lines": labelled_lines_table,
    "xlsx": lambda path, name, form: excel_table(path, name),
    "parquet": lambda path, name, form: parquet_table(path, name),
    "arrow": lambda path, name, form: arrow_table(path, name),
    "arff": lambda path, name, form: arff_table(path, name),
    "ts": lambda path, name, form: ts_table(path, name),
}
