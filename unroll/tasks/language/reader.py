"""Read a text: learn its vocabulary, and encode its training set and its validation set."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from unroll.data.characters import ClosedAlphabet
from unroll.data.encoded import Encoded, encode_lines, encode_stream, text_part
from unroll.data.table import LineColumns, find_line_columns, line_records
from unroll.data.text import TextScan, TextSource, text_source
from unroll.data.vocabularies import learn_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.data.words import WordVocabulary
from unroll.errors import UserError
from unroll.tasks.language.floor import LanguageFloor
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.settings import LanguageSettings

VALIDATION_PART = 10  # one tenth
# the most characters of it: enough to choose by, and all others are learned from
VALID_SIZE = {"char": 40_000, "word": 200_000, "bpe": 200_000}
FEWEST_CHARACTERS, FEWEST_LINES = 1000, 20  # of a text of which a part is held out
SMALL_ALPHABET_TEXT = 10_000  # characters of a text, below which its alphabet is closed
TRAINING_SET = "the training set"  # where nothing is held out


@dataclass(frozen=True)
class Corpus:
    """A text, encoded.

    Attributes:
        source: where the text is.
        scan: what one pass over it found: characters, documents, hash.
        vocabulary: learned from the training set alone; a closed one from the validation set too.
        train: the training set, as ids on disk.
        valid: the validation set, as ids on disk.
        categories: the conditions, by name.
        validation_set: which part of the text is the validation set, for people.
        held_out: whether the validation set is another text than the training set.
        sha256: of the whole text, and of the text of the validation set where it is a file of its own.
        header: the names of the columns of a table, where its first line is read as them.
        floor: the n-gram model of the training set. None: not fitted.
    """

    source: TextSource
    scan: TextScan
    vocabulary: Vocabulary
    train: Encoded
    valid: Encoded
    categories: list[str]
    validation_set: str
    sha256: str
    header: tuple[str, ...] = ()
    floor: LanguageFloor | None = None
    held_out: bool = True

    @property
    def preprocessor(self) -> LanguagePreprocessor:
        """What a run needs to read and write such texts: vocabulary, conditions, n-gram model."""
        return LanguagePreprocessor(self.vocabulary, self.categories, self.floor)


def read_corpus(
    path: str | Path, settings: LanguageSettings, preprocessor: LanguagePreprocessor | None = None
) -> Corpus:
    """Read a text: split it, learn the vocabulary unless the run has one, encode.

    Args:
        path: a file, a folder, or "-" for standard input.
        settings: what a token is, and what the validation set is.
        preprocessor: the run's own where a run is resumed. Default: learned from the training set.

    Raises:
        UserError: for everything that can be wrong with a text.
    """
    vocabulary = None if preprocessor is None else preprocessor.vocabulary
    source = text_source(path, settings.text or "text")
    scan = source.scan()
    other = text_source(settings.valid, settings.text or "text") if settings.valid else None
    sha256 = scan.sha256
    if other is not None:
        sha256 = hashlib.sha256((sha256 + other.scan().sha256).encode()).hexdigest()
    if settings.per_line:
        return lines_corpus(source, scan, other, sha256, settings, preprocessor)

    tenth = scan.characters - scan.characters * (VALIDATION_PART - 1) // VALIDATION_PART
    most = valid_size(settings, preprocessor is not None, scan.characters < FEWEST_CHARACTERS)
    held_out = tenth if most is None else min(tenth, most)
    end = scan.characters - held_out if other is None and held_out else None
    exact = settings.level == "char"

    def side(first: bool) -> Iterator[tuple[int, str]]:
        if other is not None and not first:
            return text_part(other)
        return text_part(source, end, exact=exact, first=first)

    if vocabulary is None:
        vocabulary = stream_vocabulary(source, other, scan, side, settings, held_out)
    key = f"stream {sha256} {end} {exact}"
    encoder = vocabulary if preprocessor is None else without_refusal(vocabulary)
    train = encode_stream(as_encoded(side(True), vocabulary), encoder, f"{key} train")
    if other is None and not held_out:
        check_sizes(source.name, train, train, TRAINING_SET)
        return Corpus(
            source, scan, vocabulary, train, train, [], TRAINING_SET, sha256, held_out=False
        )
    valid = encode_stream(as_encoded(side(False), vocabulary), encoder, f"{key} valid")
    validation_set = settings.valid or "the last tenth"
    if other is None and held_out < tenth:
        validation_set = f"the last {held_out:,} characters"
    check_sizes(source.name, train, valid, validation_set)
    return Corpus(source, scan, vocabulary, train, valid, [], validation_set, sha256)


def stream_vocabulary(
    source: TextSource,
    other: TextSource | None,
    scan: TextScan,
    side: Callable[[bool], Iterator[tuple[int, str]]],
    settings: LanguageSettings,
    held_out: int,
) -> Vocabulary:
    """The vocabulary of a text that is one stream.

    Args:
        source: the text.
        other: that of the validation set, where it is a file of its own.
        scan: of the text.
        side: the training set, or the validation set.
        settings: what a token is.
        held_out: characters of the text that are its validation set.
    """
    is_apart = other is not None or held_out > 0
    unknown = when_unknown(settings, scan.characters, is_apart)
    if unknown == "token":
        return learn_vocabulary(lambda: (text for _, text in side(True)), settings)
    ends = scan.documents > 1

    def whole() -> Iterator[str]:
        parts = [source] if other is None else [source, other]
        texts = (without_last_line_end(text_part(part)) for part in parts)
        yield from (text for _, text in chain.from_iterable(texts))

    found = learn_vocabulary(whole, settings, unknown, ends=ends)
    if len(found) > ends or settings.level != "char":
        return found
    return learn_vocabulary(lambda: iter("\n"), settings, unknown, ends=ends)


def without_refusal(vocabulary: Vocabulary) -> Vocabulary:
    """The same vocabulary, which leaves out what it would refuse.

    A run is resumed with its own data; other data is refused as such, not by its characters.
    """
    lenient = copy.copy(vocabulary)
    if isinstance(lenient, ClosedAlphabet):
        lenient.skips = True
    elif isinstance(lenient, WordVocabulary) and lenient.unknown_id is None:
        lenient.when_unknown = "skip"
    return lenient


def as_encoded(
    texts: Iterable[tuple[int, str]], vocabulary: Vocabulary
) -> Iterable[tuple[int, str]]:
    """The pieces of a text as they are encoded: a closed alphabet without line ends has none at the end.

    The line end of a file of one line is no character of its text.
    """
    is_closed_alphabet = vocabulary.unknown_id is None and vocabulary.level == "char"
    if is_closed_alphabet and vocabulary.unknown("\n"):
        return without_last_line_end(texts)
    return texts


def without_last_line_end(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The pieces of a text, the last one without a line end at its end."""
    before: tuple[int, str] | None = None
    for piece in texts:
        if before is not None:
            yield before
        before = piece
    if before is not None and (text := before[1].removesuffix("\n")):
        yield before[0], text


