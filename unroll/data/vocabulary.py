"""From text to numbers and back: characters, words, or pieces of words (BPE).

Every vocabulary has two tokens that stand for no text: the unknown (0) and the boundary (1),
which starts and ends a document, or a line where each line is its own sequence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

UNKNOWN, BOUNDARY = 0, 1
UNKNOWN_NAME, BOUNDARY_NAME = "<unk>", "<s>"

Ids = np.ndarray  # int64 [N]


class Vocabulary(Protocol):
    """What the language task asks of a vocabulary."""

    level: str

    def __len__(self) -> int: ...

    def encode(self, text: str) -> Ids:
        """The ids of a text, without boundaries; what was never seen is the unknown."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; boundaries stand for no text."""
        ...

    def name(self, id: int) -> str:
        """One token, for people."""
        ...

    def unknown(self, text: str) -> list[str]:
        """The parts of a text that are not known, each once."""
        ...

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold this vocabulary."""
        ...


def as_json(level: str, **record: Any) -> dict[str, bytes]:
    """The vocabulary.json of a vocabulary that is a list."""
    text = json.dumps({"level": level, **record}, ensure_ascii=False, indent=0)
    return {"vocabulary.json": text.encode("utf-8", "surrogatepass")}


def most_frequent(counts: dict[str, int], min_count: int, size: int | None) -> Iterator[str]:
    """The tokens seen at least `min_count` times, the commonest `size` of them; ties by name."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [token for token, count in ranked if count >= min_count]
    return iter(kept[:size] if size is not None else kept)
