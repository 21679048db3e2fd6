"""Which columns of a table, or fields of JSON, hold words and tags; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from unroll.counting import listed
from unroll.errors import UserError
from unroll.tasks.tag.cells import as_spans, as_tags, as_tokens, parsed_cell

WORDS = ("tokens", "words", "token", "word", "form", "tokenized_text")
TEXTS = ("text", "sentence", "content", "sentence_text", "data")
TAGS = (
    *(
        "tags",
        "ner_tags",
        "ner",
        "tag",
        "ner_tag",
        "labels",
        "label",
        "entities",
        "entity",
        "spans",
    ),
    *("bio", "iob", "annotations", "pos_tags", "pos", "upos", "xpos", "chunk_tags", "chunk"),
)
SENTENCES = (
    *("sentence #", "sentence#", "sentence", "sentence_id", "sentence id", "sent_id", "sent"),
    *("sentence_idx", "sentence idx", "sentence_number", "sentence number", "sentence no", "sid"),
)
MOST = 0.9  # of the cells of a column are of its kind

Kind = Literal["rows of words", "lists", "spans"]


@dataclass(frozen=True)
class TableForm:
    """Which column of a table holds what, counted from 0.

    Attributes:
        kind: "rows of words": each row is a word; "lists": each row is a sentence, its words and its
            tags are lists; "spans": each row is a text with marked spans.
        names: of the columns.
        header: whether the names are the first row.
        word: the column of the word, the words or the text.
        tag: the column of the tag, the tags or the spans; None where there is none.
        sentence: of rows of words, the column that names the sentence; None where blank lines do.
        split: of lists, whether the words are a text, split at its spaces.
        universal: False, as of every file but CoNLL-U.
        named: whether the columns have names of their own.
        group: the column of the group of a sentence; None unless that was asked for.
    """

    kind: Kind
    names: tuple[str, ...]
    header: bool
    word: int
    tag: int | None
    sentence: int | None = None
    split: bool = False
    universal: bool = False
    named: bool = True
    group: int | None = None

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.names)

    def settings(self) -> tuple[str, str | None]:
        """What `--set word` and `--set tag` call the columns."""
        return self.names[self.word], None if self.tag is None else self.names[self.tag]

    def description(self) -> str:
        """Which column holds what, for people."""
        word = self.names[self.word]
        tag = "no tags" if self.tag is None else f"{{}} in {self.names[self.tag]!r}"
        if self.kind == "spans":
            return f"texts in {word!r}, " + tag.format("marked spans")
        if self.kind == "lists":
            return f"sentences in {word!r}, " + tag.format("lists of their tags")
        ends = "blank lines between sentences"
        if self.sentence is not None:
            ends = f"sentences by {self.names[self.sentence]!r}"
        return f"a word a row in {word!r}, {tag.format('its tag')}, {ends}"


def find_table_form(
    rows: Sequence[Sequence[Any]],
    names: Sequence[str] | None,
    word: int | str | None = None,
    tag: str | None = None,
    *,
    tagged: bool = True,
) -> TableForm | None:
    """Which columns hold words and tags, or None where none does.

    Args:
        rows: the first rows.
        names: of the columns; None where the first row may hold them.
        word: the column of the word, by its number from 1 or its name. Default: guessed.
        tag: the same for the tag.
        tagged: whether there must be tags; otherwise a column of texts will do.

    Raises:
        UserError: where there is no column of that name or number.
    """
    width = max((len(row) for row in rows), default=0)
    if not width:
        return None
    header = names is None and is_header(rows[0], (word, tag))
    has_names = header or names is not None
    if names is None:
        names = [str(cell).strip() for cell in rows[0]] if header else []
        rows = rows[1:] if header else rows
    names = [*names, *(f"column {k + 1}" for k in range(len(names), width))]
    columns = [[parsed_cell(row[k]) for row in rows if k < len(row)] for k in range(len(names))]
    places = (place(word, names, "--set word="), place(tag, names, "--set tag="))
    form = FormFinder(names, columns, header, *places)
    found = form.spans() or form.lists() or form.rows_of_words()
    if found is None or (found.tag is None and tagged):
        found = None if tagged else form.texts()
    return None if found is None else replace(found, named=has_names)


def is_header(row: Sequence[Any], given: Sequence[int | str | None]) -> bool:
    """Whether a first row holds names: known ones of words or texts, or those that were given."""
    cells = [str(cell).strip() for cell in row]
    known = {*WORDS, *TEXTS}
    if any(isinstance(parsed_cell(cell), (list, dict)) for cell in row):
        return False
    asked = any(isinstance(each, str) and not each.isdecimal() and each in cells for each in given)
    words = any(cell.lower() in known for cell in cells)
    return asked or words


def place(column: int | str | None, names: Sequence[str], flag: str) -> int | None:
    """The place of a column from 0; None where none was given.

    Args:
        column: by its number from 1 or its name.
        names: of all columns.
        flag: that named it, for the error.

    Raises:
        UserError: where there is no such column.
    """
    if column is None:
        return None
    if str(column) in names:
        return names.index(str(column))
    if str(column).isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise UserError(
        f"{flag}{column} is not a column; expected one of {listed(names)}, or a number "
        f"from 1 to {len(names)}."
    )


class FormFinder:
    """Looks for each kind of table in the same columns.

    Args:
        names: of the columns.
        columns: their first cells, parsed.
        header: whether the names are the first row.
        word: the column of the words, where it is known.
        tag: the column of the tags, where it is known.
    """

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Sequence[Any]],
        header: bool,
        word: int | None,
        tag: int | None,
    ) -> None:
        self.names, self.columns, self.header = tuple(names), columns, header
        self.word, self.tag = word, tag

    def spans(self) -> TableForm | None:
        """Texts with marked spans."""
        tag = self.chosen(self.tag, TAGS, self.holds_spans)
        word = self.chosen(self.word, TEXTS, self.holds_texts, but=tag)
        return None if tag is None or word is None else self.form("spans", word, tag)

    def lists(self) -> TableForm | None:
        """Lists of words with lists of tags; or lists of words alone."""
        word = self.chosen(self.word, WORDS, self.holds_lists_of_words, but=self.tag)
        if word is not None:
            lengths = self.lengths(word)
            tag = self.chosen(self.tag, TAGS, lambda k: self.fits(k, lengths), but=word)
            text = self.text_beside_tags(word)
            if tag is not None and text is not None:
                # of two lists of tags, the more likely name; the list that was guessed is one of them
                tag = self.chosen(self.tag, TAGS, lambda k: self.fits(k, lengths), but=text)
                return self.form("lists", text, tag, split=True)
            if tag is not None:
                return self.form("lists", word, tag)
        text = self.chosen(self.word, TEXTS, self.holds_texts, but=self.tag)
        if text is not None:
            cells = self.columns[text]
            lengths = [len(each.split()) if isinstance(each, str) else 0 for each in cells]
            tag = self.chosen(self.tag, TAGS, lambda k: self.fits(k, lengths), but=text)
            if tag is not None:
                return self.form("lists", text, tag, split=True)
        if word is None or self.names[word].strip().lower() in TAGS:
            return None
        return self.form("lists", word, None)

    def text_beside_tags(self, word: int) -> int | None:
        """The column of texts, by its name, where the lists guessed as words are named as tags."""
        if self.word is not None or self.names[word].strip().lower() not in TAGS:
            return None
        return self.chosen(None, TEXTS, self.holds_texts, named=True, but=self.tag)

    def rows_of_words(self) -> TableForm | None:
        """A word and its tag a row; only where the columns have known names, or were given."""
        word = self.chosen(self.word, WORDS, self.holds_texts, named=True, but=self.tag)
        tag = self.chosen(self.tag, TAGS, self.holds_texts, named=True, but=word)
        if word is None or (tag is None and self.share(word, lambda cell: " " in cell.strip())):
            return None  # cells of several words are sentences
        sentence = self.chosen(None, SENTENCES, lambda k: k not in (word, tag), named=True)
        return self.form("rows of words", word, tag, sentence=sentence)

    def texts(self) -> TableForm | None:
        """Texts without tags."""
        word = self.chosen(self.word, TEXTS, self.holds_texts)
        return None if word is None else self.form("spans", word, None)

    def form(
        self,
        kind: Kind,
        word: int,
        tag: int | None,
        *,
        sentence: int | None = None,
        split: bool = False,
    ) -> TableForm:
        """The form with these columns."""
        return TableForm(kind, self.names, self.header, word, tag, sentence, split)

    def chosen(
        self,
        given: int | None,
        known: Sequence[str],
        holds: Any,
        *,
        but: int | None = None,
        named: bool = False,
    ) -> int | None:
        """The column that was given where it fits, else the first known name that fits, else any.

        Args:
            given: the column that was named.
            known: names, the most likely first.
            holds: whether a column fits.
            but: a column that is something else.
            named: whether the column must have a known name.
        """
        if given is not None:
            return given if holds(given) else None
        places = [k for k in range(len(self.names)) if k != but]
        lower = [name.strip().lower() for name in self.names]
        ranked = [k for name in known for k in places if lower[k] == name]
        found = [k for k in (ranked if named else [*ranked, *places]) if holds(k)]
        return found[0] if found else None

    def share(self, k: int, is_one: Any) -> bool:
        """Whether most cells of a column, empty ones aside, are of a kind."""
        filled = [cell for cell in self.columns[k] if cell not in (None, "", [])]
        return bool(filled) and sum(map(bool, map(is_one, filled))) >= MOST * len(filled)

    def holds_spans(self, k: int) -> bool:
        """Whether a column holds lists of marked spans, at least one of them filled."""
        cells = [as_spans(cell) for cell in self.columns[k]]
        return any(cells) and self.share(k, lambda cell: as_spans(cell) is not None)

    def holds_lists_of_words(self, k: int) -> bool:
        """Whether a column holds lists of words."""
        return self.share(k, as_tokens)

    def holds_texts(self, k: int) -> bool:
        """Whether a column holds words or texts."""
        return self.share(k, lambda cell: isinstance(cell, str))

    def lengths(self, k: int) -> list[int]:
        """How many words each cell of a column has."""
        return [len(as_tokens(cell) or ()) for cell in self.columns[k]]

    def fits(self, k: int, lengths: Sequence[int]) -> bool:
        """Whether a column holds lists of tags, as many as there are words."""
        tags = [as_tags(cell) for cell in self.columns[k]]
        equal = sum(
            each is not None and len(each) == n for each, n in zip(tags, lengths, strict=False)
        )
        return any(tags) and equal >= MOST * len(tags)