def lines_corpus(
    source: TextSource,
    scan: TextScan,
    other: TextSource | None,
    sha256: str,
    settings: LanguageSettings,
    preprocessor: LanguagePreprocessor | None,
) -> Corpus:
    """Each line is a sequence. The validation set is every tenth line, fewer of a long file: such files
    are often sorted.

    Raises:
        UserError: where a category is only in the validation set, or a part is too short.
    """
    vocabulary = None if preprocessor is None else preprocessor.vocabulary
    categories = None if preprocessor is None else preprocessor.categories
    columns: LineColumns | None = None
    if settings.condition is not None:
        columns = find_line_columns(source, settings.condition, settings.text)

    is_short = sum(1 for _ in islice(line_records(source, columns), FEWEST_LINES)) < FEWEST_LINES
    most = valid_size(settings, preprocessor is not None, is_short)
    is_apart = other is not None or most != 0
    every = max(VALIDATION_PART, scan.characters // most if most else 0)

    def side(first: bool) -> Iterator[tuple[str, str | None]]:
        if other is not None or not is_apart:
            yield from line_records(source if first or other is None else other, columns)
            return
        for number, record in enumerate(line_records(source, columns)):
            if (number % every != every - 1) == first:
                yield record

    if categories is None:
        categories = sorted({c for _, c in side(True) if c is not None})
    if vocabulary is None:
        vocabulary = line_vocabulary(side, settings, scan, is_apart)
    known = set(categories)
    for _, category in side(False):
        if category is not None and category not in known:
            raise UserError(
                f"The category {category!r} is only in the validation set of {source.name}, so the model "
                "cannot learn it. Remove those lines, or add more of them."
            )
    key = f"lines {sha256} {columns} {other is None and is_apart and every}"
    encoder = vocabulary if preprocessor is None else without_refusal(vocabulary)
    train = encode_lines(side(True), encoder, categories, f"{key} train")
    header = columns.names if columns is not None and columns.header else ()
    if not is_apart:
        check_sizes(source.name, train, train, TRAINING_SET)
        return Corpus(
            source, scan, vocabulary, train, train, categories, TRAINING_SET, sha256, header,
            held_out=False,
        )  # fmt: skip
    valid = encode_lines(side(False), encoder, categories, f"{key} valid")
    part = "every tenth line" if every == VALIDATION_PART else f"one line in {every}"
    validation_set = settings.valid or part
    check_sizes(source.name, train, valid, validation_set)
    return Corpus(
        source, scan, vocabulary, train, valid, categories, validation_set, sha256, header
    )


def line_vocabulary(
    side: Callable[[bool], Iterator[tuple[str, str | None]]],
    settings: LanguageSettings,
    scan: TextScan,
    is_apart: bool,
) -> Vocabulary:
    """The vocabulary of lines.

    Args:
        side: the lines of the training set, or of the validation set, with their categories.
        settings: what a token is.
        scan: of the text.
        is_apart: whether the validation set is another text than the training set.
    """
    unknown = when_unknown(settings, scan.characters, is_apart)

    def texts() -> Iterator[str]:
        sides = (True,) if unknown == "token" or not is_apart else (True, False)
        # a closed alphabet has the line end as its boundary
        end = "" if unknown != "token" and settings.level == "char" else "\n"
        for first in sides:
            yield from (text + end for text, _ in side(first))

    return learn_vocabulary(texts, settings, unknown)


def when_unknown(settings: LanguageSettings, characters: int, is_apart: bool) -> str:
    """What tokens are that the text does not have: "token", "never" or "skip".

    Args:
        settings: where it is open, it follows from the text.
        characters: of the text.
        is_apart: whether the validation set is another text than the training set.
    """
    if settings.unknown != "auto":
        return settings.unknown
    is_whole = settings.min_count in (None, 1) and settings.vocabulary_size is None
    if settings.level == "bpe" or not is_whole:
        return "token"
    is_small = settings.level == "char" and characters < SMALL_ALPHABET_TEXT
    return "never" if is_small or not is_apart else "token"


def valid_size(settings: LanguageSettings, resumed: bool, is_short: bool) -> int | None:
    """The most characters of a validation set that is part of the text; None: it is a tenth, 0: none.

    Runs of versions that always held out a tenth recorded no number.
    """
    if settings.valid_size is not None or resumed:
        return settings.valid_size
    return 0 if is_short else VALID_SIZE[settings.level]


def check_sizes(name: str, train: Encoded, valid: Encoded, validation_set: str) -> None:
    """Raises UserError where a part has too few tokens."""
    if train.tokens < 1 or valid.tokens < 1:
        raise UserError(
            f"{name} is too short: its training set has {train.tokens} tokens and its validation set "
            f"({validation_set}) {valid.tokens}. Give a longer text."
        )


def read_text(
    source: TextSource,
    vocabulary: Vocabulary,
    *,
    columns: LineColumns | None = None,
    per_line: bool = False,
    categories: list[str] | None = None,
) -> Encoded:
    """Encode a further text with the vocabulary of a run.

    Args:
        source: where the text is.
        vocabulary: of the run.
        columns: of text and category, where lines have them.
        per_line: whether each line is a sequence.
        categories: the conditions of the run, by name.

    Raises:
        UserError: for a category that the run does not know, and for a text without tokens.
    """
    sha256 = source.scan().sha256
    if not per_line:
        texts = as_encoded(text_part(source), vocabulary)
        encoded = encode_stream(texts, vocabulary, f"stream {sha256} whole")
    else:
        known = categories or []

        def records() -> Iterator[tuple[str, str | None]]:
            """The texts of the lines, with their categories.

            Raises:
                UserError: where a category is not one of the run.
            """
            for text, category in line_records(source, columns):
                if category is not None and category not in known:
                    raise UserError(
                        f"{source.name} has the category {category!r}, which is not among "
                        f"those of the run: {', '.join(known)}. Remove those lines."
                    )
                yield text, category

        encoded = encode_lines(records(), vocabulary, known, f"lines {sha256} {columns}")
    if encoded.tokens < 1:
        raise UserError(f"{source.name} has no token. Give a text with at least one token.")
    return encoded
