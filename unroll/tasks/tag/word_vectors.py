"""Pretrained word vectors in the text format of word2vec and GloVe."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path

import numpy as np

from unroll.data.columns import is_number
from unroll.data.text import lines, text_source
from unroll.errors import UserError


def vector_size(path: str | Path) -> int:
    """How many numbers the vector of a word has.

    Raises:
        UserError: where the first lines of the file are not vectors.
    """
    _, size = read_format(path)
    return size


def read_vectors(path: str | Path, words: Container[str]) -> dict[str, np.ndarray]:
    """The vectors of those `words` that the file has, float32; the first one where there are two.

    The file is read line by line, so that other words take no memory. A first line with the number of
    words and the size of vectors, as word2vec writes it, is recognised by its two whole numbers.

    Args:
        path: the file of vectors.
        words: those that are wanted.

    Raises:
        UserError: with file and line, where a vector has another size or is not finite.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.tag.word_vectors import read_vectors
        >>> _ = Path("small.txt").write_text("2 3\\nrose 0.5 1 -1\\nlily 1 2 3\\n")
        >>> read_vectors("small.txt", {"rose"})
        {'rose': array([ 0.5,  1. , -1. ], dtype=float32)}
    """
    has_header, size = read_format(path)
    found: dict[str, np.ndarray] = {}
    for number, line in enumerate(lines(vector_file(path), str(path)), 1):
        if (number == 1 and has_header) or not line.strip():
            continue
        # from the right: in some files a word holds spaces
        word, *numbers = line.rstrip().rsplit(" ", size)
        if len(numbers) == size and word not in words:
            continue
        try:
            vector = np.array(numbers, dtype=np.float32)
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: {error}; expected a word and numbers."
            ) from error
        if len(vector) != size or not np.isfinite(vector).all():
            raise UserError(
                f"{path}, line {number}: {len(vector)} numbers, or some that are not finite; "
                f"expected {size} finite numbers, as in the first line."
            )
        found.setdefault(word, vector)
    return found


def read_format(path: str | Path) -> tuple[bool, int]:
    """Whether the first line is a header, and how many numbers the vector of a word has.

    Raises:
        UserError: where the first lines of the file are not vectors.
    """
    for line in lines(vector_file(path), str(path)):
        parts = line.split()
        if len(parts) == 2 and all(part.isdecimal() for part in parts):
            return True, int(parts[1])
        if len(parts) > 1 and all(is_number(part) for part in parts[1:]):
            return False, len(parts) - 1
        break
    raise UserError(
        f"{path} does not begin with word vectors; expected lines of a word and its numbers, "
        "separated by spaces, as word2vec (text) and GloVe write them."
    )


def vector_file(path: str | Path) -> Path:
    """The single file at a path.

    Raises:
        UserError: for a folder.
    """
    source = text_source(path)
    if len(source.files) != 1 or Path(path).is_dir():
        raise UserError(f"{path} is a folder; expected one file of word vectors.")
    return source.files[0]


def vectors_by_number(
    path: str, words: Mapping[str, int], log: Callable[[str], None]
) -> dict[int, np.ndarray]:
    """The pretrained vectors of numbered words, by the number of the word.

    Args:
        path: the file of vectors.
        words: the number of each word.
        log: takes how many words have a vector.

    Raises:
        UserError: where the file cannot be read, or has none of the words.
    """
    vectors = read_vectors(path, words)
    found = {number: vectors[word] for word, number in words.items() if word in vectors}
    count = f"{len(words):,} words"
    log(f"{path} has vectors of {len(found):,} of the {count}; the others start at random.")
    if not found:
        raise UserError(
            f"{path} has none of the {count} of the training set; expected vectors of its "
            "language. If the words of the file are not in lower case: --set fold=false."
        )
    return found
