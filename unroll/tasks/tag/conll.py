"""Words with tags in columns: CoNLL files of any number of columns, and CoNLL-U.

A row is a word, a blank line ends a sentence. Lines that are not words are kept, so that a file can be
written back with predicted tags: comments, `-DOCSTART-`, and in CoNLL-U the lines of multiword tokens
(`1-2`) and empty nodes (`1.1`).
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

from unroll.counting import counted
from unroll.data.files.lines import numbered_lines
from unroll.data.problems import Problems
from unroll.data.text import text_source
from unroll.errors import UserError

DOCUMENT = "-DOCSTART-"
LOOK = 500  # lines that a guess looks at
UNIVERSAL_WIDTH, FORM = 10, 1
UNIVERSAL = {"upos": 3, "xpos": 4}
NO_TAG = "_"  # in CoNLL-U
WORD_NUMBER = re.compile(r"\d+")
NOT_A_WORD = re.compile(r"\d+[-.]\d+")  # a multiword token or an empty node
SPACES = re.compile(r"[ \t]+")
WIDE = re.compile(r"\s+")  # also no-break and ideographic spaces
WORD_NAMES = ("word", "words", "token", "tokens", "form")
TAG_NAMES = (
    *("tag", "tags", "label", "labels", "ner"),
    *("ner_tag", "ner_tags", "entity", "pos", "upos"),
)


@dataclass(frozen=True)
class TagColumns:
    """Which column of a file holds what, counted from 0.

    Attributes:
        word: the column of the word.
        tag: the column of the tag; None where there is none.
        width: how many columns there are.
        tabs: whether columns are separated by tabs; else by spaces.
        universal: whether the file is CoNLL-U.
        wide: whether any white space separates columns, no-break spaces too.
        comments: whether each sentence begins with a comment, however many cells it has.
        header: the line of the names of columns, from 1; 0 where there is none.
    """

    word: int
    tag: int | None
    width: int
    tabs: bool
    universal: bool = False
    wide: bool = False
    comments: bool = False
    header: int = 0

    def cells(self, line: str) -> list[str]:
        """The cells of a row, without what is blank behind the last column."""
        if self.wide:
            return WIDE.split(line.strip())
        if not self.tabs:
            return SPACES.split(line.strip(" \t"))
        cells = [cell.strip(" ") for cell in line.split("\t")]
        while len(cells) > self.width and not cells[-1]:
            cells.pop()
        return cells

    def settings(self) -> tuple[int, str | None]:
        """What `--set word` and `--set tag` call the columns."""
        names = {at: name for name, at in UNIVERSAL.items() if self.universal}
        tag = None if self.tag is None else names.get(self.tag, str(self.tag + 1))
        return self.word + 1, tag

    def is_blank(self, line: str) -> bool:
        """Whether a line ends a sentence; a single no-break space may be a word of one column."""
        if self.width > 1 and "\t" not in line:
            return not line.strip()
        return not line.strip(" \t")

    def description(self) -> str:
        """Which column holds what, for people, who count from 1."""
        names = {at: f", {name.upper()}" for name, at in UNIVERSAL.items() if self.universal}
        kind = "CoNLL-U" if self.universal else f"{self.width} columns"
        tag = "no tags"
        if self.tag is not None:
            tag = f"the tag in column {self.tag + 1}{names.get(self.tag, '')}"
        header = f", names in line {self.header}" if self.header else ""
        return f"{kind}, the word in column {self.word + 1}, {tag}{header}"


TEXT_COLUMNS = TagColumns(
    word=0, tag=None, width=1, tabs=True
)  # of a sentence that is not from a file


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Sentence:
    """The words of a sentence and, where they are known, their tags.

    Attributes:
        words: in order.
        tags: one per word, or None.
        first: the number of its first line in the file, from 1.
        rows: which of its lines each word is, from 0.
        lines: all its lines, also those that are not words; empty unless they were asked for.
        split: words that were split, as a marked span begins or ends in them.
        group: what `--by` names it; empty unless that was asked for.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    first: int = 1
    rows: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    group: str = ""

    def line(self, word: int) -> int:
        """The number of the line that holds this word."""
        return self.first + (self.rows[word] if self.rows else 0)


