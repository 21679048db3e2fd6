"""What the simple model of a tagger sees of a word: itself, its ends, its shape and its neighbours.

N words of all sentences, U distinct words, F features of a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from unroll.tasks.tag.conll import Sentence

LONGEST_END = 4  # letters of a prefix or a suffix
REACH = 2  # words before and after that are seen
DIGITS = str.maketrans("123456789", "000000000")
# the numbers of attributes of a word, as `word_attributes` lists them
WORD, LOWER, SHAPE, SHORT_SHAPE = 0, 1, 2, 3
PREFIX, SUFFIX = 4, 4 + LONGEST_END
ATTRIBUTES = 4 + 2 * LONGEST_END
# each feature is one attribute, or several together, of the words at some distance
TEMPLATES: tuple[tuple[tuple[int, int], ...], ...] = (
    ((0, WORD),),
    ((0, LOWER),),
    ((0, SHAPE),),
    ((0, SHORT_SHAPE),),
    *(((0, PREFIX + k),) for k in range(LONGEST_END)),
    *(((0, SUFFIX + k),) for k in range(LONGEST_END)),
    *(((d, LOWER),) for d in (-2, -1, 1, 2)),
    *(((d, SHORT_SHAPE),) for d in (-2, -1, 1, 2)),
    *(((d, SUFFIX + k),) for d in (-1, 1) for k in (1, 2)),
    *(((d, PREFIX + 2),) for d in (-1, 1)),
    ((-1, LOWER), (0, LOWER)),
    ((0, LOWER), (1, LOWER)),
    ((-1, LOWER), (1, LOWER)),
    ((-2, LOWER), (-1, LOWER)),
    ((1, LOWER), (2, LOWER)),
    ((-1, SHORT_SHAPE), (0, SHORT_SHAPE), (1, SHORT_SHAPE)),
    ((-1, SHORT_SHAPE), (0, LOWER)),
    ((0, SHORT_SHAPE), (0, SUFFIX + 2)),
)
KNOWN_FORMS = 100_000  # whose numbers are kept: most words come again
EDGE = 0  # the number of the attributes before the first and after the last word
FACTOR = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


def word_attributes(word: str) -> tuple[str, ...]:
    """The word, in lower case with digits as 0, its shape, the same without repetitions, its ends.

    Examples:
        >>> from unroll.tasks.tag.floor_features import word_attributes
        >>> word_attributes("McRae-5")[1:6]
        ('mcrae-0', 'XxXxx-0', 'XxXx-0', 'M', 'Mc')
    """
    shape = "".join(
        "X" if c.isupper() else "x" if c.islower() else "0" if c.isdigit() else c for c in word
    )
    short = "".join(c for k, c in enumerate(shape) if k == 0 or c != shape[k - 1])
    ends = range(1, LONGEST_END + 1)
    return (
        word,
        word.lower().translate(DIGITS),
        shape,
        short,
        *(word[:n] if len(word) >= n else "" for n in ends),
        *(word[-n:].lower() if len(word) >= n else "" for n in ends),
    )


def hash_features(sentences: Sequence[Sentence]) -> np.ndarray:
    """The features of each word as numbers of 64 bits, uint64 [N, F], by which they are told apart."""
    forms: dict[str, int] = {}
    places: list[int] = []
    for sentence in sentences:
        places += [-1] * REACH
        places += [forms.setdefault(word, len(forms)) for word in sentence.words]
    places += [-1] * REACH
    table = np.full((len(forms) + 1, ATTRIBUTES), EDGE, dtype=np.uint64)  # the last row: no word
    table[:-1] = np.frombuffer(b"".join(map(hash_attributes, forms)), "<u8").reshape(-1, ATTRIBUTES)
    rows = np.array(places, dtype=np.int64)
    at = np.flatnonzero(rows >= 0)
    features = np.empty((len(at), len(TEMPLATES)), dtype=np.uint64)
    for number, template in enumerate(TEMPLATES):
        mixed = np.full(len(at), number + 1, dtype=np.uint64)
        for distance, attribute in template:
            mixed = (mixed * FACTOR) ^ table[rows[at + distance], attribute]
            mixed = (mixed ^ (mixed >> HALF)) * FACTOR
        features[:, number] = mixed ^ (mixed >> HALF)
    return features


@lru_cache(KNOWN_FORMS)
def hash_attributes(form: str) -> bytes:
    """A number of 64 bits, little-endian, for each attribute of a word, by which it is told apart."""
    return b"".join(
        hashlib.blake2b(f"{n} {text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for n, text in enumerate(word_attributes(form))
    )
