"""Find the columns of text and label in a table: by flag, by name, else by content."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from unroll.counting import listed
from unroll.errors import UserError

log = logging.getLogger("unroll")

TEXTS = (
    "text texts review sentence comment content message utterance query question tweet body "
    "document phrase snippet description headline title"
).split()
LABELS = (
    "label labels class classes category categories intent intents sentiment stars rating topic "
    "topics target tag tags genre polarity language emotion"
).split()
NAMED_TIME = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? .{0,30}\d{1,2}:\d\d", re.I)
COLUMN_NAME = re.compile(r"[^\W\d][\w #/-]{0,39}")
TITLE_ROWS = 6  # in which the names of columns may stand below a title
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|(\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d")
LONGEST_LABEL = 80  # characters of a value that may be a label
ENOUGH_ROWS = 20  # from which on it means something that a value is never repeated


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table.

    Attributes:
        names: of all columns, or their numbers from 1 where the table has no header.
        header: whether the first row holds the names.
        text: the number of the column of the text, from 0. None: there is none.
        label: the number of the column of the label, from 0. None: there is none.
        said: what was guessed, each with the flag that changes it.
    """

    names: tuple[str, ...]
    header: bool
    text: int | None
    label: int | None
    said: tuple[str, ...] = ()


def find_columns(
    rows: Sequence[Sequence[str]],
    table: str,
    text: str | None = None,
    label: str | None = None,
    *,
    names: Sequence[str] | None = None,
    labelled: bool = True,
    id: str | None = None,
) -> TableColumns:
    """Find the columns of a table from its first rows.

    The label is the column with a known name, else the one whose values are repeated most. The text is
    the column with a known name, else the one with the longest cells.

    Args:
        rows: the first rows, the header among them, and some from throughout the table.
        table: its name, for errors.
        text: a column by its name, or by its number from 1. Default: guessed.
        label: the same for the label.
        names: of the columns, where they are not in the first row (the fields of a .jsonl).
        labelled: whether to look for a label.
        id: the column that names the sequence, in a table of numbers; then no text is looked for, and
            a guessed label is not a number.

    Raises:
        UserError: where a column is not there, or cannot be guessed.

    Examples:
        >>> from unroll.data.columns import find_columns
        >>> found = find_columns([["stars", "review"], ["5", "Lovely."]], "reviews.csv")
        >>> found.text, found.label, found.header
        (1, 0, True)
    """
    first = tuple(cell.strip() for cell in (names if names is not None else rows[0]))
    asked = [word for word in (text, label, id) if word is not None]
    header = names is None and first_row_is_header(rows, table, asked)
    body = rows[1:] if header else rows
    known = first if header or names is not None else tuple(str(k + 1) for k in range(len(first)))
    kept = [row for row in body if len(row) == len(first)]

    said = []
    where = None if label is None or not labelled else place(label, known, table, "--label")
    if where is None and labelled:
        taken = None if text is None else place(text, known, table, "--text")
        if id is not None:
            taken = place(id, known, table, "--set id")
        where = named(known, LABELS, taken)
        if where is None:
            where = comes_back(kept, len(first), taken, words=id is not None)
        if where is None:
            raise UserError(
                f"{table} has the columns {listed(known)}, and none has values that are "
                "repeated, as labels are. Name the column of the label by --label COLUMN."
            )
        said.append(f"label: column {known[where]} (change by --label)")
    what = None
    if id is None:
        what = None if text is None else place(text, known, table, "--text")
        if what is None:
            what = named(known, TEXTS, where)
            if what is None:
                what = longest(kept, len(first), where, words=labelled)
            if what is None:
                raise UserError(
                    f"{table} has no column for the text beside the label in column "
                    f"{known[where or 0]}; expected a table with both, separated by commas or tabs."
                )
            said.insert(0, f"text: column {known[what]} (change by --text)")
        if what == where:
            raise UserError(
                f"--text {text or known[what]} and --label {label or known[what]} name the same "
                f"column of {table}; expected two."
            )
    if not header and names is None and where is not None and len(kept) > ENOUGH_ROWS:
        values = [row[where].strip() for row in kept]
        if values.count(values[0]) == 1 and kept[0] == rows[0]:
            # a value that is in the first line and never again is the name of a column
            header, known = True, first
    return TableColumns(known, header, what, where, tuple(said))


def first_row_is_header(rows: Sequence[Sequence[str]], table: str, asked: Sequence[str]) -> bool:
    """Whether the first row holds the names of the columns: one that was asked for, or a usual one.

    Raises:
        UserError: where the names stand below it.
    """
    first = [cell.strip() for cell in rows[0]]
    if any(word in first and not word.isdigit() for word in asked):
        return True
    usual = (*TEXTS, *LABELS)
    if any(cell.lower() in usual and not is_value(k, rows) for k, cell in enumerate(first)):
        return True
    refuse_names_below(rows, table)
    return False


