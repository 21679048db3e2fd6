"""Tagged sentences in two parts: one to learn from, one held out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from unroll.data.problems import Problems
from unroll.data.split import count_shared, validation_rows
from unroll.errors import UserError
from unroll.tasks.tag.conll import Columns, Sentence, conll_file, find_columns, read_sentences
from unroll.tasks.tag.preprocessor import EncodedSentences, TagPreprocessor
from unroll.tasks.tag.schemes import OUTSIDE, Found, convert, detect, labels_of, spans
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.word_vectors import read_vectors

Say = Callable[[str], None]


@dataclass(frozen=True)
class TagCorpus:
    """What was read to train a tagger.

    name: what the user called it. columns: of the training file. found: the scheme of its tags.
    train, valid: the two parts. validation_set: what is held out, in words. pieces: how many sentences
    were longer than the longest, and are learned in pieces. vectors: of words by number, where they
    were asked for.
    """

    name: str
    columns: Columns
    preprocessor: TagPreprocessor
    found: Found
    train: list[Sentence]
    valid: list[Sentence]
    validation_set: str
    pieces: int = 0
    vectors: dict[int, np.ndarray] | None = None

    @cached_property
    def encoded_train(self) -> EncodedSentences:
        return EncodedSentences(self.train, self.preprocessor)

    @cached_property
    def encoded_valid(self) -> EncodedSentences:
        return EncodedSentences(self.valid, self.preprocessor)

    @cached_property
    def sha256(self) -> str:
        """Of the words and tags of both parts."""
        digest = hashlib.sha256()
        for part in (self.train, self.valid):
            digest.update(b"\0part\0")
            for sentence in part:
                tags = sentence.tags or ()
                for word, tag in zip(sentence.words, tags, strict=True):
                    digest.update(f"{word}\t{tag}\n".encode("utf-8", "surrogatepass"))
                digest.update(b"\n")
        return digest.hexdigest()

    @cached_property
    def words(self) -> int:
        """Of the training part."""
        return sum(len(sentence.words) for sentence in self.train)

    @cached_property
    def unknown_rate(self) -> float:
        """The share of the held-out words that do not stand in the training part."""
        return unknown_rate(self.valid, self.preprocessor)

    @cached_property
    def duplicates(self) -> int:
        """How many held-out sentences stand in the training part too."""
        return count_shared([s.words for s in self.train], [s.words for s in self.valid])


def unknown_rate(sentences: Sequence[Sentence], preprocessor: TagPreprocessor) -> float:
    words = [word for sentence in sentences for word in sentence.words]
    return sum(word not in preprocessor.forms for word in words) / max(1, len(words))


def read_corpus(
    path: str, settings: TagSettings, say: Say, preprocessor: TagPreprocessor | None = None
) -> TagCorpus:
    """The training file, and what is held out of it or stands in the file of --valid.

    preprocessor: the run's own, where a run is resumed.
    Raises: UserError, with file and line, for what cannot be used.
    """
    problems = Problems(settings.skip_bad)
    sentences, columns = read_tagged(path, settings, problems)
    if settings.long == "refuse":
        sentences = list(not_too_long(sentences, path, settings.longest, problems))
    if settings.valid is None:
        chosen = validation_rows(len(sentences)) if len(sentences) > 1 else np.zeros(1, dtype=bool)
        train = [s for s, out in zip(sentences, chosen, strict=True) if not out]
        valid = [s for s, out in zip(sentences, chosen, strict=True) if out]
        told = f"a tenth of the sentences of {path}"
        if len(valid) == 5000:
            told = f"5,000 sentences of {path}"
        if not valid:
            raise UserError(
                f"{path} has one sentence; expected more, so that some can be held out. Put a blank "
                "line between sentences, or give held-out ones by --valid FILE."
            )
    else:
        train, told = sentences, settings.valid
        valid = read_tagged(settings.valid, settings, problems, like=columns)[0]
    # a file that is divided here has its rare tags in one part alone
    found = detect(s.tags or () for s in (train if settings.valid else sentences))
    train, pieces = cut(train, settings.longest, found.scheme)
    if preprocessor is None:
        tags = {tag for s in (train if settings.valid else sentences) for tag in s.tags or ()}
        preprocessor = learn_preprocessor(train, found, tags, columns, settings)
    valid = list(with_known_tags(valid, settings.valid or path, preprocessor, problems))
    for sentence in problems.messages():
        say(sentence)
    if not valid:
        raise UserError(f"{told} holds no sentence that can be used; expected some.")
    vectors = None
    if settings.vectors is not None:
        vectors = vectors_of(settings.vectors, preprocessor, say)
    return TagCorpus(path, columns, preprocessor, found, train, valid, told, pieces, vectors)


def read_tagged(
    path: str, settings: TagSettings, problems: Problems, like: Columns | None = None
) -> tuple[list[Sentence], Columns]:
    """All sentences of a file that have tags, and its columns.

    like: the columns of another file, which are meant here too where both are of one kind.
    """
    file = conll_file(path)
    if like is None:
        columns = find_columns(file, path, settings.word, settings.tag)
    else:
        columns = find_columns(file, path)
        if columns.universal == like.universal:
            columns = as_in(like, columns, path)
    if columns.tag is None:
        raise UserError(
            f"{path} has no column of tags: it has {columns.width}, and the word stands in column "
            f"{columns.word + 1}. Expected a word and its tag in each row, parted by tabs or spaces."
        )
    sentences = list(read_sentences(file, path, columns, problems))
    if not sentences:
        raise UserError(f"{path} holds no sentence that can be used; expected words with tags.")
    return sentences, columns


def as_in(like: Columns, columns: Columns, path: str) -> Columns:
    """These columns with word and tag where another file has them."""
    if like.tag is not None and max(like.word, like.tag) >= columns.width:
        raise UserError(
            f"{path} has {columns.width} columns; expected the word in column {like.word + 1} and "
            f"the tag in column {like.tag + 1}, as in training. Say where they are by "
            "--set word=N --set tag=N."
        )
    return replace(columns, word=like.word, tag=like.tag)


def not_too_long(
    sentences: Iterable[Sentence], name: str, longest: int | None, problems: Problems
) -> Iterable[Sentence]:
    for sentence in sentences:
        if longest is not None and len(sentence.words) > longest:
            problems.bad(
                f"{name}, line {sentence.line(0)}: a sentence of {len(sentence.words)} words; at most "
                f"{longest} are allowed. Raise --set longest=..., or learn it in pieces by "
                "--set long=cut."
            )
        else:
            yield sentence


def cut(
    sentences: Sequence[Sentence], longest: int | None, scheme: str | None
) -> tuple[list[Sentence], int]:
    """The sentences with those that are too long in pieces, and how many those were.

    A span over a cut becomes two.
    """
    if longest is None:
        return list(sentences), 0
    found: list[Sentence] = []
    count = 0
    for sentence in sentences:
        length = len(sentence.words)
        count += length > longest
        if length <= longest:
            found.append(sentence)
            continue
        for at in range(0, length, longest):
            part = slice(at, at + longest)
            tags = (sentence.tags or ())[part]
            found.append(
                replace(
                    sentence,
                    words=sentence.words[part],
                    tags=tuple(convert(tags, scheme)) if scheme else tags,
                    rows=sentence.rows[part],
                )
            )
    return found, count


def learn_preprocessor(
    train: Sequence[Sentence],
    found: Found,
    tags: set[str],
    columns: Columns,
    settings: TagSettings,
) -> TagPreprocessor:
    """The preprocessor of the training part. tags: all that are known."""
    scheme = found.scheme
    if scheme is not None and settings.scheme != "auto":
        scheme = settings.scheme
    elif scheme is not None and settings.output != "softmax":
        scheme = "BIOES"
    if scheme is None and settings.scheme != "auto":
        raise UserError(
            f"--set scheme={settings.scheme} is for spans, and the tags are none: expected O, "
            "B-person, I-person and the like. Leave it out."
        )
    if scheme is None:
        labels = sorted(tags)
    else:
        labels = labels_of(found.types, scheme)
    return TagPreprocessor.learn(
        train,
        labels,
        scheme=scheme,
        file_scheme=found.scheme,
        universal=columns.universal,
        fold=settings.fold,
        min_count=settings.min_count or (1 if scheme is None else 2),
        vocabulary_size=settings.vocabulary_size,
    )


def with_known_tags(
    sentences: Iterable[Sentence], name: str, preprocessor: TagPreprocessor, problems: Problems
) -> Iterable[Sentence]:
    """The sentences all of whose tags were seen in training; the others are bad."""
    known = set(preprocessor.labels)
    if preprocessor.scheme is not None:
        known = {label.partition("-")[2] for label in preprocessor.labels if label != OUTSIDE}
    for sentence in sentences:
        tags = sentence.tags or ()
        if preprocessor.scheme is not None:
            strange = [span.start for span in spans(tags) if span.type not in known]
        else:
            strange = [k for k, tag in enumerate(tags) if tag not in known]
        if not strange:
            yield sentence
            continue
        k = strange[0]
        shown = ", ".join(sorted(known)[:20])
        problems.bad(
            f"{name}, line {sentence.line(k)}: {tags[k]!r} was never seen in training, which has "
            f"{shown}."
        )


def vectors_of(path: str, preprocessor: TagPreprocessor, say: Say) -> dict[int, np.ndarray]:
    """The pretrained vectors of the words of a preprocessor, by number."""
    vectors = read_vectors(path, preprocessor.words)
    found = {number: vectors[w] for w, number in preprocessor.words.items() if w in vectors}
    say(
        f"{path} has vectors of {len(found):,} of the {len(preprocessor.words):,} words; the others start "
        "at random."
    )
    if not found:
        raise UserError(
            f"{path} has none of the {len(preprocessor.words):,} words of the training text; expected "
            "vectors of its language. If its words keep their case: --set fold=false."
        )
    return found
