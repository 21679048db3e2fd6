"""A text made ready to learn: its vocabulary, and the training and held-out parts as ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unroll.data.encoded import Encoded, encode_lines, encode_stream, part_of
from unroll.data.table import Columns, find_columns, line_records
from unroll.data.text import Scan, TextSource, text_source
from unroll.data.vocabularies import learn_vocabulary, load_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.errors import UserError
from unroll.tasks.language.settings import LanguageSettings

CATEGORIES = "categories.json"
HELD_OUT = 10  # one part in so many


@dataclass(frozen=True)
class LanguagePreprocessor:
    """vocabulary: text to ids and back. categories: the conditions, by name."""

    vocabulary: Vocabulary
    categories: list[str]

    def files(self) -> dict[str, bytes]:
        """What a run folder keeps of it."""
        kept = dict(self.vocabulary.files())
        if self.categories:
            kept[CATEGORIES] = json.dumps(self.categories, ensure_ascii=False).encode()
        return kept

    @classmethod
    def load(cls, folder: Path) -> LanguagePreprocessor:
        """That of a run folder."""
        path = folder / CATEGORIES
        categories = json.loads(path.read_bytes()) if path.exists() else []
        return cls(load_vocabulary(folder), categories)


@dataclass(frozen=True)
class Corpus:
    """source: the training text. vocabulary: learned from the training part alone.
    train, valid: ids on disk. categories: the conditions, by name. validation_set: which part, in words.
    sha256: of the whole text (and of the held-out text, where it is one of its own).
    header: the names of a table's columns, where its first line is read as them."""

    source: TextSource
    scan: Scan
    vocabulary: Vocabulary
    train: Encoded
    valid: Encoded
    categories: list[str]
    validation_set: str
    sha256: str
    header: tuple[str, ...] = ()

    @property
    def preprocessor(self) -> LanguagePreprocessor:
        """What a run needs to read and write such texts."""
        return LanguagePreprocessor(self.vocabulary, self.categories)


def read_corpus(
    path: str | Path, settings: LanguageSettings, preprocessor: LanguagePreprocessor | None = None
) -> Corpus:
    """Read, cut, learn the vocabulary (unless the run has one), encode.

    Raises: UserError for everything that can be wrong with a text.
    """
    vocabulary = None if preprocessor is None else preprocessor.vocabulary
    categories = None if preprocessor is None else preprocessor.categories
    source = text_source(path, settings.text or "text")
    scan = source.scan()
    other = text_source(settings.valid, settings.text or "text") if settings.valid else None
    sha256 = scan.sha256
    if other is not None:
        sha256 = hashlib.sha256((sha256 + other.scan().sha256).encode()).hexdigest()
    if settings.per_line:
        return lines_corpus(source, scan, other, sha256, settings, vocabulary, categories)

    cut = None if other is not None else scan.characters * (HELD_OUT - 1) // HELD_OUT
    exact = settings.level == "char"

    def side(first: bool) -> Iterator[tuple[int, str]]:
        if other is not None and not first:
            return part_of(other)
        return part_of(source, cut, exact=exact, first=first)

    if vocabulary is None:
        vocabulary = learn_vocabulary(lambda: (text for _, text in side(True)), settings)
    key = f"stream {sha256} {cut} {exact}"
    train = encode_stream(side(True), vocabulary, f"{key} train")
    valid = encode_stream(side(False), vocabulary, f"{key} valid")
    validation_set = settings.valid or "the last tenth"
    check_sizes(source.name, train, valid, validation_set)
    return Corpus(source, scan, vocabulary, train, valid, [], validation_set, sha256)


def lines_corpus(
    source: TextSource,
    scan: Scan,
    other: TextSource | None,
    sha256: str,
    settings: LanguageSettings,
    vocabulary: Vocabulary | None,
    categories: list[str] | None,
) -> Corpus:
    """Each line its own sequence. Every tenth line is held out: files of lines are often sorted."""
    columns: Columns | None = None
    if settings.condition is not None:
        columns = find_columns(source, settings.condition, settings.text)

    def side(first: bool) -> Iterator[tuple[str, str | None]]:
        if other is not None:
            yield from line_records(source if first else other, columns)
            return
        for number, record in enumerate(line_records(source, columns)):
            if (number % HELD_OUT != HELD_OUT - 1) == first:
                yield record

    if categories is None:
        categories = sorted({c for _, c in side(True) if c is not None})
    if vocabulary is None:
        vocabulary = learn_vocabulary(lambda: (text + "\n" for text, _ in side(True)), settings)
    known = set(categories)
    for _, category in side(False):
        if category is not None and category not in known:
            raise UserError(
                f"The category {category!r} comes only in held-out lines of {source.name}; a model "
                "cannot learn it. Leave those lines out, or give more of them."
            )
    key = f"lines {sha256} {columns} {other is None}"
    train = encode_lines(side(True), vocabulary, categories, f"{key} train")
    valid = encode_lines(side(False), vocabulary, categories, f"{key} valid")
    validation_set = settings.valid or "every tenth line"
    check_sizes(source.name, train, valid, validation_set)
    header = columns.names if columns is not None and columns.header else ()
    return Corpus(
        source, scan, vocabulary, train, valid, categories, validation_set, sha256, header
    )


def check_sizes(name: str, train: Encoded, valid: Encoded, validation_set: str) -> None:
    if train.tokens < 2 or valid.tokens < 1:
        raise UserError(
            f"{name} is too short: {train.tokens} tokens to learn from and {valid.tokens} held out "
            f"({validation_set}). Give a longer text."
        )


def read_text(
    source: TextSource,
    vocabulary: Vocabulary,
    *,
    columns: Columns | None = None,
    per_line: bool = False,
    categories: list[str] | None = None,
) -> Encoded:
    """A further text in a vocabulary that exists, to be scored or evaluated."""
    sha256 = source.scan().sha256
    if not per_line:
        encoded = encode_stream(part_of(source), vocabulary, f"stream {sha256} whole")
    else:
        known = categories or []

        def records() -> Iterator[tuple[str, str | None]]:
            for text, category in line_records(source, columns):
                if category is not None and category not in known:
                    raise UserError(
                        f"{source.name} has the category {category!r}, which the run has never "
                        f"seen; it knows {', '.join(known)}."
                    )
                yield text, category

        encoded = encode_lines(records(), vocabulary, known, f"lines {sha256} {columns}")
    if encoded.tokens < 1:
        raise UserError(f"{source.name} has nothing to score. Give a text with at least one token.")
    return encoded
