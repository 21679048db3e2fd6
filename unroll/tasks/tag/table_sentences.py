"""The sentences of a table or of JSON, each with file and line."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Any

from unroll.counting import counted
from unroll.data.files.rows import Row, TableRows, as_word
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.tag.cells import as_spans, as_tags, as_tokens, parsed_cell
from unroll.tasks.tag.conll import DOCUMENT, Sentence
from unroll.tasks.tag.marked_text import tagged_words
from unroll.tasks.tag.table_form import TableForm
from unroll.tasks.tag.words import split_words


def read_table_sentences(
    table: TableRows,
    form: TableForm,
    problems: Problems,
    *,
    tags: bool = True,
    known: Container[str] = (),
) -> Iterator[Sentence]:
    """The sentences of a table, one after the other.

    Args:
        table: its rows.
        form: which column holds what.
        problems: takes bad rows; their sentence is skipped.
        tags: whether each word must have a tag.
        known: words of the training set, by which texts without tags are split.

    Raises:
        UserError: for the first bad sentence, unless `problems` skips them.
    """
    tagged = tags and form.tag is not None
    if form.kind == "rows of words":
        yield from sentences_of_words(table, form, problems, tagged)
        return
    for row in data_rows(table, form, problems):
        try:
            found = sentence_of_row(row, form, tagged, known)
        except UserError as error:
            problems.bad(f"{table.name}, line {row.line}: {error}")
            continue
        if found.words != (DOCUMENT,):
            yield replace(found, group=as_word(cell_of(row, form.group)).strip())


def data_rows(table: TableRows, form: TableForm, problems: Problems) -> Iterator[Row]:
    """The rows without the header."""
    rows = iter(table.rows(problems))
    if form.header:
        next(rows, None)
    yield from rows


def sentence_of_row(
    row: Row, form: TableForm, tagged: bool, known: Container[str] = ()
) -> Sentence:
    """The sentence of a row that is one.

    Args:
        row: of the table.
        form: which column holds what.
        tagged: whether each word must have a tag.
        known: words of the training set, by which a text without tags is split.

    Raises:
        UserError: where the row holds none; without file and line.
    """
    cell, name = parsed_cell(cell_of(row, form.word)), form.names[form.word]
    is_text = form.kind == "spans" or (form.split and not isinstance(cell, list))
    if is_text and not (isinstance(cell, str) and cell.strip()):
        raise UserError(f"{name!r} holds no text; expected the words of a sentence.")
    if form.kind == "spans":
        return sentence_of_text(cell, row, form, tagged, known)
    words = cell.split() if is_text else as_tokens(cell)
    if not words or not all(word.strip(" \t\r\n") for word in words):
        raise UserError(f"{name!r} holds no list of words; expected one word or more.")
    if not tagged:
        return sentence(words, None, row.line)
    tags = as_tags(parsed_cell(cell_of(row, form.tag))) or []
    if len(tags) != len(words) or not all(tag.strip() for tag in tags):
        raise UserError(
            f"{counted(len(words), 'word')} and {counted(len(tags), 'tag')}; expected one tag a word."
        )
    return sentence(words, [tag.strip() for tag in tags], row.line)


def sentence_of_text(
    text: str, row: Row, form: TableForm, tagged: bool, known: Container[str]
) -> Sentence:
    """The sentence of a text, with tags from its marked spans where it must have some.

    Raises:
        UserError: where the spans cannot be read, or it has no word.
    """
    if not tagged:
        words = split_words(text, known)
        if not words:
            raise UserError(f"{form.names[form.word]!r} holds no word.")
        return sentence(words, None, row.line)
    spans = as_spans(parsed_cell(cell_of(row, form.tag)) or [])
    if spans is None:
        raise UserError(
            f"{form.names[form.tag or 0]!r} holds no list of spans; expected start, end and label "
            "of each."
        )
    words, tags, split = tagged_words(text, spans)
    return replace(sentence(words, tags, row.line), split=tuple(split))


def sentences_of_words(
    table: TableRows, form: TableForm, problems: Problems, tagged: bool
) -> Iterator[Sentence]:
    """The sentences of a table whose rows are words."""
    words: list[str] = []
    found: list[str] = []
    lines: list[int] = []
    group = ""
    mark, is_bad, known, after = "", False, problems.count, 0
    for row in data_rows(table, form, problems):
        lost, known = problems.count > known, problems.count
        own = as_word(cell_of(row, form.sentence)).strip() if form.sentence is not None else ""
        ends = own not in ("", mark) if form.sentence is not None else after and row.line > after
        if ends:
            if words and not is_bad:
                yield replace(
                    sentence(words, found if tagged else None, lines[0], lines), group=group
                )
            words, found, lines, is_bad = [], [], [], False
        # the row that was lost may have begun a sentence
        is_bad = is_bad or (lost and not (ends and own))
        mark = own or mark
        group = as_word(cell_of(row, form.group)).strip() or group
        after = row.line + 1 + sum(as_word(cell).count("\n") for cell in row.cells)
        word = as_word(cell_of(row, form.word)).strip(" \t\r\n")
        tag = as_word(cell_of(row, form.tag)).strip() if tagged else ""
        if word == DOCUMENT:
            continue
        if not word or (tagged and not tag):
            empty = form.tag if word and form.tag is not None else form.word
            what = "the word" if not word else f"the tag of {word!r}"
            problems.bad(
                f"{table.name}, line {row.line}: {what} in column {form.names[empty]!r} is empty."
            )
            is_bad, known = True, problems.count
            continue
        words.append(word)
        found.append(tag)
        lines.append(row.line)
    if words and not is_bad and problems.count == known:
        yield replace(sentence(words, found if tagged else None, lines[0], lines), group=group)


def sentence(
    words: list[str], tags: list[str] | None, first: int, lines: list[int] | None = None
) -> Sentence:
    """A sentence that begins in a line of the file, and whose words are on these lines."""
    return Sentence(
        tuple(map(sys.intern, words)),
        None if tags is None else tuple(map(sys.intern, tags)),
        first,
        tuple(max(0, line - first) for line in lines or [first] * len(words)),
    )


def cell_of(row: Row, column: int | None) -> Any:
    """A cell of a row; nothing where the row is too short."""
    return row.cells[column] if column is not None and column < len(row.cells) else None
