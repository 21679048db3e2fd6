"""From text to numbers and back: characters, words, or pieces of words (BPE).

A vocabulary has two special tokens, unless it is closed: the unknown token (0), and the boundary (1), which
starts and ends a document, or a line where each line is a sequence. A closed vocabulary has no unknown token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, Protocol

import numpy as np

from unroll.errors import UserError

UNKNOWN, BOUNDARY = 0, 1
UNKNOWN_NAME, BOUNDARY_NAME = "<unk>", "<s>"

Ids = np.ndarray  # int64 [N]


class Vocabulary(Protocol):
    """What tasks need of a vocabulary.

    Attributes:
        level: what a token is: "char", "word" or "bpe".
        unknown_id: of the unknown token. None: the vocabulary is closed.
        boundary: the id that starts a text. Where it is `len(vocabulary)`, it is read and never predicted.
    """

    level: str

    @property
    def unknown_id(self) -> int | None: ...

    @property
    def boundary(self) -> int: ...

    def __len__(self) -> int: ...

    def encode(self, text: str) -> Ids:
        """The ids of a text, int64 [N], without boundaries; what was never seen is the unknown token.

        Raises:
            UserError: where the vocabulary is closed and does not have a token.
        """
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; boundaries add no text."""
        ...

    def name(self, id: int) -> str:
        """The text of one token, for people."""
        ...

    def unknown(self, text: str) -> list[str]:
        """The tokens of a text that the vocabulary does not have, each once."""
        ...

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold this vocabulary."""
        ...


def ids_read(vocabulary: Vocabulary) -> int:
    """How many ids a network of this vocabulary reads; it predicts `len(vocabulary)` of them."""
    return max(len(vocabulary), vocabulary.boundary + 1)


def refuse_unknown(unknown: list[str], what: str) -> NoReturn:
    """Refuse tokens that a closed vocabulary does not have.

    Args:
        unknown: the tokens.
        what: they are: "character" or "word".

    Raises:
        UserError: always.
    """
    shown = ", ".join(repr(token) for token in unknown[:5])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    plural = "" if len(unknown) == 1 else "s"
    raise UserError(
        f"The text has the {what}{plural} {shown}{more}, and the vocabulary of this run is closed. Remove "
        "what it does not have, or train with --set unknown=token (they are <unk>) or unknown=skip (they "
        "are left out)."
    )


def as_json(level: str, **record: Any) -> dict[str, bytes]:
    """The vocabulary.json of a vocabulary that is a list of tokens."""
    text = json.dumps({"level": level, **record}, ensure_ascii=False, indent=0)
    return {"vocabulary.json": text.encode("utf-8", "surrogatepass")}


def most_frequent(counts: dict[str, int], min_count: int, size: int | None) -> Iterator[str]:
    """The tokens seen at least `min_count` times, at most `size` of them, the most frequent first; ties
    are in the order of names."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [token for token, count in ranked if count >= min_count]
    return iter(kept[:size] if size is not None else kept)
