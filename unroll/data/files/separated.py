"""Tables with separators: tab, comma, semicolon or pipe, found by rows of one width."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from unroll.data.files.rows import Row
from unroll.data.problems import Problems

MOST_LINES = 1000  # of one quoted cell, so that an open quote does not read the whole file
FEWEST_LINES = 8
LONGEST_CELL = 1 << 24  # characters
LONGEST_ROW = 1 << 26  # characters of the lines of one row
NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "pipes"}
CELL_COMMA = re.compile(
    r"(?<!\d),(?! )|,(?![\d ])"
)  # neither within a number nor within a sentence


@dataclass(frozen=True)
class Separator:
    """What stands between the cells of a row.

    Attributes:
        character: one of tab, comma, semicolon, pipe.
        quoted: whether a quoted cell may hold it, and line ends.
    """

    character: str
    quoted: bool


# those of one width are tried in this order
CANDIDATES = (
    Separator("\t", False),
    Separator(",", True),
    Separator(";", True),
    Separator("|", False),
    Separator("\t", True),
    Separator("|", True),
)
USUAL = {character: next(c for c in CANDIDATES if c.character == character) for character in NAMES}


def find_separator(
    lines: Sequence[tuple[int, str]], usual: str | None = None
) -> tuple[Separator | None, bool]:
    """What separates the cells, from the first lines.

    It is the separator with which all rows have one width of at least two columns: the usual one, else
    the one with the most columns. Where no separator has this, it is the usual one.

    Args:
        lines: the first lines of the file, numbered.
        usual: the separator of such files. Default: none.

    Returns:
        The separator, None where none fits, and whether all rows have one width with it.

    Examples:
        >>> from unroll.data.files.separated import find_separator
        >>> find_separator([(1, "text;label"), (2, "one, two;a")], usual=",")
        (Separator(character=';', quoted=True), True)
    """
    lines = [(number, line) for number, line in lines if line.strip()]
    shares: dict[Separator, tuple[float, int]] = {}
    for each in CANDIDATES:
        if any(each.character in line for _, line in lines):
            shares[each] = shared_width(lines, each)
    even = [each for each, (share, width) in shares.items() if share == 1 and width > 1]
    if len(even) > 1 and not any(CELL_COMMA.search(line) for _, line in lines):
        # all commas are within numbers or sentences
        even = [each for each in even if each.character != ","]
    if usual is None:
        # with a space after each, they are the commas of prose
        prose = [c for c in ",;" if not any(re.search(f"{c}(?! )", line) for _, line in lines)]
        even = [each for each in even if each.character not in prose]
    for each in even:
        if each.character == usual:
            return each, True
    if even and (len(lines) > 1 or usual is None):
        return max(even, key=lambda each: shares[each][1]), True
    if usual is not None and shares.get(USUAL[usual], (0, 0))[1] > 1:
        return USUAL[usual], False
    if usual is None:
        return None, False
    near = [each for each, (share, width) in shares.items() if share >= 0.9 and width > 1]
    if near:
        return max(near, key=lambda each: shares[each]), False
    return USUAL[usual], False


def shared_width(lines: Sequence[tuple[int, str]], separator: Separator) -> tuple[float, int]:
    """The share of the rows that have the most frequent width, and that width."""
    problems = Problems(skip=True, glance=True)
    rows = separated_rows(iter(lines), "", separator, problems)
    widths = Counter(len(row.cells) for row in rows)
    if not widths:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return count / (widths.total() + problems.count), width


def separated_rows(
    numbered: Iterable[tuple[int, str]], name: str, separator: Separator, problems: Problems
) -> Iterator[Row]:
    """The rows that are not blank.

    Where cells may be quoted, they may hold separators, doubled quotes and line ends; a quote that is
    never closed is a bad record, and reading continues after its line. Otherwise a cell ends at the
    separator or line end whatever quotes are in it; quotes around a whole cell are removed.

    Args:
        numbered: the lines, with their numbers.
        name: what the user called the file, for errors.
        separator: between cells.
        problems: notes bad records.
    """
    if not separator.quoted:
        for line, text in numbered:
            if text.strip():
                yield Row(line, [unquoted(cell) for cell in text.split(separator.character)])
        return
    lines = Lines(iter(numbered))
    while lines.more():
        line = lines.begin()
        # the limit is one of the whole process, and other readers may be between two rows
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            cells = next(csv.reader(lines, delimiter=separator.character, strict=True))
        except csv.Error as error:
            lines.back_to_second()
            problems.bad(
                f"{name}, line {line}: {quote_trouble(error)} Fix the line; a quote within a "
                'quoted cell is written twice, "".'
            )
            continue
        finally:
            csv.field_size_limit(before)
        if any(cell.strip() for cell in cells):
            yield Row(line, cells)


class Lines:
    """Numbered lines for a reader of quoted cells, which can step back when it has read too far.

    Each step back halves how many lines the next row may have, and each line of a good row adds one:
    however many quotes are open, a line is read a bounded number of times.
    """

    def __init__(self, numbered: Iterator[tuple[int, str]]) -> None:
        self._numbered = numbered
        self._waiting: deque[tuple[int, str]] = deque()
        self._read = 0  # of those that wait: the row that is read now
        self._characters = 0  # of the row that is read now
        self._most = MOST_LINES

    def more(self) -> bool:
        """Whether there is another line; the lines of the row before are dropped."""
        self._most = min(MOST_LINES, self._most + self._read)
        self._drop(self._read)
        return self._fill()

    def begin(self) -> int:
        """The number of the line where a row begins."""
        return self._waiting[0][0]

    def back_to_second(self) -> None:
        """Let the next row begin after the first line of this one."""
        if self._read > FEWEST_LINES:
            self._most = max(FEWEST_LINES, self._most // 2)
        self._drop(1)

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        too_long = self._read and self._characters > LONGEST_ROW
        if too_long or self._read >= self._most or not self._fill():
            raise StopIteration
        self._read += 1
        text = self._waiting[self._read - 1][1]
        self._characters += len(text)
        return text + "\n"

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self._read = self._characters = 0

    def _fill(self) -> bool:
        if self._read == len(self._waiting):
            self._waiting.extend(islice(self._numbered, 1))
        return self._read < len(self._waiting)


def quote_trouble(error: csv.Error) -> str:
    """What is wrong with the quotes, as a sentence."""
    if "unexpected end" in str(error):
        return "a quote is never closed."
    return f"the quotes are not balanced ({error})."


def unquoted(cell: str) -> str:
    """A cell without the quotes around it, where all quotes inside are doubled."""
    inner = cell.strip()
    if len(inner) > 1 and inner[0] == inner[-1] == '"' and '"' not in inner[1:-1].replace('""', ""):
        return inner[1:-1].replace('""', '"')
    return cell
