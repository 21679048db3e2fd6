"""Pairs of texts as ids, and back: a vocabulary for each side, or one for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import Field

from unroll.data.characters import CharacterVocabulary
from unroll.data.line_vocabularies import (
    learn_line_vocabulary,
    load_line_vocabulary,
    vocabulary_files,
)
from unroll.data.vocabulary import BOUNDARY, UNKNOWN, UNKNOWN_NAME, Vocabulary
from unroll.data.words import GLUE, WordVocabulary
from unroll.saved_files import STRICT, is_listed, read_record
from unroll.tasks.translate.memory import FILE as MEMORY
from unroll.tasks.translate.memory import TranslationMemory
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.settings import TranslateSettings

FILE = "pairs.json"
UNKNOWN_CHARACTER = "\N{REPLACEMENT CHARACTER}"


@dataclass
class PairRecord:
    """What the file holds beside the vocabularies.

    Attributes:
        joint: whether both sides share one vocabulary.
        longest: tokens of the longest target of the training set.
        parallel: whether the training set is in two files.
    """

    __pydantic_config__ = STRICT

    joint: bool
    longest: Annotated[int, Field(ge=0, le=1_000_000)]
    parallel: bool = False


@dataclass(frozen=True)
class PairPreprocessor:
    """The vocabularies of a translator, and the known pairs beside the network.

    Attributes:
        source: the vocabulary of the source.
        target: the vocabulary of the target; the same object where both sides share one.
        longest: tokens of the longest target of the training set.
        parallel: whether the training set is in two files.
        floor: known pairs as a translator; None: the network translates alone.
    """

    source: Vocabulary
    target: Vocabulary
    longest: int
    parallel: bool = False
    floor: TranslationMemory | None = None

    @property
    def joint(self) -> bool:
        """Whether both sides share one vocabulary."""
        return self.source is self.target

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        record = {"joint": self.joint, "longest": self.longest, "parallel": self.parallel}
        files = {FILE: json.dumps(record).encode()}
        if not self.joint:
            files |= vocabulary_files(self.source, "source")
        files |= vocabulary_files(self.target, "target")
        return files if self.floor is None else files | self.floor.files()

    def source_tokens(self, text: str) -> list[str]:
        """The tokens of a source as it has them, unknown ones too, and the name of the end."""
        if isinstance(self.source, WordVocabulary):
            words = [word.removeprefix(GLUE) or word for word in self.source.tokens(text)]
        elif isinstance(self.source, CharacterVocabulary):
            words = list(text)
        else:
            words = [self.source.name(int(id)) for id in self.source.encode(text)]
        return [*words, self.source.name(BOUNDARY)]

    def target_tokens(self, ids: Iterable[int]) -> list[str]:
        """The names of target ids."""
        return [self.target.name(id) for id in ids]

    def text(self, ids: list[int], replacements: list[str]) -> str:
        """The text of target ids.

        Args:
            ids: of the target, without boundaries.
            replacements: what takes the place of each unknown token, in order; where the list is
                empty, unknown tokens keep their name.
        """
        text = self.target.decode(ids)
        mark = UNKNOWN_CHARACTER if self.target.level == "char" else UNKNOWN_NAME
        if UNKNOWN not in ids or not replacements:
            return text
        parts = text.split(mark)
        return "".join(chain(*zip(parts, [*replacements, ""], strict=False)))

    @classmethod
    def load(cls, folder: Path) -> PairPreprocessor:
        """The preprocessor that a run folder holds.

        Raises:
            UserError: where a file is missing or damaged.
        """
        record = read_record(folder, FILE, PairRecord)
        target = load_line_vocabulary(folder, "target")
        source = target if record.joint else load_line_vocabulary(folder, "source")
        memory = TranslationMemory.load(folder) if is_listed(folder, MEMORY) else None
        return cls(source, target, record.longest, record.parallel, memory)


def learn_preprocessor(
    pairs: Callable[[], Iterable[Pair]], settings: TranslateSettings, parallel: bool = False
) -> PairPreprocessor:
    """Learn the vocabularies that the settings ask for.

    Args:
        pairs: reads the training set from the start, each time it is called.
        settings: what a token is, and whether both sides share a vocabulary.
        parallel: whether the training set is in two files.
    """
    if settings.joint:
        both = learn_line_vocabulary(lambda: (text for pair in pairs() for text in pair), settings)
        source = target = both
    else:
        source = learn_line_vocabulary(lambda: (pair.source for pair in pairs()), settings)
        target = learn_line_vocabulary(lambda: (pair.target for pair in pairs()), settings)
    longest = max((len(target.encode(pair.target)) for pair in pairs()), default=0)
    return PairPreprocessor(source, target, longest, parallel)
