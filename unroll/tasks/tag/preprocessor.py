"""Sentences with tags as numbers: the preprocessor that a run keeps, and batches.

T time, B batch, U distinct words of a batch, L letters of the longest of them, F distinct words of
some data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabulary import UNKNOWN, most_frequent
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.schemes import convert

FILE = "tags.json"
LONGEST_WORD = 32  # letters; of a longer word the first and the last 16 are read
SHAPES = 45
DIGITS = str.maketrans("123456789", "000000000")


@dataclass(frozen=True)
class TagPreprocessor:
    """What turns words and tags into numbers and back: all of it learned from the training text.

    forms: each word as it stands there, how often, and the number of its most frequent label,
    whatever its case.
    labels: tags in the scheme that the network learns; scheme: its name, None where tags are no
    spans. file_scheme: the scheme of the file, in which answers are given. universal: whether the
    file was CoNLL-U. letters: of its words. fold: whether words that differ by case or digits alone
    share a vector. min_count, vocabulary_size: which words have one.
    """

    forms: dict[str, tuple[int, int]]
    labels: tuple[str, ...]
    letters: str
    scheme: str | None = None
    file_scheme: str | None = None
    universal: bool = False
    fold: bool = True
    min_count: int = 1
    vocabulary_size: int | None = None

    @classmethod
    def learn(
        cls, sentences: Sequence[Sentence], labels: Sequence[str], **choices: object
    ) -> TagPreprocessor:
        """From the training sentences. labels: every label, in the scheme of `choices`."""
        scheme = choices.get("scheme")
        numbers = {label: k for k, label in enumerate(labels)}
        counts: Counter[str] = Counter()
        labelled: dict[str, Counter[int]] = {}
        for sentence in sentences:
            tags = sentence.tags or ()
            for word, tag in zip(
                sentence.words, convert(tags, str(scheme)) if scheme else tags, strict=True
            ):
                counts[word] += 1
                labelled.setdefault(word.lower(), Counter())[numbers[tag]] += 1
        usual = {word: commonest(of) for word, of in labelled.items()}
        forms = {word: (count, usual[word.lower()]) for word, count in counts.items()}
        # a letter of one word alone is unknown, so that the unknown letter is learned too
        letters = CharacterVocabulary.learn(forms, min_count=2).characters
        return cls(forms, tuple(labels), letters, **choices)  # type: ignore[arg-type]

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        text = json.dumps(vars_of(self), ensure_ascii=False, separators=(",", ":"))
        return {FILE: text.encode("utf-8", "surrogatepass")}

    @classmethod
    def from_json(cls, text: str) -> TagPreprocessor:
        record = json.loads(text)
        record["forms"] = {word: tuple(of) for word, of in record["forms"].items()}
        record["labels"] = tuple(record["labels"])
        return cls(**record)

    @cached_property
    def words(self) -> dict[str, int]:
        """The number of each word that has a vector, as `folded`; 0 is the unknown."""
        kept = most_frequent(self._counts, self.min_count, self.vocabulary_size)
        return {word: k for k, word in enumerate(kept, UNKNOWN + 1)}

    @property
    def counts(self) -> Tensor:
        """How often each word was seen, [len(words) + 1]; infinitely often the unknown."""
        return torch.tensor([torch.inf, *(self._counts[word] for word in self.words)])

    @cached_property
    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for form, (count, _) in self.forms.items():
            counts[self.folded(form)] += count
        return counts

    @cached_property
    def alphabet(self) -> CharacterVocabulary:
        return CharacterVocabulary(self.letters)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label."""
        return {label: k for k, label in enumerate(self.labels)}

    @cached_property
    def _usual(self) -> dict[bool, int]:
        """The most frequent label of words seen once: of those with a capital first, and others."""
        counts: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        rare = min(count for count, _ in self.forms.values())
        for word, (count, label) in self.forms.items():
            if count == rare:
                counts[word[:1].isupper()][label] += 1
        every = commonest(counts[True] + counts[False])
        return {capital: commonest(of) if of else every for capital, of in counts.items()}

    def folded(self, word: str, fold: bool | None = None) -> str:
        """The word without case, digits as 0, where words are folded, or `fold` says so."""
        fold = self.fold if fold is None else fold
        return word.lower().translate(DIGITS) if fold else word

    def tags(self, labels: Iterable[int]) -> list[str]:
        """The tags of a sentence, in the file's scheme, from label numbers."""
        found = [self.labels[k] for k in labels]
        return convert(found, self.file_scheme) if self.file_scheme else found

    def label_numbers(self, tags: Sequence[str]) -> np.ndarray:
        """Label numbers of a sentence's tags, of any scheme.

        Raises: KeyError for a tag that training never saw.
        """
        own = convert(tags, self.scheme) if self.scheme else tags
        return np.array([self.numbers[tag] for tag in own], dtype=np.int64)

    def baseline(self, words: Sequence[str]) -> list[str]:
        """The tags of a sentence if each word gets its most frequent one, whatever its case.

        An unknown word gets that of the words seen once: of those that begin with a capital, if it
        does, or of the others.
        """
        known = (self._labels.get(word.lower()) for word in words)
        return self.tags(
            self._usual[word[:1].isupper()] if label is None else label
            for word, label in zip(words, known, strict=True)
        )

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {form.lower(): label for form, (_, label) in self.forms.items()}


