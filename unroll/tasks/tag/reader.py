"""Tagged sentences from a path: training set, validation set, and a preprocessor of the first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from unroll.counting import counted, listed
from unroll.data.problems import Problems
from unroll.data.split import count_shared
from unroll.errors import UserError
from unroll.tasks.base import Log
from unroll.tasks.tag.conll import (
    Sentence,
    TagColumns,
    conll_file,
)
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.forms import TagForm, find_tag_form, inherited_form, read_form
from unroll.tasks.tag.preprocessor import UNSEEN, TagPreprocessor
from unroll.tasks.tag.pretrained import read_pretrained
from unroll.tasks.tag.schemes import (
    LETTERS,
    TagScheme,
    convert_tags,
    detect_scheme,
    scheme_labels,
)
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.split import form_with_groups, split_sentences


@dataclass(frozen=True)
class TagData:
    """A training set and a validation set of sentences.

    Attributes:
        name: the path, as the user gave it.
        columns: which columns of the training file hold what.
        preprocessor: learned from the training set, or the run's own where a run is resumed.
        scheme: that of the tags in the file.
        train: the training set.
        valid: the validation set.
        validation_set: what the validation set is, for people.
        split_sentences: how many sentences of the training set were too long and were split.
        vectors: pretrained vectors by the number of the word, where they were asked for.
    """

    name: str
    columns: TagForm
    preprocessor: TagPreprocessor
    scheme: TagScheme
    train: list[Sentence]
    valid: list[Sentence]
    validation_set: str
    split_sentences: int = 0
    vectors: dict[int, np.ndarray] | None = None

    @cached_property
    def encoded_train(self) -> EncodedSentences:
        """The training set as numbers."""
        return EncodedSentences(self.train, self.preprocessor)

    @cached_property
    def encoded_valid(self) -> EncodedSentences:
        """The validation set as numbers."""
        return EncodedSentences(self.valid, self.preprocessor)

    @cached_property
    def sha256(self) -> str:
        """Of the words and tags of both sets."""
        digest = hashlib.sha256()
        for sentences in (self.train, self.valid):
            digest.update(b"\0part\0")
            for sentence in sentences:
                tags = sentence.tags or ()
                for word, tag in zip(sentence.words, tags, strict=True):
                    digest.update(f"{word}\t{tag}\n".encode("utf-8", "surrogatepass"))
                digest.update(b"\n")
        return digest.hexdigest()

    @cached_property
    def words(self) -> int:
        """Words of the training set."""
        return sum(len(sentence.words) for sentence in self.train)

    @cached_property
    def unknown_rate(self) -> float:
        """The share of the words of the validation set that the training set does not have."""
        words = [word for sentence in self.valid for word in sentence.words]
        unknown = sum(word not in self.preprocessor.forms for word in words)
        return unknown / max(1, len(words))

    @cached_property
    def duplicates(self) -> int:
        """How many sentences of the validation set are in the training set too."""
        return count_shared([s.words for s in self.train], [s.words for s in self.valid])


def read_data(
    path: str, settings: TagSettings, log: Log, preprocessor: TagPreprocessor | None = None
) -> TagData:
    """The training set at a path, and the validation set from it or from the file of --valid.

    Args:
        path: a file of words with tags.
        settings: what to read, and how.
        log: takes what is skipped, and how many words have pretrained vectors.
        preprocessor: the run's own where a run is resumed. Default: learned from the training set.

    Raises:
        UserError: for data that cannot be used, with file and line.
    """
    problems = Problems(settings.skip_bad)
    by = settings.by if settings.valid is None else None
    sentences, columns = read_tagged(path, settings, problems, by=by)
    tell_split_words(sentences, path, log)
    if settings.long == "refuse":
        sentences = list(refuse_long(sentences, path, settings.longest, problems))
    # from all sentences of the file: a rare tag may be in the validation set alone
    scheme = TagScheme(None)
    if settings.scheme != "none" and (preprocessor is None or preprocessor.scheme is not None):
        scheme = detect_scheme(s.tags or () for s in sentences)
        if scheme.name is not None:
            sentences = list(refuse_odd_tags(sentences, path, scheme, problems))
    if settings.valid is None:
        train, valid, validation_set = split_sentences(sentences, path, settings, columns)
    else:
        train, validation_set = sentences, settings.valid
        valid = read_tagged(settings.valid, settings, problems, like=columns)[0]
    train, split = split_long(train, settings.longest, scheme.name)
    if preprocessor is None:
        tags = {tag for s in sentences for tag in s.tags or ()}
        preprocessor = learn_preprocessor(train, scheme, tags, columns, settings)
    for sentence in problems.messages():
        log(sentence)
    tell_unseen_tags(valid, settings.valid or path, preprocessor, log)
    if not valid:
        raise UserError(f"{validation_set} has no sentence that can be used; expected some.")
    preprocessor, vectors = read_pretrained(preprocessor, settings, log)
    if preprocessor.raw is not None:
        for part in (train, valid):  # in this order, so that a resumed run has the same to the bit
            preprocessor.raw.features(part)
    return TagData(
        name=path,
        columns=columns,
        preprocessor=preprocessor,
        scheme=scheme,
        train=train,
        valid=valid,
        validation_set=validation_set,
        split_sentences=split,
        vectors=vectors,
    )


def tell_split_words(sentences: Sequence[Sentence], name: str, log: Log) -> None:
    """Tell which words were split because a marked span begins or ends in them."""
    split = [(word, sentence) for sentence in sentences for word in sentence.split]
    if split:
        word, sentence = split[0]
        log(
            f"{counted(len(split), 'word')} of {name} {'is' if len(split) == 1 else 'are'} split where "
            f"a marked span begins or ends in them, as {word[:40]!r} in line {sentence.first}. Where "
            "this is most spans, the file counts characters in another way."
        )


def read_tagged(
    path: str,
    settings: TagSettings,
    problems: Problems,
    like: TagForm | None = None,
    by: str | None = None,
) -> tuple[list[Sentence], TagForm]:
    """All sentences of a file with tags, and how it holds them.

    Args:
        path: the file.
        settings: the columns of word and tag, where they are known.
        problems: takes bad sentences.
        like: the form of another file, whose columns are used here where both are of the same kind.
        by: the column of the group of a sentence. Default: there are no groups.

    Raises:
        UserError: where there is no column of tags, no such column of groups, or no sentence.
    """
    file = conll_file(path)
    if like is None:
        form = find_tag_form(file, path, settings.word, settings.tag)
    elif isinstance(like, TagColumns):
        form = find_tag_form(file, path)
        if isinstance(form, TagColumns) and form.universal == like.universal:
            form = place_like(form, like, path)
    else:
        form = inherited_form(file, path, *like.settings(), universal=False)
    if form.tag is None and isinstance(form, TagColumns):
        raise UserError(
            f"{path} has no column of tags: it has {form.width}, and column {form.word + 1} is "
            "the word. Expected a word and its tag in each row, separated by tabs or spaces."
        )
    if by is not None:
        form = form_with_groups(form, by, path)
    sentences = list(read_form(file, path, form, problems))
    if not sentences:
        raise UserError(
            problems.with_messages(
                f"{path} has no sentence that can be used; expected words with tags."
            )
        )
    return sentences, form


def place_like(columns: TagColumns, like: TagColumns, path: str) -> TagColumns:
    """The columns of a file with word and tag where another file has them.

    Args:
        columns: of the file.
        like: of the other file.
        path: the file, in errors.

    Raises:
        UserError: where the file has fewer columns.
    """
    if like.tag is not None and max(like.word, like.tag) >= columns.width:
        raise UserError(
            f"{path} has {columns.width} columns; expected the word in column {like.word + 1} and "
            f"the tag in column {like.tag + 1}, as in the training set. Name them by --set word=N "
            "--set tag=N."
        )
    return replace(columns, word=like.word, tag=like.tag)


def refuse_long(
    sentences: Iterable[Sentence], name: str, longest: int | None, problems: Problems
) -> Iterator[Sentence]:
    """The sentences that are not too long.

    Args:
        sentences: in order.
        name: of the file, in errors.
        longest: most words of a sentence; None: any number.
        problems: takes longer sentences.
    """
    for sentence in sentences:
        if longest is not None and len(sentence.words) > longest:
            problems.bad(
                f"{name}, line {sentence.line(0)}: a sentence of {len(sentence.words)} words; expected "
                f"at most {longest} (--set longest=N). Split long sentences by --set long=cut."
            )
        else:
            yield sentence


def refuse_odd_tags(
    sentences: Iterable[Sentence], name: str, scheme: TagScheme, problems: Problems
) -> Iterator[Sentence]:
    """The sentences whose tags are all of the scheme that most tags follow.

    Args:
        sentences: with tags, in order.
        name: of the file, in errors.
        scheme: that of the tags.
        problems: takes the other sentences.
    """
    for sentence in sentences:
        k = next((k for k, tag in enumerate(sentence.tags or ()) if tag in scheme.odd), None)
        if k is None:
            yield sentence
            continue
        tag = (sentence.tags or ())[k]
        problems.bad(
            f"{name}, line {sentence.line(k)}: the tag {tag!r} of {sentence.words[k]!r} is not of "
            f"{scheme.name}, which {scheme.fitting:,} of {scheme.count:,} tags follow; expected O or "
            f"{' or '.join(f'{x}-TYPE' for x in dict.fromkeys(LETTERS[scheme.name or 'BIO']))}. "
            "--set scheme=none: tags are no spans."
        )


def split_long(
    sentences: Sequence[Sentence], longest: int | None, scheme: str | None
) -> tuple[list[Sentence], int]:
    """Split long sentences into pieces; a span across a border becomes two.

    Args:
        sentences: in order.
        longest: most words of a piece; None: any number.
        scheme: that of the tags; None where they are not spans.

    Returns:
        The sentences and pieces in order, and how many sentences were split.
    """
    if longest is None:
        return list(sentences), 0
    pieces: list[Sentence] = []
    count = 0
    for sentence in sentences:
        length = len(sentence.words)
        count += length > longest
        if length <= longest:
            pieces.append(sentence)
            continue
        for start in range(0, length, longest):
            part = slice(start, start + longest)
            tags = (sentence.tags or ())[part]
            pieces.append(
                replace(
                    sentence,
                    words=sentence.words[part],
                    tags=tuple(convert_tags(tags, scheme)) if scheme else tags,
                    rows=sentence.rows[part],
                )
            )
    return pieces, count


def learn_preprocessor(
    train: Sequence[Sentence],
    scheme: TagScheme,
    tags: set[str],
    columns: TagForm,
    settings: TagSettings,
) -> TagPreprocessor:
    """The preprocessor of a training set.

    Args:
        train: the training set.
        scheme: that of its tags.
        tags: every tag of the file, of the validation set too.
        columns: of the file.
        settings: which scheme the network learns, and which words have a vector.

    Raises:
        UserError: where a scheme is asked for and the tags are not spans.
    """
    own = scheme.name
    if own is not None and settings.scheme != "auto":
        own = settings.scheme
    elif own is not None and settings.output != "softmax":
        own = "BIOES"
    if own is None and settings.scheme not in ("auto", "none"):
        raise UserError(
            f"--set scheme={settings.scheme} is for spans, and the tags are not spans; expected O, "
            "B-person, I-person and the like. Leave it out."
        )
    return TagPreprocessor.learn(
        train,
        sorted(tags) if own is None else scheme_labels(scheme.types, own),
        scheme=own,
        file_scheme=scheme.name,
        universal=columns.universal,
        fold=settings.fold,
        min_count=settings.min_count or (1 if own is None else 2),
        vocabulary_size=settings.vocabulary_size,
    )


def tell_unseen_tags(
    sentences: Iterable[Sentence], name: str, preprocessor: TagPreprocessor, log: Log
) -> None:
    """Tell which tags of a validation set the training set does not have: they count as wrong.

    Args:
        sentences: with tags.
        name: of their file.
        preprocessor: knows the tags of the training set.
        log: takes the sentence.
    """
    unseen: Counter[str] = Counter()
    for sentence in sentences:
        tags = sentence.tags or ()
        numbers = preprocessor.label_numbers(tags)
        unseen.update(tag for tag, k in zip(tags, numbers, strict=True) if k == UNSEEN)
    if unseen:
        words = counted(unseen.total(), "word has a tag", "words have tags")
        log(
            f"{name}: {words} that the training set does not have ({listed(list(unseen))}); they count "
            "as wrong."
        )
