"""Tables as research archives keep them: .arff of Weka and .ts of sktime."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from unroll.data.files.lines import numbered_lines
from unroll.data.files.rows import Row, TableRows
from unroll.data.problems import Problems
from unroll.errors import UserError

ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)\s+(.*)""", re.I)
MISSING = "?"
CLASS = "class"  # the name of the column of labels of a .ts


def arff_table(path: Path, name: str) -> TableRows:
    """The rows of an .arff, whose header names the columns; a missing cell is empty.

    Raises:
        UserError: where the header names no column, or a column that holds rows of its own.
    """
    names: list[str] = []
    for _, text in numbered_lines(path, name, Problems(skip=True)):
        line = text.strip()
        if line.lower().startswith("@data"):
            break
        found = ATTRIBUTE.match(line)
        if found is not None:
            if found[2].lower().startswith("relational"):
                raise UserError(
                    f"{name} has the relational attribute {found[1]}; expected one cell per column. "
                    "Give the data as .ts, or as one .arff for each dimension."
                )
            names.append(plain(found[1]))
    if not names:
        raise UserError(f"{name} has no @attribute before @data; expected an .arff.")

    def read(problems: Problems) -> Iterator[Row]:
        for line, text in data_lines(path, name, problems):
            if text.startswith("{"):
                problems.bad(f"{name}, line {line}: a sparse row; expected a cell for each column.")
                continue
            cells = [plain(cell) for cell in arff_cells(text)]
            yield Row(line, ["" if cell == MISSING else cell for cell in cells])

    return TableRows(name, tuple(names), read, path.parent)


def data_lines(path: Path, name: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """The lines after @data that are neither blank nor comments."""
    in_data = False
    for line, text in numbered_lines(path, name, problems):
        text = text.strip()
        if in_data and text and text[0] not in "%#":
            yield line, text
        in_data = in_data or text.lower().startswith("@data")


def arff_cells(text: str) -> list[str]:
    """The cells of a row, which quotes of either kind may enclose."""
    quote = '"' if '"' in text and "'" not in text else "'"
    reader = csv.reader([text], quotechar=quote, escapechar="\\", skipinitialspace=True)
    return next(reader, [])


def plain(cell: str) -> str:
    """A cell without spaces and quotes around it."""
    cell = cell.strip()
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", cell[1:-1])
    return cell


def ts_table(path: Path, name: str) -> TableRows:
    """The sequences of a .ts, one in each row: its numbers, frame by frame, and its label last.

    Sequences that are shorter than the longest end in empty cells.

    Raises:
        UserError: where there is no sequence, or each value has its time in brackets.
    """
    labelled, longest, dimensions = False, 0, 0
    for _, text in numbered_lines(path, name, Problems(skip=True)):
        words = text.split()
        if words and words[0].lower() == "@classlabel":
            labelled = len(words) > 1 and words[1].lower() == "true"
        elif [word.lower() for word in words] == ["@timestamps", "true"]:
            raise UserError(f"{name} has a time beside each value; expected values alone.")
        elif words and words[0].lower() == "@data":
            break
    for _, text in data_lines(path, name, Problems(skip=True)):
        own, _ = channels(text, labelled)
        dimensions = dimensions or len(own)
        longest = max(longest, *map(len, own))
    if not dimensions:
        raise UserError(f"{name} has no sequence after @data; expected a .ts of sktime.")
    names = [f"d{k + 1}_{t + 1}" for t in range(longest) for k in range(dimensions)]

    def read(problems: Problems) -> Iterator[Row]:
        for line, text in data_lines(path, name, problems):
            own, label = channels(text, labelled)
            lengths = {len(each) for each in own}
            if len(own) != dimensions or len(lengths) > 1:
                problems.bad(
                    f"{name}, line {line}: {len(own)} dimensions of "
                    f"{' and '.join(map(str, sorted(lengths)))} steps; expected {dimensions} of the "
                    "same number of steps."
                )
                continue
            cells = [each[t] for t in range(max(lengths)) for each in own]
            cells = ["" if cell == MISSING else cell for cell in cells]
            cells += [""] * (len(names) - len(cells))
            yield Row(line, [*cells, label] if labelled else cells)

    columns = (*names, CLASS) if labelled else tuple(names)
    return TableRows(name, columns, read, path.parent)


def channels(text: str, labelled: bool) -> tuple[list[list[str]], str]:
    """The cells of each dimension of a sequence, and its label, empty where there is none."""
    parts = text.split(":")
    label = parts.pop().strip() if labelled and len(parts) > 1 else ""
    return [[cell.strip() for cell in part.split(",")] for part in parts], label
