"""Characters as tokens: no text is lost, and there is nothing to tune."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unroll.data.vocabulary import BOUNDARY_NAME, UNKNOWN, UNKNOWN_NAME, Ids, as_json

CODE_POINTS = 0x110000


class CharacterVocabulary:
    """Every character of the training set, in the order of code points.

    Args:
        characters: the known ones, in that order; their ids begin at 2.

    Examples:
        >>> from unroll.data.characters import CharacterVocabulary
        >>> vocabulary = CharacterVocabulary("abc")
        >>> vocabulary.encode("cab?").tolist(), vocabulary.decode([2, 3, 4])
        ([4, 2, 3, 0], 'abc')
    """

    level = "char"

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._names = [UNKNOWN_NAME, BOUNDARY_NAME, *characters]
        points = code_points(characters)
        self._ids = np.zeros(int(points.max(initial=0)) + 2, dtype=np.int64)
        self._ids[points] = np.arange(2, 2 + len(characters))

    @classmethod
    def learn(
        cls, texts: Iterable[str], min_count: int = 1, size: int | None = None
    ) -> CharacterVocabulary:
        """The characters of these texts.

        Args:
            texts: the training set.
            min_count: rarer characters are unknown.
            size: keep at most so many, the most frequent. Default: all.
        """
        counts = np.zeros(CODE_POINTS, dtype=np.int64)
        for text in texts:
            found, times = np.unique(code_points(text), return_counts=True)
            counts[found] += times
        kept = np.flatnonzero(counts >= max(1, min_count))
        if size is not None:
            kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")][:size])
        return cls("".join(map(chr, kept)))

    def __len__(self) -> int:
        return len(self._names)

    def encode(self, text: str) -> Ids:
        points = code_points(text)
        return self._ids[np.minimum(points, len(self._ids) - 1)]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join("\N{REPLACEMENT CHARACTER}" if i == UNKNOWN else self._text(i) for i in ids)

    def name(self, id: int) -> str:
        return self._names[id]

    def unknown(self, text: str) -> list[str]:
        return sorted(set(text) - set(self.characters))

    def files(self) -> dict[str, bytes]:
        return as_json(self.level, characters=self.characters)

    def _text(self, id: int) -> str:
        return self._names[id] if id > 1 else ""


def code_points(text: str) -> np.ndarray:
    """The code points of a text, uint32 [N]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