def conll_file(path: str | Path) -> Path:
    """The single file at a path.

    Raises:
        UserError: where there is none, or a folder.
    """
    source = text_source(path)
    if len(source.files) != 1 or Path(path).is_dir():
        raise UserError(f"{path} is a folder; expected one file of words and tags.")
    return source.files[0]


def find_tag_columns(
    path: Path, name: str, word: int | None = None, tag: str | None = None
) -> TagColumns:
    """Which columns of a file hold words and tags.

    Args:
        path: the file.
        name: of the file, in errors.
        word: the column of the word, from 1. Default: the first; in CoNLL-U the form.
        tag: the column of the tag, from 1; or "upos" or "xpos", which only CoNLL-U has. Default: the
            last; in CoNLL-U the universal part of speech.

    Raises:
        UserError: where there are no rows, or no such column.
    """
    head = list(islice(numbered_lines(path, name, Problems(skip=True)), LOOK))
    lines = [line for _, line in head if line.strip(" \t")]
    rows = [line for line in lines if not line.startswith(("#", DOCUMENT))] or lines[:1]
    if not rows:
        raise UserError(f"{name} holds no words; expected one word per line, with its tag.")
    columns = row_form(rows)
    tabs, width = columns.tabs, columns.width
    ids = [columns.cells(line)[0] for line in lines if not line.startswith("#")]
    universal = (
        tabs
        and width == UNIVERSAL_WIDTH
        and all(WORD_NUMBER.fullmatch(x) or NOT_A_WORD.fullmatch(x) for x in ids)
    )
    if universal:
        columns = TagColumns(FORM, UNIVERSAL["upos"], width, tabs, universal)
    else:
        columns = replace(columns, tag=width - 1 if width > 1 else None)
        columns = replace(columns, comments=all_begin_with_comments([line for _, line in head]))
    if word is not None:
        columns = replace(columns, word=column_place(word, width, "word", name))
    if tag is not None:
        columns = replace(columns, tag=tag_column(tag, columns, name))
    if columns.tag == columns.word:
        if word is None or tag is not None:
            raise UserError(
                f"--set word={columns.word + 1} and tag={columns.word + 1} name the same column of "
                f"{name}; expected two columns."
            )
        columns = replace(columns, tag=None)
    return replace(columns, header=header_line(head, columns))


def row_form(rows: Sequence[str]) -> TagColumns:
    """How most of some rows are separated, and how many columns they have."""
    tabs = 2 * sum("\t" in row.strip(" \t") for row in rows) >= len(rows)
    columns = replace(TEXT_COLUMNS, tabs=tabs)
    widths = Counter(len(columns.cells(row)) for row in rows)
    if not tabs and widths.most_common(1)[0][0] == 1:
        wide = replace(columns, wide=True)
        others = Counter(len(wide.cells(row)) for row in rows)
        if others.most_common(1)[0][0] > 1:
            columns, widths = wide, others
    return replace(columns, width=widths.most_common(1)[0][0])


def all_begin_with_comments(lines: Sequence[str]) -> bool:
    """Whether lines are of two sentences or more that all begin with `#`, as no text does."""
    begins = [
        line
        for before, line in pairwise(["", *lines])
        if line.strip() and not line.startswith(DOCUMENT) and not before.strip()
    ]
    return len(begins) > 1 and all(line.startswith("#") for line in begins)


def header_line(head: Sequence[tuple[int, str]], columns: TagColumns) -> int:
    """The number of the line of the names of columns, where the first row is one, or 0."""
    number, row = next(((n, line) for n, line in head if line.strip(" \t")), (0, ""))
    cells = [cell.lower() for cell in columns.cells(row)]
    if columns.tag is None or len(cells) != columns.width:
        return 0
    is_header = cells[columns.word] in WORD_NAMES and cells[columns.tag] in TAG_NAMES
    return number if is_header else 0


