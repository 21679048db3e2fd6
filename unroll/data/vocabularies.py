"""Learn the vocabulary that settings ask for, or load the one of a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary, ClosedAlphabet
from unroll.data.vocabulary import UNKNOWN_NAME, Vocabulary
from unroll.data.words import WordVocabulary, punctuation_is_separate
from unroll.saved_files import (
    STRICT,
    Damaged,
    are_unique,
    check_record,
    is_listed,
    read_record,
    refuse_unless,
)

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
    texts: Callable[[], Iterable[str]],
    settings: VocabularySettings,
    unknown: str = "token",
    *,
    ends: bool = True,
) -> Vocabulary:
    """Learn the vocabulary that the settings ask for.

    Args:
        texts: called to read from the start what it is learned from.
        settings: what a token is, and how many are kept.
        unknown: what other tokens are. "token": the unknown token; "never": refused; "skip": left out.
        ends: of a closed alphabet, whether the end of a line or of a document is predicted too.
    """
    size = settings.vocabulary_size
    if settings.level == "char":
        found = CharacterVocabulary.learn(texts(), settings.min_count or 1, size)
        if unknown == "token":
            return found
        return ClosedAlphabet(found.characters, ends=ends, skips=unknown == "skip")
    if settings.level == "bpe":
        return BPEVocabulary.learn(texts(), size or BPE_SIZE, settings.min_count or 2)
    head = "".join(islice((text[:LOOK] for text in texts()), 1))
    split = settings.split
    if split == "auto":
        split = "spaces" if punctuation_is_separate(head) else "punctuation"
    rare = settings.min_count or (1 if unknown != "token" or f" {UNKNOWN_NAME} " in head else 2)
    return WordVocabulary.learn(texts(), rare, size, split, settings.end, settings.lower, unknown)


@dataclass
class CharacterRecord:
    """What vocabulary.json holds for characters.

    Attributes:
        characters: the known ones.
        unknown: what other characters are: a token, refused, or left out.
        ends: of a closed alphabet, whether the end of a line or of a document is predicted too.
    """

    __pydantic_config__ = STRICT

    characters: str
    unknown: Literal["token", "never", "skip"] = "token"
    ends: bool = False


@dataclass
class WordRecord:
    """What vocabulary.json holds for words.

    Attributes:
        words: the known ones, by their ids.
        split: where words end.
        end: what ends with a boundary.
        lower: whether words lose their case.
        unknown: what other words are: a token, refused, or left out.
    """

    __pydantic_config__ = STRICT

    words: list[str]
    split: Literal["spaces", "punctuation"] = "spaces"
    end: Literal["line", "sentence"] = "line"
    lower: bool = False
    unknown: Literal["token", "never", "skip"] = "token"


def load_vocabulary(folder: Path, prefix: str = "") -> Vocabulary:
    """The vocabulary of a run folder, in PREFIXvocabulary.json or PREFIXtokenizer.json.

    Raises:
        UserError: where it has none that this version reads.
    """
    name = f"{prefix}tokenizer.json"
    if is_listed(folder, name):
        return BPEVocabulary.load(folder, name)
    name = f"{prefix}vocabulary.json"
    if not is_listed(folder, name):
        raise Damaged(f"{folder} holds no {name} or {prefix}tokenizer.json")
    path = folder / name
    record = read_record(folder, name, dict[str, Any])
    level = record.pop("level", None)
    if level == "char":
        found = check_record(record, CharacterRecord, path)
        refuse_unless(are_unique(found.characters), path, "each character once")
        if found.unknown == "token":
            return CharacterVocabulary(found.characters)
        skips = found.unknown == "skip"
        return ClosedAlphabet(found.characters, ends=found.ends, skips=skips)
    if level == "word":
        words = check_record(record, WordRecord, path)
        refuse_unless(are_unique(words.words), path, "each word once")
        return WordVocabulary(**vars(words))
    raise Damaged(f"{path} is of level {str(level)[:40]!r}; expected one of char, word")
