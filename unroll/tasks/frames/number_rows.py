"""Read clips of numbers: a table with one row per frame, or a wide table with one row per clip.

T time, F numbers per frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.columns import (
    LABELS,
    lacks_column,
    looks_like_time,
    named,
    place,
    read_in_place,
)
from unroll.data.files.regular_files import check_regular
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.media_table import RunColumns
from unroll.data.problems import Problems
from unroll.data.records import LOOK
from unroll.data.series import (
    clock_columns,
    number,
    number_trouble,
    numbers,
)
from unroll.errors import UserError
from unroll.tasks.frames.settings import is_gap, is_number_or_gap, label_of_rows
from unroll.tasks.frames.video import BadClip

NUMBERS = (".csv", ".tsv")
LARGEST = float(np.finfo(np.float32).max)
MOST_BYTES = 1 << 30  # of the table of a clip
MOST = 64  # numbers per frame, up to which a guess is made


def read_numbers(path: Path, width: int | None = None, left_out: Sequence[int] = ()) -> np.ndarray:
    """The rows of a table as frames of numbers; a first row of names is skipped.

    Args:
        path: a .csv or .tsv.
        width: F, as in the other clips. Default: that of the first row.
        left_out: the columns that are not read, from 0, such as those of times. Default: none.

    Returns:
        float32 [T, F].

    Raises:
        BadClip: for a row of another width, a word, or a table without rows.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.frames.number_rows import read_numbers
        >>> _ = Path("hand.csv").write_text("x,y\\n0,1\\n2,3\\n")
        >>> read_numbers(Path("hand.csv")).tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    rows: list[np.ndarray] = []
    if not is_numbers(path):
        raise BadClip(
            f"{path} is not a table of numbers ({', '.join(NUMBERS)}); expected one row per frame."
        )
    try:
        check_regular(path, what="a table of numbers", most=MOST_BYTES)
        for k, row in enumerate(open_table(path).rows(Problems(may_skip=False))):
            cells = [cell for j, cell in enumerate(row.cells) if j not in left_out]
            found = numbers(cells)
            if found is None and k == 0 and all(number(cell) is None for cell in cells):
                continue
            width = width or len(cells)
            if found is None or len(cells) != width:
                raise BadClip(f"{path}, line {row.line}: {describe_bad_row(cells, width)}.")
            values = np.asarray(found)
            if np.abs(values).max(initial=0) > LARGEST:
                raise BadClip(f"{path}, line {row.line}: a number is too large for float32.")
            rows.append(values.astype(np.float32))
    except BadClip:
        raise
    except UserError as error:
        raise BadClip(str(error)) from error
    if not rows:
        raise BadClip(f"{path} has no row of numbers; expected one row per frame.")
    return np.stack(rows)


def is_numbers(path: Path) -> bool:
    """Whether a clip is a table of numbers, by its name."""
    return path.name.removesuffix(".gz").lower().endswith(NUMBERS)


def describe_bad_row(cells: list[object], width: int) -> str:
    """What is wrong with a row, as half a sentence."""
    if len(cells) != width:
        return f"{counted(len(cells), 'column')} where {width} are expected"
    word = next(as_word(cell) for cell in cells if number(cell) is None)
    return f"{word[:40]!r} {number_trouble(word)}"


@dataclass(frozen=True)
class WideTable:
    """A table with one row per clip: the numbers of all its frames, and a label.

    Attributes:
        path: of the table.
        name: the table as the user named it.
        width: its columns.
        label: place of the label, from 0; None where the table has no labels.
        header: whether the first row holds names.
        names: of the columns, or their numbers.
        named: whether the columns have names of their own.
    """

    path: Path
    name: str
    width: int
    label: int | None
    header: bool
    names: tuple[str, ...]
    named: bool

    def rows(self, problems: Problems) -> Iterator[tuple[int, str | None, np.ndarray]]:
        """The line, the label and the numbers [T * F] of each clip, which may end early.

        Args:
            problems: collects bad rows, with a missing number that others follow among them.
        """
        for k, row in enumerate(open_table(self.path, self.name).rows(problems)):
            if k == 0 and self.header:
                continue
            where = f"{self.name}, line {row.line}"
            if len(row.cells) != self.width:
                problems.bad(f"{where}: {describe_bad_row(row.cells, self.width)}.")
                continue
            cells = [as_word(cell).strip() for cell in row.cells]
            label = None if self.label is None else cells.pop(self.label)
            while len(cells) > 1 and is_gap(cells[-1]):
                cells.pop()  # the clip is shorter than others
            found = numbers(cells)
            values = np.asarray([] if found is None else found)
            if found is None:
                problems.bad(f"{where}: {describe_bad_row(list(cells), len(cells))}.")
            elif label == "":
                problems.bad(f"{where}: no label in column {self.names[self.label or 0]}.")
            elif np.abs(values).max(initial=0) > LARGEST:
                problems.bad(f"{where}: a number is too large for float32.")
            else:
                yield row.line, label, values.astype(np.float32)


