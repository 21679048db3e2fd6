"""Weighted n-grams of words and characters of texts, hashed: what linear models of texts read.

R texts, P features, Z features of all texts that are not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unroll.data.words import WORD_OR_MARK

CHARACTERS, FEWER_CHARACTERS = (2, 3, 4, 5), (4,)  # of an n-gram within a word
BITS = 22  # of the place of a feature; of 100,000 features one in forty shares its place
IS_WORD = 1 << BITS
# odd constants of splitmix64, which spread the bits of a hash
MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
MOST_CHARACTERS = 20_000  # of one text that are read
LONGEST = 8  # characters of an n-gram that a file may ask for
CHUNK = 1 << 20  # characters that are hashed at once
SPACE = ord(" ")

Sparse = tuple[np.ndarray, np.ndarray, np.ndarray]  # starts [R + 1], columns [Z], values [Z]


@dataclass(frozen=True)
class TextFeatures:
    """TF-IDF of the n-grams of words and of the characters of words.

    When to use it: under a linear model of texts, which it makes hard to beat on few texts.

        value = (1 + log count) * (log ((1 + R) / (1 + texts with it)) + 1)

    Words and pairs of words are one block, runs of two to five characters within a word and the
    spaces beside it another; each block of a text has length 1. An n-gram is known by a hash of 22
    bits, computed for all texts at once. Source: K. Sparck Jones, A statistical interpretation of
    term specificity, 1972, with sublinear counts as scikit-learn's `TfidfVectorizer` has them.

    Attributes:
        places: the hashes of the features, rising; those of words are the last. int32 [P].
        idf: the weight of each, float32 [P].
        lower: whether texts are lowercased.
        characters: how many characters an n-gram of characters has.

    Examples:
        >>> from unroll.models.text_features import TextFeatures
        >>> features = TextFeatures.fit(["a good film", "a bad film"])
        >>> starts, columns, values = features.transform(["a good story"])
        >>> starts.tolist() == [0, len(columns)] and round(float((values**2).sum()), 4)
        2.0
    """

    places: np.ndarray
    idf: np.ndarray
    lower: bool = True
    characters: tuple[int, ...] = CHARACTERS

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        lower: bool = True,
        characters: tuple[int, ...] = CHARACTERS,
        most: int | None = None,
    ) -> TextFeatures:
        """Find the features of texts: each n-gram of words, those of characters that occur in two.

        Args:
            texts: of the training set.
            lower: whether texts are lowercased.
            characters: how many characters an n-gram has.
            most: how many features are kept, the most frequent. Default: all.
        """
        found = np.zeros(2 * IS_WORD, dtype=np.int64)  # texts that have a feature
        for part in chunks(texts):
            _, places, _ = count_ngrams(part, lower, characters)
            found += np.bincount(places, minlength=len(found))
        least = 2 if len(texts) > 20 else 1
        found[:IS_WORD][found[:IS_WORD] < least] = 0
        places = np.flatnonzero(found)
        if most is not None and len(places) > most:
            frequent = np.argsort(-found[places], kind="stable")[:most]
            places = np.sort(places[frequent])
        idf = np.log((1 + len(texts)) / (1 + found[places])) + 1
        return cls(places.astype(np.int32), idf.astype(np.float32), lower, tuple(characters))

    @property
    def words_from(self) -> int:
        """The number of the first feature of words."""
        return int(np.searchsorted(self.places, IS_WORD))

    def transform(self, texts: Sequence[str]) -> Sparse:
        """The features of texts, those that are not zero, as a sparse matrix [R, P] has them.

        Args:
            texts: any texts.

        Returns:
            Where each text begins, and Z, [R + 1]; which features, int64 [Z]; their values, float32.
        """
        parts = [self._transform(part) for part in chunks(texts)]
        starts = np.concatenate([[0], *(np.diff(starts) for starts, _, _ in parts)]).cumsum()
        columns = np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)])
        values = np.concatenate([np.zeros(0, np.float32), *(part[2] for part in parts)])
        return starts.astype(np.int64), columns, values

    def _transform(self, texts: Sequence[str]) -> Sparse:
        rows, places, counts = count_ngrams(texts, self.lower, self.characters)
        columns = np.searchsorted(self.places, places).clip(max=max(0, len(self.places) - 1))
        is_known = self.places[columns] == places if len(self.places) else places < 0
        rows, columns, counts = rows[is_known], columns[is_known], counts[is_known]
        values = (1 + np.log(counts)) * self.idf[columns]
        block = 2 * rows + (columns >= self.words_from)
        norms = np.sqrt(np.bincount(block, weights=values**2, minlength=2 * len(texts)))
        values = (values / norms[block]).astype(np.float32)
        return np.searchsorted(rows, np.arange(len(texts) + 1)), columns, values

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        return {
            "places": self.places,
            "idf": self.idf,
            "lower": np.array(self.lower),
            "characters": np.array(self.characters, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> TextFeatures:
        """From the arrays of a file.

        Args:
            arrays: as `arrays` returned them.

        Raises:
            ValueError: where they are not those of such features.
        """
        names = ("places", "idf", "lower", "characters")
        if any(name not in arrays for name in names):
            raise ValueError(f"expected the arrays {', '.join(names)}")
        places, idf, lower, characters = (arrays[name] for name in names)
        if lower.shape != () or lower.dtype != bool or characters.shape > (LONGEST,):
            raise ValueError("expected whether texts are lowercased, and few characters")
        lengths = tuple(int(n) for n in characters.ravel())
        if characters.dtype != np.int64 or not set(lengths) <= set(range(1, LONGEST + 1)):
            raise ValueError(f"expected n-grams of 1 to {LONGEST} characters")
        shapes = places.ndim == 1 and places.shape == idf.shape
        if not shapes or places.dtype != np.int32 or idf.dtype != np.float32:
            raise ValueError("expected a weight for each place")
        rising = bool((np.diff(places) > 0).all())
        inside = bool(((places >= 0) & (places < 2 * IS_WORD)).all())
        if not (rising and inside and np.isfinite(idf).all()):
            raise ValueError("expected rising places and finite weights")
        return cls(places, idf, bool(lower), lengths)


def chunks(texts: Sequence[str]) -> list[Sequence[str]]:
    """The texts in parts of a million characters or so, so that memory is bounded."""
    ends = np.cumsum([min(len(text), MOST_CHARACTERS) for text in texts]) // CHUNK
    borders = [0, *(np.flatnonzero(np.diff(ends)) + 1).tolist(), len(texts)]
    return [texts[a:b] for a, b in pairwise(borders) if b > a]


def count_ngrams(
    texts: Sequence[str], lower: bool, characters: tuple[int, ...] = CHARACTERS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each n-gram occurs in each text.

    Args:
        texts: any texts.
        lower: whether they are lowercased.
        characters: how many characters an n-gram of characters has.

    Returns:
        Of each n-gram and text, texts first: the text, the place of the n-gram, how often.
    """
    split = [
        f" {' '.join(WORD_OR_MARK.findall((text.lower() if lower else text)[:MOST_CHARACTERS]))} "
        for text in texts
    ]
    joined = "".join(split).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, dtype=np.uint32).astype(np.uint64)
    text_of = np.repeat(np.arange(len(split)), [len(each) for each in split])
    is_space, hashes = codes == SPACE, RunHashes(codes)
    spaces = np.concatenate([[0], np.cumsum(is_space)])
    rows, keys = [], []
    for n in characters:
        first = np.arange(max(0, len(codes) - n + 1))
        last = first + n - 1
        keep = text_of[first] == text_of[last]
        if n > 2:
            keep &= spaces[last] == spaces[first + 1]  # none inside
        else:
            keep &= ~(is_space[first] & is_space[last])
        first = first[keep]
        rows.append(text_of[first])
        keys.append(hashes(first, first + n, n) >> np.uint64(64 - BITS))
    begin = np.flatnonzero(is_space[:-1] & ~is_space[1:]) + 1
    end = np.flatnonzero(~is_space[:-1] & is_space[1:]) + 1
    words, word_text = hashes(begin, end, 0), text_of[begin]
    together = word_text[:-1] == word_text[1:]
    pairs = spread(words[:-1] * np.uint64(3) + words[1:])[together]
    for each, row in ((words, word_text), (pairs, word_text[:-1][together])):
        rows.append(row)
        keys.append((each >> np.uint64(64 - BITS)) | np.uint64(IS_WORD))
    both = (np.concatenate(rows) << (BITS + 1)) | np.concatenate(keys).astype(np.int64)
    both, counts = np.unique(both, return_counts=True)
    return both >> (BITS + 1), both & (2 * IS_WORD - 1), counts


