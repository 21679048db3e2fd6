"""Labels beside the words of a file: two columns of one's own, a CoNLL file, a CoNLL-U treebank."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unroll.data.files.lines import numbered_lines
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.inspect.probing.rules import LabelledFile

UNIVERSAL_WIDTH, FORM, MISC = 10, 1, 9  # of CoNLL-U
NO_LABEL = ("", "_", "-")
CHARACTERS = {"\\n": "\n", "\\t": "\t", "\\s": " "}  # in a file of one character a line


@dataclass(frozen=True)
class LabelledText:
    """A sentence, a line or a whole text, with a label for each word.

    Attributes:
        words: or characters.
        labels: of each word; NaN where it has none.
        gaps: what stands behind each word: a space, or nothing.
    """

    words: list[str]
    labels: list[float]
    gaps: list[str]

    @property
    def text(self) -> str:
        """The words as a text."""
        return "".join(w + gap for w, gap in zip(self.words, self.gaps, strict=True)).rstrip(" ")

    def labels_of(self, tokens: list[str]) -> list[float]:
        """The labels of the tokens that a network reads in place of the words.

        A token has the label of the word in which it ends; NaN where it is not found in the text.
        """
        if tokens == self.words:
            return self.labels
        text, own = "", []
        for word, label, gap in zip(self.words, self.labels, self.gaps, strict=True):
            text += word + gap
            own += [label] * len(word + gap)
        found, at, folded = [], 0, text.lower()
        for token in tokens:
            visible = token.strip().lower() or token
            place = folded.find(visible, at, at + len(visible) + 40)
            if place < 0 or not visible:
                found.append(math.nan)
                continue
            at = place + len(visible)
            found.append(own[at - 1])
        return found


def read_labelled_texts(file: LabelledFile) -> list[LabelledText]:
    """The texts of a file with labels.

    A row is a word and its label, in columns apart by tabs (or spaces); a blank line ends a sentence.
    In a file whose words all are single characters, they follow each other without spaces; `\\s`, `\\n`
    and `\\t` are a space, a line end and a tab.

    Raises:
        UserError: where the file cannot be read or holds something else.
    """
    path = Path(file.path)
    if not path.is_file():
        raise UserError(f"--probe names {file.path}, and there is no such file.")
    sentences = list(rows_of_sentences(path, file.path))
    if not sentences:
        raise UserError(f"{file.path} has no words; expected a word and its label in each line.")
    width = len(sentences[0][0])
    universal = path.name.removesuffix(".gz").endswith(".conllu") or width == UNIVERSAL_WIDTH
    column = width if file.column is None else file.column
    if width < 2 or column > width:
        raise UserError(
            f"{file.path} has {width} columns, and the labels of --probe are in column {column}. "
            "Expected a word and its label, apart by a tab; columns count from 1."
        )
    word = FORM if universal else 0
    cells = [[row[column - 1] for row in rows] for rows in sentences]
    labels = numbers_of(cells, file)
    single = all(
        len(CHARACTERS.get(row[word], row[word])) == 1 for rows in sentences for row in rows
    )
    found = []
    for rows, own in zip(sentences, labels, strict=True):
        words = [CHARACTERS.get(row[word], row[word]) if single else row[word] for row in rows]
        apart = [universal and "SpaceAfter=No" in row[MISC] for row in rows]
        gaps = ["" if single or joined else " " for joined in apart]
        found.append(LabelledText(words, own, gaps))
    return found


def rows_of_sentences(path: Path, name: str) -> Iterator[list[list[str]]]:
    """The rows of each sentence, in cells.

    Raises:
        UserError: for a row of another width.
    """
    rows: list[list[str]] = []
    for number, line in numbered_lines(path, name, Problems(skip=False)):
        line = line.rstrip("\r\n")
        if not line.strip():
            if rows:
                yield rows
            rows = []
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if line.startswith("#") and (len(cells) == 1 or "\t" not in line):
            continue
        if len(cells) == UNIVERSAL_WIDTH and not cells[0].isdigit():
            continue  # a multiword token or an empty node of CoNLL-U
        if rows and len(cells) != len(rows[0]):
            raise UserError(
                f"{name}, line {number} has {len(cells)} columns; expected {len(rows[0])} as in the "
                "line before."
            )
        rows.append(cells)
    if rows:
        yield rows


def numbers_of(cells: list[list[str]], file: LabelledFile) -> list[list[float]]:
    """Labels as numbers: whether a cell has a match of the value, or the number in the cell.

    Raises:
        UserError: for a cell that is no number where no value is given.
    """
    if file.value is not None:
        pattern = re.compile(file.value)
        return [[float(bool(pattern.search(cell))) for cell in own] for own in cells]
    try:
        return [[math.nan if c in NO_LABEL else float(c) for c in own] for own in cells]
    except ValueError:
        common = Counter(c for own in cells for c in own if not is_number(c)).most_common(5)
        names = ", ".join(cell[:30] for cell, _ in common)
        raise UserError(
            f"The labels of {file.path} are no numbers: {names}. Say which of them is 1: "
            f"--probe NAME=@{file.path}:COLUMN:{common[0][0][:30]}"
        ) from None


def is_number(cell: str) -> bool:
    """Whether a cell holds a number or no label."""
    try:
        float(cell)
    except ValueError:
        return cell in NO_LABEL
    return True
