"""Words with a tag each, in columns: CoNLL files of any number of columns, and CoNLL-U.

A row is a word, a blank line ends a sentence. What is no word is kept aside, so that a file can be
written back with predicted tags: comments, `-DOCSTART-`, and of CoNLL-U the lines of multiword
tokens (`1-2`) and empty nodes (`1.1`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.records import numbered_lines
from unroll.data.text import text_source
from unroll.errors import UserError

DOCUMENT = "-DOCSTART-"
LOOK = 500  # lines that a guess looks at
UNIVERSAL_WIDTH, FORM = 10, 1
UNIVERSAL = {"upos": 3, "xpos": 4}
NO_TAG = "_"  # in CoNLL-U
WORD_NUMBER = re.compile(r"\d+")
NO_WORD = re.compile(r"\d+[-.]\d+")  # a multiword token or an empty node
SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Columns:
    """Which column of a file is what, counted from 0.

    tag: None where there is none. width: how many columns there are. tabs: whether tabs part them,
    or spaces. universal: whether it is CoNLL-U.
    """

    word: int
    tag: int | None
    width: int
    tabs: bool
    universal: bool = False

    def cells(self, line: str) -> list[str]:
        return line.split("\t") if self.tabs else SPACES.split(line.strip(" \t"))

    def told(self) -> str:
        """In words, columns counted from 1."""
        names = {at: f", {name.upper()}" for name, at in UNIVERSAL.items() if self.universal}
        kind = "CoNLL-U" if self.universal else f"{self.width} columns"
        tag = "no tags"
        if self.tag is not None:
            tag = f"the tag in column {self.tag + 1}{names.get(self.tag, '')}"
        return f"{kind}, the word in column {self.word + 1}, {tag}"


PLAIN = Columns(word=0, tag=None, width=1, tabs=True)  # of a sentence that is no file


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words of a sentence and, where they are known, their tags.

    first: the number of its first line in the file. rows: which of its lines each word is.
    lines: as they stand in the file, with all that is kept aside; only where they were asked for.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    first: int = 1
    rows: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()

    def line(self, word: int) -> int:
        """The number of the line that holds this word."""
        return self.first + (self.rows[word] if self.rows else 0)


def conll_file(path: str | Path) -> Path:
    """The one file at a path.

    Raises: UserError where there is none.
    """
    source = text_source(path)
    if len(source.files) != 1 or Path(path).is_dir():
        raise UserError(f"{path} is a folder; expected one file of words and tags.")
    return source.files[0]


def find_columns(path: Path, name: str, word: int | None = None, tag: str | None = None) -> Columns:
    """Which columns hold words and tags: those asked for, else the first and the last; in CoNLL-U
    the form and the universal part of speech.

    word: from 1. tag: from 1, or "upos" or "xpos", which only CoNLL-U has.
    Raises: UserError where there are no rows, or no such column.
    """
    some = islice(numbered_lines(path, name, Problems(skip=True)), LOOK)
    head = [line for _, line in some if line.strip(" \t")]
    row = next((x for x in head if not x.startswith(("#", DOCUMENT))), head[0] if head else None)
    if row is None:
        raise UserError(f"{name} holds no words; expected a word a line, with its tag.")
    tabs = "\t" in row.strip(" \t")
    columns = replace(PLAIN, tabs=tabs)
    width = len(columns.cells(row))
    ids = [columns.cells(line)[0] for line in head if not line.startswith("#")]
    universal = (
        tabs
        and width == UNIVERSAL_WIDTH
        and all(WORD_NUMBER.fullmatch(x) or NO_WORD.fullmatch(x) for x in ids)
    )
    if universal:
        columns = Columns(FORM, UNIVERSAL["upos"], width, tabs, universal)
    else:
        columns = Columns(0, width - 1 if width > 1 else None, width, tabs)
    if word is not None:
        columns = replace(columns, word=checked(word, width, "word", name))
    if tag is not None:
        columns = replace(columns, tag=tag_column(tag, columns, name))
    if columns.tag == columns.word:
        if word is None or tag is not None:
            raise UserError(
                f"--set word={columns.word + 1} and tag={columns.word + 1} are one column of "
                f"{name}; expected two."
            )
        columns = replace(columns, tag=None)
    return columns


def tag_column(tag: str, columns: Columns, name: str) -> int:
    if tag in UNIVERSAL:
        if not columns.universal:
            raise UserError(
                f"--set tag={tag} is for CoNLL-U; {name} has {columns.width} columns that are not "
                "those of CoNLL-U. Give the tag's column by its number, from 1."
            )
        return UNIVERSAL[tag]
    return checked(int(tag), columns.width, "tag", name)


def checked(column: int, width: int, what: str, name: str) -> int:
    if column > width:
        raise UserError(
            f"--set {what}={column} got a column that {name} has not: it has {width}. Columns count "
            "from 1."
        )
    return column - 1


def read_sentences(
    path: Path,
    name: str,
    columns: Columns,
    problems: Problems,
    *,
    tags: bool = True,
    keep: bool = False,
) -> Iterator[Sentence]:
    """The sentences of a file, one after the other.

    tags: whether each word must have one. keep: also the lines as they stand, and then also
    sentences without words, so that the whole file can be written back.
    problems: told about ragged rows, empty words, missing tags and lines that are not UTF-8; the
    whole sentence is left out.

    Example:
        >>> from pathlib import Path
        >>> from unroll.tasks.tag.conll import find_columns, read_sentences
        >>> from unroll.data.problems import Problems
        >>> _ = Path("rose.conll").write_text("A DET\\nrose NOUN\\n\\nIs VERB\\n")
        >>> columns = find_columns(Path("rose.conll"), "rose.conll")
        >>> [s.words for s in read_sentences(Path("rose.conll"), "rose.conll", columns, Problems())]
        [('A', 'rose'), ('Is',)]
    """
    for first, block in blocks(path, name, problems):
        sentence = parse(block, first, name, columns, problems, tags and columns.tag is not None)
        if sentence is not None and (sentence.words or keep):
            yield sentence if keep else replace(sentence, lines=())


def blocks(path: Path, name: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """The lines up to and with the blank ones that end a sentence, and the first one's number.

    problems: told about lines that cannot be read; their sentence is left out.
    """
    block: list[str] = []
    over, spoiled, first, known = False, False, 1, problems.count
    for number, line in numbered_lines(path, name, problems):
        blank, lost = not line.strip(" \t"), problems.count > known
        if block and (over or line.startswith(DOCUMENT)) and (not blank or lost):
            if not spoiled:
                yield first, block
            block, over, spoiled = [], False, False
        known = problems.count
        spoiled = spoiled or lost
        if spoiled and blank:
            block, over, spoiled = [], False, False
            continue
        if not block:
            first = number
        block.append(line)
        over = over or (blank and any(x.strip(" \t") for x in block))
    if block and not spoiled and (over or problems.count == known):
        yield first, block


def parse(
    block: list[str], first: int, name: str, columns: Columns, problems: Problems, tagged: bool
) -> Sentence | None:
    """The sentence that these lines are, or None where one of them is bad."""
    words: list[str] = []
    tags: list[str] = []
    rows: list[int] = []
    for k, line in enumerate(block):
        if aside(line, columns, begun=bool(words)):
            continue
        cells = columns.cells(line)
        trouble = wrong(cells, columns, tagged)
        if trouble:
            problems.bad(f"{name}, line {first + k}: {trouble}")
            return None
        words.append(sys.intern(cells[columns.word]))
        if tagged and columns.tag is not None:
            tags.append(sys.intern(cells[columns.tag]))
        rows.append(k)
    return Sentence(tuple(words), tuple(tags) if tagged else None, first, tuple(rows), tuple(block))


def aside(line: str, columns: Columns, begun: bool) -> bool:
    """Whether a line is no word: blank, a comment, `-DOCSTART-`, a multiword token, an empty node.

    begun: whether a word of the sentence came before. `#` may be a word too: where it is not
    CoNLL-U, a comment is what stands before the first word and is no row of the same width.
    """
    if not line.strip(" \t"):
        return True
    if columns.universal:
        return line.startswith("#") or bool(NO_WORD.fullmatch(line.partition("\t")[0]))
    if line.startswith(DOCUMENT):
        return True
    return line.startswith("#") and not begun and len(columns.cells(line)) != columns.width


def wrong(cells: list[str], columns: Columns, tagged: bool) -> str | None:
    """What is wrong with a row, in a sentence, or None."""
    if len(cells) != columns.width:
        return (
            f"{counted(len(cells), 'column')}; expected {columns.width}, as in the "
            f"first row, parted by {'tabs' if columns.tabs else 'spaces'}."
        )
    if columns.universal and not WORD_NUMBER.fullmatch(cells[0]):
        return f"the first column is {cells[0]!r}; expected the number of a word."
    if not cells[columns.word].strip():
        return f"the word in column {columns.word + 1} is empty."
    if tagged and columns.tag is not None:
        tag = cells[columns.tag]
        if not tag.strip() or (columns.universal and tag == NO_TAG):
            return f"{cells[columns.word]!r} has no tag in column {columns.tag + 1}."
    return None


def with_tags(sentence: Sentence, tags: Sequence[str], columns: Columns) -> list[str]:
    """The lines of a sentence with predicted tags: in the tag's column of CoNLL-U, else as a
    further last column, where `-DOCSTART-` repeats its last one so that all rows are as wide.
    """
    found = list(sentence.lines)
    if not found:
        return [f"{word}\t{tag}" for word, tag in zip(sentence.words, tags, strict=True)] + [""]
    if columns.universal:
        for row, tag in zip(sentence.rows, tags, strict=True):
            cells = found[row].split("\t")
            cells[columns.tag or UNIVERSAL["upos"]] = tag
            found[row] = "\t".join(cells)
        return found
    added = dict(zip(sentence.rows, tags, strict=True))
    for k, line in enumerate(found):
        if line.startswith(DOCUMENT):
            added[k] = columns.cells(line)[-1]
        if k in added:
            found[k] = f"{line}\t{added[k]}" if columns.tabs else f"{line.rstrip()} {added[k]}"
    return found