def commonest(labels: Counter[int]) -> int:
    """The most frequent label; of several, the first."""
    return min(labels, key=lambda k: (-labels[k], k))


def vars_of(preprocessor: TagPreprocessor) -> dict[str, object]:
    return {name: getattr(preprocessor, name) for name in TagPreprocessor.__dataclass_fields__}


def shape_of(word: str) -> int:
    """Capitals, digits and marks of a word as one number, 0 to SHAPES - 1.

    Example:
        >>> from unroll.tasks.tag.preprocessor import shape_of
        >>> len({shape_of(w) for w in ("rose", "Rose", "ROSE", "iOS", "7", "B2B", "...", "x-ray")})
        8
    """
    upper = sum(map(str.isupper, word))
    lower = sum(map(str.islower, word))
    digits = sum(map(str.isdigit, word))
    marks = len(word) - sum(map(str.isalnum, word))
    if not upper:
        capitals = 1 if lower else 0
    elif not lower:
        capitals = 3 if upper > 1 else 2
    else:
        capitals = 2 if upper == 1 and word[0].isupper() else 4
    return (capitals * 3 + portion(digits, word)) * 3 + portion(marks, word)


def portion(count: int, word: str) -> int:
    """None, some, or all."""
    return 0 if not count else 2 if count == len(word) else 1


@dataclass(frozen=True)
class TaggedBatch:
    """Sentences side by side, padded.

    words: numbers [T, B]. which: the row of each word among the distinct ones, [T, B]. letters:
    of the distinct words, [L, U]. letter_lengths: [U], at least 1. shapes: [U]. lengths: [B].
    labels: [T, B], or None. tokens: how many words there are.
    """

    words: Tensor
    which: Tensor
    letters: Tensor
    letter_lengths: Tensor
    shapes: Tensor
    lengths: Tensor
    labels: Tensor | None
    tokens: int
    fresh: bool = True

    def to(self, device: torch.device) -> TaggedBatch:
        tensors = {k: v for k, v in vars(self).items() if isinstance(v, Tensor)}
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in tensors.items()}
        return replace(self, **moved)


class EncodedSentences:
    """Sentences as numbers, from which any of them make a batch.

    labels: whether their tags are read too.
    Raises: KeyError for a tag that training never saw.
    """

    def __init__(
        self, sentences: Sequence[Sentence], preprocessor: TagPreprocessor, *, labels: bool = True
    ) -> None:
        self.sentences = sentences
        self.lengths = np.array([len(s.words) for s in sentences], dtype=np.int64)
        forms: dict[str, int] = {}
        self._forms = [
            np.array([forms.setdefault(w, len(forms)) for w in s.words], dtype=np.int64)
            for s in sentences
        ]
        self._labels = (
            [preprocessor.label_numbers(s.tags or ()) for s in sentences] if labels else None
        )
        known = preprocessor.words
        self._words = np.array(
            [known.get(preprocessor.folded(form), UNKNOWN) for form in forms], dtype=np.int64
        )
        self._shapes = np.array([shape_of(form) for form in forms], dtype=np.int64)
        spelled = [preprocessor.alphabet.encode(shortened(form)) for form in forms]
        self._spelled = np.array([len(letters) for letters in spelled], dtype=np.int64)
        self._starts = np.cumsum(self._spelled) - self._spelled
        self._letters = np.concatenate(spelled) if spelled else np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    def batch(self, rows: Sequence[int]) -> TaggedBatch:
        """These sentences side by side."""
        lengths = self.lengths[list(rows)]
        T, B = int(lengths.max(initial=0)), len(rows)
        inside = np.arange(T)[:, None] < lengths
        forms, which = np.zeros((2, B, T), dtype=np.int64)
        labels = np.zeros((B, T), dtype=np.int64)
        forms[inside.T] = joined([self._forms[k] for k in rows])
        distinct, numbered = np.unique(forms[inside.T], return_inverse=True)
        which[inside.T] = numbered
        if self._labels is not None:
            labels[inside.T] = joined([self._labels[k] for k in rows])
        words = np.where(inside.T, self._words[forms] if len(self._words) else 0, UNKNOWN)
        sizes = self._spelled[distinct]
        place = np.arange(sizes.max(initial=1))[:, None]
        letters = self._letters[np.where(place < sizes, self._starts[distinct] + place, 0)]
        return TaggedBatch(
            words=torch.from_numpy(words.T.copy()),
            which=torch.from_numpy(which.T.copy()),
            letters=torch.from_numpy(letters),
            letter_lengths=torch.from_numpy(sizes),
            shapes=torch.from_numpy(self._shapes[distinct]),
            lengths=torch.from_numpy(lengths),
            labels=None if self._labels is None else torch.from_numpy(labels.T.copy()),
            tokens=int(lengths.sum()),
        )


def joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def shortened(word: str) -> str:
    half = LONGEST_WORD // 2
    return word if len(word) <= LONGEST_WORD else word[:half] + word[-half:]


class TaggedBatches:
    """Batch n of a run: similar lengths together, shuffled anew each epoch."""

    def __init__(self, encoded: EncodedSentences, batch_size: int, seed: int) -> None:
        self.encoded = encoded
        self.bucketed = Bucketed(encoded.lengths, batch_size, seed)

    @property
    def per_epoch(self) -> int:
        return self.bucketed.per_epoch

    def batch(self, number: int) -> TaggedBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return self.encoded.batch(self.bucketed.rows(number))
