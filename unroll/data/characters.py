"""Characters as tokens: no text is lost, and there is nothing to tune."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unroll.data.vocabulary import (
    BOUNDARY,
    BOUNDARY_NAME,
    UNKNOWN,
    UNKNOWN_NAME,
    Ids,
    as_json,
    refuse_unknown,
)

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
    unknown_id = UNKNOWN
    boundary = BOUNDARY

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


class ClosedAlphabet:
    """Every character of a text, and no unknown token: these characters are all that there are.

    When to use it: for an alphabet that is known, and for a text so short that a network could not learn
    what an unknown character is.

    Args:
        characters: in the order of code points; their ids begin at 0.
        ends: whether the end of a line or of a document is predicted too. Otherwise the boundary stands
            only before the first character, and is never predicted.
        skips: whether other characters of a text are left out; otherwise they are refused.

    Examples:
        >>> from unroll.data.characters import ClosedAlphabet
        >>> alphabet = ClosedAlphabet("ehlo", ends=False)
        >>> len(alphabet), alphabet.encode("hello").tolist()
        (4, [1, 0, 2, 2, 3])
    """

    level = "char"
    unknown_id = None

    def __init__(self, characters: str, *, ends: bool, skips: bool = False) -> None:
        self.characters, self.ends, self.skips = characters, ends, skips
        self.boundary = len(characters)
        points = code_points(characters)
        self._ids = np.full(int(points.max(initial=0)) + 2, -1, dtype=np.int64)
        self._ids[points] = np.arange(len(characters))

    def __len__(self) -> int:
        return len(self.characters) + self.ends

    def encode(self, text: str) -> Ids:
        points = code_points(text)
        ids = self._ids[np.minimum(points, len(self._ids) - 1)]
        if self.skips:
            return ids[ids >= 0]
        if (ids < 0).any():
            refuse_unknown(self.unknown(text), "character")
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.characters[i] for i in ids if i < self.boundary)

    def name(self, id: int) -> str:
        if id < self.boundary:
            return self.characters[id]
        return BOUNDARY_NAME if "\n" in self.characters else "\n"

    def unknown(self, text: str) -> list[str]:
        return sorted(set(text) - set(self.characters))

    def files(self) -> dict[str, bytes]:
        unknown = "skip" if self.skips else "never"
        return as_json(self.level, characters=self.characters, unknown=unknown, ends=self.ends)


def code_points(text: str) -> np.ndarray:
    """The code points of a text, uint32 [N]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
