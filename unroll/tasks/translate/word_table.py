"""Which words translate which: a table learned from pairs by expectation maximisation.

P pairs, G words of the given side, W words of the written side, K entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np

MOST_WORDS = 100_000  # of a side: the most frequent ones
MOST_CELLS = 20_000_000  # pairs of words within pairs of texts; of larger data a part is read
CELLS = 1 << 20  # of them that are scored at a time
ROUNDS = 5
SMALLEST = 1e-3  # probability of an entry that is kept
UNLIKELY = 1e-5  # probability of a word that no word explains

Words = Sequence[Sequence[str]]  # those of each text


@dataclass(frozen=True)
class WordTable:
    """The probability t(w | g) that a word g is translated as w: IBM model 1.

        p(w_1 .. w_J | g_1 .. g_I) = prod_j 1 / (I + 1) sum_i t(w_j | g_i),    g_0: no word

    Source: P. Brown et al., The mathematics of statistical machine translation, 1993
    (https://aclanthology.org/J93-2003), model 1.

    Attributes:
        given: the G words of the given side, sorted; "" is no word, at 0.
        written: the W words of the written side, sorted.
        keys: place in `given` times W + place in `written`, of each entry, sorted, int64 [K].
        probability: of each entry, float32 [K].

    Examples:
        >>> from unroll.tasks.translate.word_table import WordTable
        >>> table = WordTable.learn([["a", "dog"], ["a", "cat"]], [["un", "chien"], ["un", "chat"]])
        >>> table.translations(["dog", "bird"])
        {'dog': ('chien', 0.84)}
    """

    given: list[str]
    written: list[str]
    keys: np.ndarray
    probability: np.ndarray

    @classmethod
    def learn(cls, given: Words, written: Words, rounds: int = ROUNDS) -> WordTable:
        """Learn a table from P pairs.

        Args:
            given: the words of each given text.
            written: the words of its translation.
            rounds: of expectation maximisation.
        """
        size = sum(len(g) * len(w) for g, w in zip(given, written, strict=True))
        every = -(-size // MOST_CELLS) or 1
        given, written = given[::every], written[::every]
        table = cls(["", *frequent(given)], frequent(written), *no_entries())
        place, row, column = table.cells(given, written)
        keys, entry = np.unique(row * len(table.written) + column, return_inverse=True)
        word = keys // max(1, len(table.written))
        t = np.ones(len(keys))
        for _ in range(rounds):
            parts = t[entry]
            parts /= np.maximum(np.bincount(place, parts), 1e-300)[place]
            counts = np.bincount(entry, parts, len(keys))
            t = counts / np.maximum(np.bincount(word, counts), 1e-300)[word]
        kept = t > SMALLEST
        return cls(table.given, table.written, keys[kept], t[kept].astype(np.float32))

    @cached_property
    def given_places(self) -> dict[str, int]:
        """The place of each word in `given`."""
        return {word: place for place, word in enumerate(self.given)}

    @cached_property
    def written_places(self) -> dict[str, int]:
        """The place of each word in `written`."""
        return {word: place for place, word in enumerate(self.written)}

    def cells(self, given: Words, written: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each written word of each pair beside each given word of the pair and no word.

        Unknown words of both sides are left out.

        Returns:
            Of each of these cells: the number of the written word over all pairs, place in `given`,
            and place in `written`, int64 each.
        """
        rows = [[0, *known(words, self.given_places)] for words in given]
        columns = [known(words, self.written_places) for words in written]
        I, J = (np.array([len(each) for each in side], dtype=np.int64) for side in (rows, columns))
        flat_rows, flat_columns = (
            np.array(list(chain.from_iterable(side)), dtype=np.int64) for side in (rows, columns)
        )
        each = np.repeat(I, J)  # given words beside each written word
        place = np.repeat(np.arange(len(each)), each)
        within = np.arange(len(place)) - np.repeat(np.cumsum(each) - each, each)
        start = np.repeat(np.repeat(np.cumsum(I) - I, J), each)
        return place, flat_rows[start + within], flat_columns[place]

    def lookup(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """t of places in `given` and in `written`, float64 of their shape; 0 where no entry is."""
        key = row * len(self.written) + column
        found = np.minimum(np.searchsorted(self.keys, key), max(0, len(self.keys) - 1))
        if not len(self.keys):
            return np.zeros(key.shape)
        return np.where(self.keys[found] == key, self.probability[found], 0.0)

    def scores(self, given: Words, written: Words) -> np.ndarray:
        """The mean log-probability of a written word of each pair, float64 [P]."""
        sizes = [(1 + len(g)) * len(w) for g, w in zip(given, written, strict=True)]
        part = np.cumsum(sizes, dtype=np.int64) // CELLS  # of pairs that are read at a time
        bounds = [*np.flatnonzero(np.diff(part, prepend=-1)).tolist(), len(sizes)]
        scores = [self._scores(given[a:b], written[a:b]) for a, b in pairwise(bounds)]
        return np.concatenate([np.zeros(0), *scores])

    def _scores(self, given: Words, written: Words) -> np.ndarray:
        place, row, column = self.cells(given, written)
        J = np.array([len(known(words, self.written_places)) for words in written])
        I = np.array([1 + len(known(words, self.given_places)) for words in given])
        explained = np.bincount(place, self.lookup(row, column), int(J.sum())) / np.repeat(I, J)
        logs = np.log(np.maximum(explained, UNLIKELY))
        pair = np.repeat(np.arange(len(J)), J)
        words = np.array([len(each) for each in written])
        unknown = (words - J) * np.log(UNLIKELY)
        return (np.bincount(pair, logs, len(J)) + unknown) / np.maximum(words, 1)

    def translations(self, words: Iterable[str]) -> dict[str, tuple[str, float]]:
        """The most likely translation of each word that has one, and its probability."""
        found = {}
        W = len(self.written)
        for word in words:
            place = self.given_places.get(word)
            if place is None:
                continue
            first, last = np.searchsorted(self.keys, [place * W, (place + 1) * W])
            if first < last:
                best = first + int(self.probability[first:last].argmax())
                chance = round(float(self.probability[best]), 2)
                found[word] = (self.written[int(self.keys[best] % W)], chance)
        return found


def no_entries() -> tuple[np.ndarray, np.ndarray]:
    """Keys and probabilities of a table without entries."""
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)


def frequent(texts: Words) -> list[str]:
    """The most frequent words of these texts, sorted."""
    counts = Counter(chain.from_iterable(texts))
    return sorted(word for word, _ in counts.most_common(MOST_WORDS))


def known(words: Sequence[str], places: dict[str, int]) -> list[int]:
    """The places of the words that are known."""
    return [places[word] for word in words if word in places]