def tag_column(tag: str, columns: TagColumns, name: str) -> int:
    """The place of the column of the tag, from 0.

    Args:
        tag: its number from 1, or "upos" or "xpos".
        columns: of the file.
        name: of the file, in errors.

    Raises:
        UserError: where there is no such column.
    """
    if tag in UNIVERSAL:
        if not columns.universal:
            raise UserError(
                f"--set tag={tag} is for CoNLL-U, and {name} is not CoNLL-U. Give the column of the "
                f"tag by its number, from 1 to {columns.width}."
            )
        return UNIVERSAL[tag]
    if not re.fullmatch(r"-?\d{1,9}", tag, re.ASCII):
        raise UserError(
            f"--set tag={tag[:40]} is no column; expected its number, from 1 to {columns.width}."
        )
    return column_place(int(tag), columns.width, "tag", name)


def column_place(column: int, width: int, what: str, name: str) -> int:
    """The place of a column from 0.

    Args:
        column: its number from 1.
        width: how many columns there are.
        what: the setting that named it.
        name: of the file, in errors.

    Raises:
        UserError: where there is no such column.
    """
    if column > width:
        raise UserError(
            f"--set {what}={column} is not a column of {name}, which has {width}; expected a number "
            f"from 1 to {width}."
        )
    return column - 1


def read_sentences(
    path: Path,
    name: str,
    columns: TagColumns,
    problems: Problems,
    *,
    tags: bool = True,
    keep: bool = False,
) -> Iterator[Sentence]:
    """The sentences of a file, one after the other.

    Args:
        path: the file.
        name: of the file, in errors.
        columns: which column holds what.
        problems: takes ragged rows, empty words, missing tags and lines that are not UTF-8; the
            whole sentence is skipped.
        tags: whether each word must have a tag.
        keep: whether to keep all lines, and sentences without words too, so that the whole file can
            be written back.

    Raises:
        UserError: for the first bad sentence, unless `problems` skips them.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.tag.conll import find_tag_columns, read_sentences
        >>> from unroll.data.problems import Problems
        >>> _ = Path("rose.conll").write_text("A DET\\nrose NOUN\\n\\nIs VERB\\n")
        >>> columns = find_tag_columns(Path("rose.conll"), "rose.conll")
        >>> [s.words for s in read_sentences(Path("rose.conll"), "rose.conll", columns, Problems())]
        [('A', 'rose'), ('Is',)]
    """
    for first, block in read_blocks(path, name, columns, problems):
        sentence = parse_block(
            block, first, name, columns, problems, tags and columns.tag is not None
        )
        if sentence is not None and (sentence.words or keep):
            yield sentence if keep else replace(sentence, lines=())