def spread(hashes: np.ndarray) -> np.ndarray:
    """Hashes whose every bit depends on every bit of these, uint64, as splitmix64 does it."""
    first, second, third = (np.uint64(number) for number in MULTIPLIERS)
    mixed = hashes + first
    mixed = (mixed ^ (mixed >> np.uint64(30))) * second
    mixed = (mixed ^ (mixed >> np.uint64(27))) * third
    spread_out: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return spread_out


class RunHashes:
    """Hashes of runs of characters of any length, each in constant time: sums of c_i m^i mod 2^64.

    Args:
        codes: of the characters, uint64.
    """

    def __init__(self, codes: np.ndarray) -> None:
        m = MULTIPLIERS[0]
        length = len(codes) + 1
        one = np.ones(1, dtype=np.uint64)
        powers = np.concatenate([one, np.full(length - 1, m, dtype=np.uint64)]).cumprod()
        inverse = np.uint64(pow(m, -1, 1 << 64))
        self._inverses = np.concatenate([one, np.full(length - 1, inverse)]).cumprod()
        sums = np.cumsum(spread(codes) * powers[:-1], dtype=np.uint64)
        self._sums = np.concatenate([np.zeros(1, dtype=np.uint64), sums])

    def __call__(self, begin: np.ndarray, end: np.ndarray, kind: int) -> np.ndarray:
        """The hash of the characters from `begin` to before `end`, uint64; kind: a number in it."""
        own = (self._sums[end] - self._sums[begin]) * self._inverses[begin]
        return spread(own + np.uint64(kind))
