"""The forms of files with tagged words: columns, tables and JSON, words with slashes."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unroll.counting import listed
from unroll.data.columns import holds_names, is_number, lacks_column, read_in_place
from unroll.data.files.forms import FileForm, find_form
from unroll.data.files.lines import numbered_lines
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.first_rows import first_rows
from unroll.data.problems import Problems
from unroll.data.table import column
from unroll.errors import UserError
from unroll.tasks.tag.cells import as_spans, as_tags, as_tokens, parsed_cell
from unroll.tasks.tag.conll import (
    TEXT_COLUMNS,
    UNIVERSAL,
    Sentence,
    TagColumns,
    find_tag_columns,
    read_sentences,
    sentence_lines,
)
from unroll.tasks.tag.settings import SUFFIXES
from unroll.tasks.tag.slashed import SlashForm, find_slash_form, read_slashed, slashed_line
from unroll.tasks.tag.table_form import TableForm, find_table_form, is_header
from unroll.tasks.tag.table_sentences import cell_of, data_rows, read_table_sentences

PLACE = re.compile(r"column \d+")  # what a column without a name is called
TagForm = TagColumns | TableForm | SlashForm
LOOK = 200  # lines that a guess looks at
# of which any text may have some by chance
TEXT_KINDS = ("text", "separated", "labelled lines")


def find_tag_form(
    path: Path,
    name: str,
    word: int | str | None = None,
    tag: str | None = None,
    *,
    tagged: bool = True,
) -> TagForm:
    """How a file holds words and tags.

    Args:
        path: the file.
        name: of the file, in errors.
        word: the column of the word, from 1 or by its name. Default: guessed.
        tag: the same for the tag; or "upos" or "xpos", which only CoNLL-U has.
        tagged: whether a table must have tags; otherwise a column of texts will do.

    Raises:
        UserError: where there are no words, or no such column.
    """
    if not path.name.removesuffix(".gz").endswith(SUFFIXES):
        found: TagForm | None = find_table(path, name, word, tag, tagged=tagged)
        if found is None and word in (None, 1) and tag in (None, "2"):
            found = find_slash_form(first_lines(path, name))
        if found is not None:
            return found
    if word is not None and not isinstance(word, int):
        raise UserError(
            f"--set word={word} is not a column of {name}; expected its number, from 1. Names are for "
            "tables with a header, and for JSON."
        )
    if tag is not None and tag not in UNIVERSAL and not tag.isdecimal():
        raise UserError(
            f"--set tag={tag} is not a column of {name}; expected its number from 1, upos or xpos. "
            "Names are for tables with a header, and for JSON."
        )
    return find_tag_columns(path, name, word, tag)


def find_table(
    path: Path, name: str, word: int | str | None, tag: str | None, *, tagged: bool
) -> TableForm | None:
    """Which columns of a table hold what; None for a file that is read otherwise.

    Raises:
        UserError: for a table without words and tags, or without such a column.
    """
    kind = find_form(path, name)
    if kind.kind == "arrays":
        raise UserError(f"{name} holds arrays of numbers; expected words with tags.")
    if kind.kind not in TEXT_KINDS:
        table = open_table(path, name)
        ill = Problems(skip=True)
        rows = table.first_rows(LOOK, ill)
        if not rows:
            raise UserError(
                ill.with_messages(f"{name} holds no sentence; expected words with tags.")
            )
        found = find_table_form(rows, table.names, word, tag, tagged=tagged)
        if found is None:
            what = listed(table.names) if table.names else "no names"
            raise UserError(
                f"{name} has no words with tags among its columns ({what}); expected lists of words "
                "and of tags, or texts with spans. Name them by --set word=NAME --set tag=NAME."
            )
        return found
    if kind.kind != "separated":
        return None
    rows, _ = first_rows(path)
    named = any(isinstance(each, str) and not each.isdecimal() for each in (word, tag))
    named = named and tag not in UNIVERSAL
    own = find_table_form(rows, None, *((word, tag) if named else ()), tagged=True)
    if own is None and not tagged and kind.is_table:
        own = find_table_form(rows, None, tagged=False)
    if own is None or not is_own_table(own, kind):
        return None
    if word is None and tag is None:
        return own
    return find_table_form(rows, None, word, tag, tagged=tagged) or own


def is_own_table(form: TableForm, file: FileForm) -> bool:
    """Whether a separated text is more than CoNLL, which a row of names may precede too."""
    has_tabs = file.separator is not None and file.separator.character == "\t"
    return form.kind != "rows of words" or form.sentence is not None or not has_tabs


def first_lines(path: Path, name: str) -> list[str]:
    """The first lines of a text; bad ones are told when it is read."""
    found: list[str] = []
    for _, line in numbered_lines(path, name, Problems(skip=True), replace=True):
        found.append(line)
        if len(found) == LOOK:
            break
    return found


def inherited_form(
    path: Path,
    name: str,
    word: int | str | None,
    tag: str | None,
    *,
    universal: bool,
    named: Collection[str] = (),
    tagged: bool = True,
) -> TagForm:
    """How a further file holds words and tags: as that of the training set where it is of its kind.

    A table is read in the columns of the run. Where the user named none in training, the only column that
    may be meant is read too; that is told. A table without names is read by what its columns hold.

    Args:
        path: the file.
        name: of the file, in errors.
        word: the column of the word in the training set.
        tag: the same for the tag.
        universal: whether the training set is CoNLL-U.
        named: the settings that the user gave in training.
        tagged: whether it must have tags.

    Raises:
        UserError: where there are no words and tags, or no such column.
    """
    run = {"word": own_name(word), "tag": own_name(tag) if tagged else None}
    names, columns = named_columns(path, name, run)
    if all(each is None or each in names for each in run.values()) and any(run.values()):
        table = find_table(path, name, run["word"], run["tag"], tagged=tagged)
        if table is not None and run["word"] not in (None, table.names[table.word]):
            raise UserError(
                f"{name}: column {run['word']!r} holds no words; expected words, as in training."
            )
        if table is not None:
            return table
    found = find_tag_form(path, name, tagged=tagged)
    if isinstance(found, TagColumns):
        is_name = isinstance(word, str) or not (tag is None or tag in UNIVERSAL or tag.isdecimal())
        if found.universal != universal or is_name:
            return found
        return find_tag_form(path, name, word, tag)
    if not isinstance(found, TableForm) or not names:
        return found
    for setting, wanted in run.items():
        if wanted is None or wanted in names:
            continue
        taken = {own_name(word), own_name(tag), *run.values()}
        holds = holds_words if setting == "word" else holds_tags
        possible = [k for k, each in enumerate(names) if each not in taken and holds(columns[k])]
        if len(names) > 1 and (len(possible) != 1 or setting in named):
            raise lacks_column(name, names, setting, wanted)
        run[setting] = names[possible[0] if possible else 0]
        read_in_place(name, setting, wanted, run[setting] or "")
    return find_tag_form(path, name, run["word"], run["tag"], tagged=tagged)


def own_name(column: int | str | None) -> str | None:
    """The name that a column had in training; None where it had only a place."""
    is_place = (
        column is None or isinstance(column, int) or column.isdecimal() or column in UNIVERSAL
    )
    return None if is_place or PLACE.fullmatch(str(column)) else str(column)


def named_columns(
    path: Path, name: str, run: Mapping[str, str | None]
) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns of a table and their first cells; none where it has no names.

    Args:
        path: the file.
        name: of the file, in errors.
        run: the columns of the run, which may be in its first row.
    """
    if find_form(path, name).kind in ("text", "labelled lines", "arrays"):
        return [], []
    table = open_table(path, name)
    rows: Sequence[Sequence[Any]] = table.first_rows(LOOK, Problems(skip=True))
    names = table.names
    if names is None and rows and (is_header(rows[0], [*run.values()]) or holds_names(rows)):
        names, rows = tuple(str(cell).strip() for cell in rows[0]), rows[1:]
    cells = [[parsed_cell(row[k]) for row in rows if k < len(row)] for k in range(len(names or ()))]
    return list(names or ()), cells


