"""Sentences as numbers, and padded batches of them.

T time, B batch, U distinct words of a batch, L letters of the longest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.vocabulary import UNKNOWN
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.preprocessor import UNSEEN, TagPreprocessor
from unroll.tasks.tag.words import shorten_word

SHAPES = 45


@dataclass(frozen=True)
class TagBatch:
    """Sentences side by side, padded with zeros.

    Attributes:
        words: the number of each word, [T, B].
        which: the place of each word among the distinct ones, [T, B].
        letters: those of the distinct words, [L, U].
        letter_lengths: how many letters each distinct word has, [U], at least 1.
        shapes: the shape of each distinct word, [U].
        lengths: words of each sentence, [B].
        labels: the label of each word, [T, B], or None; `UNSEEN` where the training set has no such.
        tokens: how many words there are.
        vectors: the pretrained vector of each distinct word, [U, E], or None.
        floor: the scores of the simple model, [T, B, K], where they were asked for.
        raw: what character networks make of each word in its sentence, [T, B, R], or None.
    """

    words: Tensor
    which: Tensor
    letters: Tensor
    letter_lengths: Tensor
    shapes: Tensor
    lengths: Tensor
    labels: Tensor | None
    tokens: int
    vectors: Tensor | None = None
    floor: Tensor | None = None
    raw: Tensor | None = None

    def to(self, device: torch.device) -> TagBatch:
        """The same batch on a device."""
        return TagBatch(
            words=self.words.to(device),
            which=self.which.to(device),
            letters=self.letters.to(device),
            letter_lengths=self.letter_lengths.to(device),
            shapes=self.shapes.to(device),
            lengths=self.lengths.to(device),
            labels=None if self.labels is None else self.labels.to(device),
            tokens=self.tokens,
            vectors=None if self.vectors is None else self.vectors.to(device),
            floor=None if self.floor is None else self.floor.to(device),
            raw=None if self.raw is None else self.raw.to(device),
        )


class EncodedSentences:
    """Sentences as numbers, from which any of them make a batch.

    Args:
        sentences: in any order.
        preprocessor: knows the words, the letters and the labels.
        labels: whether the tags are read too.

    Attributes:
        sentences: as given.
        lengths: words of each sentence, int64 [len(sentences)].
    """

    def __init__(
        self, sentences: Sequence[Sentence], preprocessor: TagPreprocessor, *, labels: bool = True
    ) -> None:
        self.sentences, self._floor, self._raw = sentences, preprocessor.floor, preprocessor.raw
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
            [known.get(preprocessor.fold_word(form), UNKNOWN) for form in forms], dtype=np.int64
        )
        self._shapes = np.array([word_shape(form) for form in forms], dtype=np.int64)
        self._vectors = (
            None if preprocessor.vectors is None else preprocessor.vectors.look_up(forms)
        )
        spelled = [preprocessor.alphabet.encode(shorten_word(form)) for form in forms]
        self._letter_lengths = np.array([len(letters) for letters in spelled], dtype=np.int64)
        self._starts = np.cumsum(self._letter_lengths) - self._letter_lengths
        self._letters = join_arrays(spelled)

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def tokens(self) -> int:
        """Words of all sentences."""
        return int(self.lengths.sum())

    @cached_property
    def floor_scores(self) -> Tensor | None:
        """The scores of the simple model for all words end to end, [words, K]; None: there is none."""
        return None if self._floor is None else self._floor.scores(self.sentences)

    @cached_property
    def raw_features(self) -> Tensor | None:
        """What character networks make of all words end to end, [words, R]; None: there are none."""
        return None if self._raw is None else self._raw.features(self.sentences)

    @cached_property
    def known(self) -> np.ndarray:
        """Whether the training set has every tag of each sentence, bool [len(sentences)]."""
        return np.array([bool((own != UNSEEN).all()) for own in self._labels or ()], dtype=bool)

    def batch(self, rows: Sequence[int], *, floor: bool = False) -> TagBatch:
        """These sentences side by side, on the CPU. floor: with the scores of the simple model."""
        lengths = self.lengths[list(rows)]
        T, B = int(lengths.max(initial=0)), len(rows)
        is_word = (np.arange(T)[:, None] < lengths).T  # [B, T]
        forms, which = np.zeros((2, B, T), dtype=np.int64)
        labels = np.zeros((B, T), dtype=np.int64)
        forms[is_word] = join_arrays([self._forms[k] for k in rows])
        distinct, places = np.unique(forms[is_word], return_inverse=True)
        which[is_word] = places
        if self._labels is not None:
            labels[is_word] = join_arrays([self._labels[k] for k in rows])
        words = np.where(is_word, self._words[forms] if len(self._words) else 0, UNKNOWN)
        sizes = self._letter_lengths[distinct]
        place = np.arange(sizes.max(initial=1))[:, None]
        letters = self._letters[np.where(place < sizes, self._starts[distinct] + place, 0)]
        return TagBatch(
            words=torch.from_numpy(words.T.copy()),
            which=torch.from_numpy(which.T.copy()),
            letters=torch.from_numpy(letters),
            letter_lengths=torch.from_numpy(sizes),
            shapes=torch.from_numpy(self._shapes[distinct]),
            lengths=torch.from_numpy(lengths),
            labels=None if self._labels is None else torch.from_numpy(labels.T.copy()),
            tokens=int(lengths.sum()),
            vectors=None if self._vectors is None else torch.from_numpy(self._vectors[distinct]),
            floor=self._padded(self.floor_scores, rows, is_word) if floor else None,
            raw=self._padded(self.raw_features, rows, is_word),
        )

    def _padded(
        self, values: Tensor | None, rows: Sequence[int], is_word: np.ndarray
    ) -> Tensor | None:
        """The values of the words of some sentences side by side, float32 [T, B, X].

        Args:
            values: of all words end to end, [words, X]; None: there are none.
            rows: the numbers of the sentences.
            is_word: [B, T].
        """
        if values is None:
            return None
        starts = np.cumsum(self.lengths) - self.lengths
        places = [np.arange(starts[k], starts[k] + self.lengths[k]) for k in rows]
        padded = torch.zeros(*is_word.shape, values.shape[1])
        padded[torch.from_numpy(is_word)] = values[join_arrays(places)].float()
        return padded.transpose(0, 1).contiguous()


def join_arrays(parts: list[np.ndarray]) -> np.ndarray:
    """Arrays of whole numbers end to end; of none an empty one."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def word_shape(word: str) -> int:
    """Capitals, digits and punctuation of a word as one number, 0 to SHAPES - 1.

    Examples:
        >>> from unroll.tasks.tag.encoded import word_shape
        >>> len({word_shape(w) for w in ("rose", "Rose", "ROSE", "iOS", "7", "B2B", "...", "x-ray")})
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
    return (capitals * 3 + none_some_all(digits, word)) * 3 + none_some_all(marks, word)


def none_some_all(count: int, word: str) -> int:
    """0 where no character of the word is counted, 2 where all are, else 1."""
    return 0 if not count else 2 if count == len(word) else 1


class TagBatches:
    """Batches of sentences of similar length, shuffled again each epoch: a function of the seed.

    Args:
        encoded: the training set.
        batch_size: sentences of a batch.
        seed: of the shuffling.
    """

    def __init__(self, encoded: EncodedSentences, batch_size: int, seed: int) -> None:
        self.encoded = encoded
        self.order = Bucketed(encoded.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> TagBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return self.encoded.batch(self.order.rows(number))