def find_wide(
    path: Path,
    label: str | None = None,
    columns: int | None = None,
    run: RunColumns | None = None,
) -> WideTable | None:
    """The columns of a table with one row per clip; None where it is no such table.

    Args:
        path: of the table.
        label: its column, by name or number. Default: guessed.
        columns: numbers of a clip, where they are known; then a table may have no labels.
        run: the columns of a run, for further data.

    Raises:
        UserError: where the table has no such column.
    """
    table = open_table(path)
    rows = table.first_rows(LOOK)
    if not rows:
        return None
    head = [] if table.names is None else [list(table.names)]
    rows = [*head, *rows]
    width = max((len(row) for row in rows), key=[len(row) for row in rows].count)
    even = [row for row in rows if len(row) == width]
    named_row = even[0] is rows[0] and sum(not is_number_or_gap(c) for c in even[0]) > 1
    header = named_row and not head
    names = tuple(cell.strip() for cell in even[0]) if named_row else tuple(
        str(k + 1) for k in range(width)
    )  # fmt: skip
    if width < 3 and width != columns:
        return None
    if width == columns:
        return WideTable(path, str(path), width, None, header, names, named_row)
    body = even[1:] if named_row else even
    where = None if label is None else place(label, names, str(path), "--label")
    if where is None and run is not None:
        where = label_of_run(str(path), names if named_row else (), body, run)
    if where is None:
        where = named(names, LABELS, None)
    if where is None:
        where = label_of_rows([row for row in even if is_number_or_gap(row[1])])
    is_ragged = any(is_gap(row[-1]) or (where == width - 1 and is_gap(row[-2])) for row in body)
    if where is None or (columns is not None and width != columns + 1 and not is_ragged):
        return None
    # a row with a bad cell does not make the table one of another kind
    plain = [all(is_number_or_gap(c) for k, c in enumerate(row) if k != where) for row in body]
    if 2 * sum(plain) < len(plain):
        return None
    return WideTable(path, str(path), width, where, header, names, named_row)


def label_of_run(
    table: str, names: Sequence[str], rows: Sequence[Sequence[str]], run: RunColumns
) -> int | None:
    """The place of the label as in the training data of a run; None where nothing tells.

    Args:
        table: its name, in errors.
        names: of the columns; none where they have no names.
        rows: the first rows.
        run: the columns of the run.

    Raises:
        UserError: where the columns have names, and that of the run is missing.
    """
    wanted, width = run.value, len(rows[0]) if rows else 0
    if wanted is None or not rows or wanted in names:
        return names.index(wanted) if wanted is not None and wanted in names else None
    if wanted.isdigit():
        return int(wanted) - 1 if 1 <= int(wanted) <= width else None
    if not names:
        return None
    words = [k for k in range(width) if not all(is_number_or_gap(row[k]) for row in rows)]
    if len(words) != 1 or "label" in run.named:
        raise lacks_column(table, names, "label", wanted)
    read_in_place(table, "label", wanted, names[words[0]])
    return words[0]


def guess_features(names: tuple[str, ...], clips: Sequence[np.ndarray]) -> tuple[int, str]:
    """How many numbers of a row are one frame, and why.

    They are found from repeated names of columns, otherwise from the distance at which numbers differ least.

    Args:
        names: of the N columns; empty texts where they have none.
        clips: the numbers of each row, N or fewer.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.frames.number_rows import guess_features
        >>> guess_features(("x1", "y1", "x2", "y2"), [np.zeros(4)])
        (2, 'as the names of the columns repeat')
    """
    stems = [name.rstrip("0123456789").rstrip("_-. ").lower() for name in names]
    if all(stems):
        kinds = len(set(stems))
        if len(stems) % kinds == 0 and stems == stems[:kinds] * (len(stems) // kinds):
            return kinds, "as the names of the columns repeat"
    N, lengths = len(names), {len(clip) for clip in clips}
    fit = [F for F in range(1, min(MOST, N // 2) + 1) if not any(n % F for n in (N, *lengths))]
    if lengths == {N}:
        rows = np.stack(list(clips))
        distances = {F: float(np.abs(rows[:, F:] - rows[:, :-F]).mean()) for F in fit}
    else:
        steps = {F: np.concatenate([clip[F:] - clip[:-F] for clip in clips]) for F in fit}
        distances = {F: float(np.abs(steps[F]).mean()) if len(steps[F]) else np.inf for F in fit}
    best = min(fit, key=lambda F: distances[F])
    return best, "as neighbouring frames then differ least"


def split_frames(values: np.ndarray, features: int) -> np.ndarray:
    """The frames [T, F] of the numbers [T * F] of a row.

    Raises:
        BadClip: where it ends within a frame.
    """
    if values.size % features:
        raise BadClip(
            f"{counted(values.size, 'number')}, which do not make whole frames of {features}; the "
            "row ends within a frame."
        )
    return values.reshape(-1, features)


def find_clocks(paths: Sequence[Path], wanted: str | None) -> tuple[list[int], list[str]]:
    """The columns of tables of frames that are not read: times, and numbers that only grow.

    Args:
        paths: some of the tables.
        wanted: the columns that are read, by name or number, separated by commas. Default: guessed.

    Returns:
        Their places, from 0, and their names or numbers.

    Raises:
        UserError: where there is no such column.
    """
    tables, names = [], list[str]()
    for path in paths:
        try:
            rows = open_table(path).first_rows(LOOK)
        except UserError:  # told when the clip is read
            continue
        first = [cell.strip() for cell in rows[0]] if rows else []
        header = bool(first) and not any(number(c) is not None or looks_like_time(c) for c in first)
        if not names:
            names = first if header else [str(k + 1) for k in range(len(first))]
        tables.append([row for row in rows[int(header) :] if len(row) == len(names)])
    places = range(len(names))
    if wanted is not None:
        words = [word.strip() for word in wanted.split(",")]
        kept = {place(word, names, str(paths[0]), "--set columns") for word in words}
        return [k for k in places if k not in kept], []
    out = clock_columns(tables, places)
    return out, [names[k] for k in out]
