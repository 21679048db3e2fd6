"""Learn the vocabulary that settings ask for, or load the one of a run folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabulary import UNKNOWN_NAME, Vocabulary
from unroll.data.words import WordVocabulary, punctuation_is_separate
from unroll.errors import UserError

LOOK = 1 << 20  # characters that a guess looks at
BPE_SIZE = 4096


class VocabularySettings(Protocol):
    """The settings that say what the tokens of a text are."""

    vocabulary_size: int | None
    min_count: int | None
    lower: bool
    level: Literal["char", "word", "bpe"]
    split: Literal["auto", "spaces", "punctuation"]
    end: Literal["line", "sentence"]


def learn_vocabulary(
    texts: Callable[[], Iterable[str]], settings: VocabularySettings
) -> Vocabulary:
    """Learn the vocabulary that the settings ask for.

    Args:
        texts: called to read the training set from the start.
        settings: what a token is, and how many are kept.
    """
    size = settings.vocabulary_size
    if settings.level == "char":
        return CharacterVocabulary.learn(texts(), settings.min_count or 1, size)
    if settings.level == "bpe":
        return BPEVocabulary.learn(texts(), size or BPE_SIZE, settings.min_count or 2)
    head = "".join(islice((text[:LOOK] for text in texts()), 1))
    split = settings.split
    if split == "auto":
        split = "spaces" if punctuation_is_separate(head) else "punctuation"
    rare = settings.min_count or (1 if f" {UNKNOWN_NAME} " in head else 2)
    return WordVocabulary.learn(texts(), rare, size, split, settings.end, settings.lower)


def load_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a run folder.

    Raises:
        UserError: where it has none that this version reads.
    """
    if (folder / "tokenizer.json").exists():
        return BPEVocabulary.from_json((folder / "tokenizer.json").read_text(encoding="utf-8"))
    path = folder / "vocabulary.json"
    if not path.exists():
        raise UserError(
            f"{folder} holds no vocabulary.json or tokenizer.json; expected a complete run."
        )
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kinds: dict[str, Any] = {"char": CharacterVocabulary, "word": WordVocabulary}
    if record.get("level") not in kinds:
        raise UserError(
            f"{path} is of level {record.get('level')!r}; expected one of {', '.join(kinds)}."
        )
    vocabulary: Vocabulary = kinds[record.pop("level")](**record)
    return vocabulary