def is_value(k: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first cell of column k comes back in it, as a value does and a name does not.

    A whole first row that comes back is a header, in a table that was put together from several.
    """
    first = [cell.strip() for cell in rows[0]]
    return any(
        len(row) == len(first)
        and row[k].strip() == first[k]
        and [cell.strip() for cell in row] != first
        for row in rows[1:]
    )


def place(word: str, names: Sequence[str], table: str, flag: str) -> int:
    """The number, from 0, of a column that was given by its name or its number from 1.

    Raises:
        UserError: where the table has no such column.
    """
    if word in names:
        return list(names).index(word)
    if word.isdigit() and 1 <= int(word) <= len(names):
        return int(word) - 1
    raise UserError(
        f"{flag} got {word!r}; {table} has the columns {listed(names)} (or 1 to {len(names)}). "
        "Give one of them."
    )


def lacks_column(
    table: str, names: Sequence[str], setting: str, wanted: str, change: str | None = None
) -> UserError:
    """The error for further data without a column that a run reads.

    Args:
        table: what the data is called.
        names: of its columns.
        setting: what names the column: "text", "image".
        wanted: the column that the run reads.
        change: how another column is named. Default: by --set and run.adjust.

    Examples:
        >>> from unroll.data.columns import lacks_column
        >>> str(lacks_column("new.csv", ["id", "body"], "text", "review"))[:68]
        "new.csv has the columns id, body; the run reads its text in column '"
    """
    return UserError(
        f"{table} has the columns {listed(names)}; the run reads its {setting} in column "
        f"{wanted[:60]!r}. Rename the column, or name another by "
        f"{change or f'--set {setting}=COLUMN (run.adjust)'}."
    )


def read_in_place(table: str, setting: str, wanted: str, found: str) -> None:
    """Tell that the only column that may be meant takes the place of one that a run reads."""
    log.warning(
        f"{table} has no column {wanted[:60]!r}; column {found[:60]!r} is read as the {setting} (change "
        f"by --set {setting}=COLUMN)."
    )


def holds_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row plainly holds names of columns, whatever they are.

    It holds words that differ and never come back, and one is above numbers or times, or one in lower
    case is above texts of several words.

    Args:
        rows: the first rows of a table.

    Examples:
        >>> from unroll.data.columns import holds_names
        >>> holds_names([["no", "body"], ["1", "one film"], ["2", "two songs"]])
        True
        >>> holds_names([["Run!", "Cours !"], ["Stop it.", "Arrête !"], ["Go on.", "Continue."]])
        False
    """
    first = [str(cell).strip() for cell in rows[0]] if rows else []
    even = [[str(cell).strip() for cell in row] for row in rows[1:] if len(row) == len(first)]
    is_plain = len(set(first)) == len(first) and all(map(COLUMN_NAME.fullmatch, first))
    if (
        len(even) < 2
        or not is_plain
        or any(row[k] == first[k] for row in even for k in range(len(row)))
    ):
        return False
    for k, name in enumerate(first):
        cells = [row[k] for row in even if row[k]]
        if cells and all(map(is_number_or_time, cells)):
            return True
        if cells and all(" " in cell for cell in cells) and re.fullmatch("[a-z][a-z0-9_]*", name):
            return True
    return False


def named(names: Sequence[str], known: Sequence[str], but: int | None) -> int | None:
    """The first column with one of the known names, in the order of those names, but not `but`."""
    lower = [name.lower() for name in names]
    for word in known:
        if word in lower and lower.index(word) != but:
            return lower.index(word)
    return None


def comes_back(
    rows: Sequence[Sequence[str]], width: int, but: int | None, words: bool = False
) -> int | None:
    """The column with the fewest different values, at least two, each repeated on average.

    Args:
        rows: the first rows, all of one width.
        width: columns.
        but: a column that is not meant.
        words: whether values that are all numbers are passed over.
    """
    found: list[tuple[int, int]] = []
    for k in range(width):
        values = [row[k].strip() for row in rows]
        kinds = set(values) - {""}
        fit = all(len(value) <= LONGEST_LABEL for value in kinds)
        if words and all(is_number(value) for value in kinds):
            fit = False
        if k != but and fit and 1 < len(kinds) <= len(values) / 2:
            found.append((len(kinds), -k))
    return -min(found)[1] if found else None


def is_number(word: str) -> bool:
    """Whether a cell is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def is_number_or_time(cell: str) -> bool:
    """Whether a cell is empty, a number, or a time: Mon Apr 06 22:19:45 2009."""
    cell = cell.strip()
    return not cell or is_number(cell) or looks_like_time(cell) or bool(NAMED_TIME.match(cell))


def refuse_names_below(rows: Sequence[Sequence[str]], table: str) -> None:
    """Refuse a table whose names of columns stand below a title.

    Raises:
        UserError: where one of the first rows holds a usual name of a text and one of a label.
    """
    for row in rows[1:TITLE_ROWS]:
        cells = [cell.strip().lower() for cell in row]
        if any(cell in TEXTS for cell in cells) and any(cell in LABELS for cell in cells):
            raise UserError(
                f"{table} has the names of its columns ({listed([c for c in cells if c])}) below other "
                "rows; expected them in the first row. Remove the rows above."
            )


def looks_like_time(cell: str) -> bool:
    """Whether a cell is a date or a clock, and no number: 2024-01-31 10:00, 31.1.2024, 10:00:05."""
    return not is_number(cell) and TIME.match(cell.strip()) is not None


def longest(
    rows: Sequence[Sequence[str]], width: int, but: int | None, words: bool = False
) -> int | None:
    """The column with the longest cells.

    Args:
        rows: the first rows, all of one width.
        width: columns.
        but: a column that is not meant.
        words: whether columns of numbers and of times are passed over.
    """
    columns = [k for k in range(width) if k != but]
    if words:
        columns = [k for k in columns if not all(is_number_or_time(row[k]) for row in rows)]
    mean = {k: fmean([len(row[k]) for row in rows] or [0]) for k in columns}
    return max(mean, key=lambda k: mean[k]) if mean else None