def read_blocks(
    path: Path, name: str, columns: TagColumns, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    """The lines of each sentence with the blank lines that end it.

    Args:
        path: the file.
        name: of the file, in errors.
        columns: of the file.
        problems: takes lines that cannot be read; their sentence is skipped.

    Yields:
        The number of the first line, from 1, and the lines.
    """
    block: list[str] = []
    has_ended, is_bad, first, known = False, False, 1, problems.count
    for number, line in numbered_lines(path, name, problems):
        is_blank, lines_lost = columns.is_blank(line), problems.count > known
        if block and (has_ended or line.startswith(DOCUMENT)) and (not is_blank or lines_lost):
            if not is_bad:
                yield first, block
            block, has_ended, is_bad = [], False, False
        known = problems.count
        is_bad = is_bad or lines_lost
        if is_bad and is_blank:
            block, has_ended, is_bad = [], False, False
            continue
        if not block:
            first = number
        block.append(line)
        has_ended = has_ended or (is_blank and not all(map(columns.is_blank, block)))
    if block and not is_bad and (has_ended or problems.count == known):
        yield first, block


def parse_block(
    block: list[str], first: int, name: str, columns: TagColumns, problems: Problems, tagged: bool
) -> Sentence | None:
    """The sentence of some lines.

    Args:
        block: the lines.
        first: the number of the first one, from 1.
        name: of the file, in errors.
        columns: of the file.
        problems: takes a bad row.
        tagged: whether each word must have a tag.

    Returns:
        The sentence, or None where a row is bad.
    """
    words: list[str] = []
    tags: list[str] = []
    rows: list[int] = []
    for k, line in enumerate(block):
        if first + k == columns.header or is_no_word(line, columns, has_begun=bool(words)):
            continue
        cells = columns.cells(line)
        trouble = row_trouble(cells, columns, tagged)
        if trouble:
            problems.bad(f"{name}, line {first + k}: {trouble}")
            return None
        words.append(sys.intern(cells[columns.word]))
        if tagged and columns.tag is not None:
            tags.append(sys.intern(cells[columns.tag].strip()))
        rows.append(k)
    return Sentence(tuple(words), tuple(tags) if tagged else None, first, tuple(rows), tuple(block))


def is_no_word(line: str, columns: TagColumns, has_begun: bool) -> bool:
    """Whether a line is blank, a comment, `-DOCSTART-`, a multiword token or an empty node.

    `#` may be a word too: outside CoNLL-U, a line that begins with it is a comment only before the
    first word of a sentence, and only where it does not have as many columns as the other rows.

    Args:
        line: without its line end.
        columns: of the file.
        has_begun: whether a word of the sentence came before.
    """
    if columns.is_blank(line):
        return True
    if columns.universal:
        return line.startswith("#") or bool(NOT_A_WORD.fullmatch(line.partition("\t")[0]))
    if line.startswith(DOCUMENT):
        return True
    if not line.startswith("#") or has_begun:
        return False
    return columns.comments or len(columns.cells(line)) != columns.width


def row_trouble(cells: list[str], columns: TagColumns, tagged: bool) -> str | None:
    """What is wrong with a row, in a sentence, or None. tagged: whether it must have a tag."""
    if len(cells) != columns.width:
        return (
            f"{counted(len(cells), 'column')}; expected {columns.width}, as in most "
            f"rows, separated by {'tabs' if columns.tabs else 'spaces'}."
        )
    if columns.universal and not WORD_NUMBER.fullmatch(cells[0]):
        return f"the first column is {cells[0]!r}; expected the number of a word."
    if not cells[columns.word]:
        return f"the word in column {columns.word + 1} is empty."
    if tagged and columns.tag is not None:
        tag = cells[columns.tag]
        if not tag.strip() or (columns.universal and tag == NO_TAG):
            return f"{cells[columns.word]!r} has no tag in column {columns.tag + 1}."
    return None


def sentence_lines(sentence: Sentence, tags: Sequence[str], columns: TagColumns) -> list[str]:
    """The lines of a sentence with predicted tags.

    In CoNLL-U the tags replace those in the tag's column; elsewhere they are a further last column,
    where `-DOCSTART-` repeats its last cell so that all rows have the same width.

    Args:
        sentence: with its lines, where it is from a file.
        tags: one per word.
        columns: of the file.
    """
    lines = list(sentence.lines)
    if not lines:
        return [f"{word}\t{tag}" for word, tag in zip(sentence.words, tags, strict=True)] + [""]
    if columns.universal:
        for row, tag in zip(sentence.rows, tags, strict=True):
            cells = lines[row].split("\t")
            cells[columns.tag or UNIVERSAL["upos"]] = tag
            lines[row] = "\t".join(cells)
        return lines
    added = dict(zip(sentence.rows, tags, strict=True))
    for k, line in enumerate(lines):
        if line.startswith(DOCUMENT):
            added[k] = columns.cells(line)[-1]
        if k in added:
            lines[k] = line.rstrip(" \t") + ("\t" if columns.tabs else " ") + added[k]
    return lines