def holds_words(cells: Sequence[Any]) -> bool:
    """Whether a column holds texts, or lists of words."""
    filled = [cell for cell in cells if cell not in (None, "", [])]
    return bool(filled) and all(
        as_tokens(cell) is not None or (isinstance(cell, str) and not is_number(cell))
        for cell in filled
    )


def holds_tags(cells: Sequence[Any]) -> bool:
    """Whether a column holds tags, lists of tags, or marked spans."""
    filled = [cell for cell in cells if cell not in (None, "", [])]
    return holds_words(cells) or (
        bool(filled) and all(as_tags(cell) or as_spans(cell) for cell in filled)
    )


def groups_of(
    path: Path, name: str, form: TagForm, sentences: Sequence[Sentence], by: str
) -> list[str]:
    """What a column has in the first row of each of these sentences of a table.

    Args:
        path: the file.
        name: of the file, in errors.
        form: how it holds them.
        sentences: of the file.
        by: the column, by its name, or its number from 1.

    Raises:
        UserError: where the file is no table, or has no such column.
    """
    if not isinstance(form, TableForm):
        raise UserError(
            f"--by={by} names a column of groups, and {name} has words and tags alone; expected a table. "
            "Leave it out."
        )
    group = column(by, form.names, name, "--by")
    rows = data_rows(open_table(path, name), form, Problems(skip=True))
    found = {row.line: as_word(cell_of(row, group)).strip() for row in rows}
    return [found[sentence.first] for sentence in sentences]


def read_form(
    path: Path,
    name: str,
    form: TagForm,
    problems: Problems,
    *,
    tags: bool = True,
    known: Container[str] = (),
) -> Iterator[Sentence]:
    """The sentences of a file of any form.

    Args:
        path: the file.
        name: of the file, in errors.
        form: how it holds them.
        problems: takes bad sentences.
        tags: whether each word must have a tag. Otherwise all lines of a file in columns are kept,
            so that it can be written back.
        known: words of the training set, by which texts without tags are split.

    Raises:
        UserError: for the first bad sentence, unless `problems` skips them.
    """
    if isinstance(form, SlashForm):
        return read_slashed(path, name, form, problems, tags=tags)
    if isinstance(form, TableForm):
        table = open_table(path, name)
        return read_table_sentences(table, form, problems, tags=tags, known=known)
    return read_sentences(path, name, form, problems, tags=tags, keep=not tags)


def tagged_lines(sentence: Sentence, tags: Sequence[str], form: TagForm) -> list[str]:
    """The lines of a sentence with predicted tags, as its file has them; of a table in columns."""
    if isinstance(form, SlashForm):
        return [slashed_line(sentence.words, tags, form)]
    return sentence_lines(sentence, tags, form if isinstance(form, TagColumns) else TEXT_COLUMNS)
