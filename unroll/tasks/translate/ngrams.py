"""The n-grams of texts as sparse rows: words and pairs of words, and 2 to 5 characters, hashed.

N texts, F columns.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# scripts without spaces between words: each of their characters is a word
UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")
WORD_ORDERS, CHARACTER_ORDERS = (1, 2), (2, 3, 4, 5)
WORD_BITS, CHARACTER_BITS = 19, 20  # columns are numbers of so many bits
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, near 2**64 / golden ratio


def words_of(text: str) -> list[str]:
    """The words and marks of a text, in order; where a script has no spaces, its characters.

    Examples:
        >>> from unroll.tasks.translate.ngrams import words_of
        >>> words_of("It's 東京.")
        ['It', "'", 's', '東', '京', '.']
    """
    return WORD.findall(text)


def word_ngrams(texts: Sequence[str]) -> csr_array:
    """How often each text has each word and each pair of words, float32 [N, F], case ignored."""
    words = [words_of(text.lower()) for text in texts]
    flat = list(chain.from_iterable(words))
    codes = {word: zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in set(flat)}
    items = np.array([codes[word] for word in flat], dtype=np.uint64)
    return count_ngrams(items, np.array([len(each) for each in words]), WORD_ORDERS, WORD_BITS)


def character_ngrams(texts: Sequence[str]) -> csr_array:
    """How often each text has each 2 to 5 characters, float32 [N, F], case ignored.

    A space is put before and after each text, so that its beginning and its end count.
    """
    padded = [f" {text.lower()} " for text in texts]
    flat = "".join(padded).encode("utf-32-le", "surrogatepass")
    items = np.frombuffer(flat, dtype="<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in padded])
    return count_ngrams(items, lengths, CHARACTER_ORDERS, CHARACTER_BITS)


def count_ngrams(
    items: np.ndarray, lengths: np.ndarray, orders: Sequence[int], bits: int
) -> csr_array:
    """How often each sequence has each n-gram of these orders, in hashed columns.

    Args:
        items: of all sequences, end to end, uint64.
        lengths: of the sequences [N].
        orders: n, increasing.
        bits: of a column.

    Returns:
        Counts, float32 [N, 2**bits].
    """
    from scipy.sparse import coo_array, csr_array

    N, T = len(lengths), len(items)
    row = np.repeat(np.arange(N), lengths.astype(np.int64))
    rows, columns = [], []
    key = np.zeros(T, dtype=np.uint64)
    for n in range(1, orders[-1] + 1):
        places = max(0, T - n + 1)
        key = key[:places] * MULTIPLIER + items[n - 1 :] + np.uint64(1)
        if n in orders:
            inside = row[:places] == row[n - 1 :]
            mixed = key[inside] ^ (key[inside] >> np.uint64(32))
            mixed = (mixed + np.uint64(n)) * MULTIPLIER
            rows.append(row[:places][inside])
            columns.append((mixed >> np.uint64(64 - bits)).astype(np.int32))
    place = (np.concatenate([row[:0], *rows]), np.concatenate([row[:0], *columns]))
    ones = np.ones(len(place[0]), dtype=np.float32)
    return csr_array(coo_array((ones, place), shape=(N, 1 << bits)))


def normalised(matrix: csr_array) -> csr_array:
    """Each row divided by its length, in place; rows of zeros stay."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.bincount(row, matrix.data.astype(np.float64) ** 2, matrix.shape[0])
    matrix.data /= np.sqrt(np.maximum(squares, 1e-12)).astype(np.float32)[row]
    return matrix
