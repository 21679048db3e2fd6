"""The vocabulary of many short texts: one side of pairs, or captions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Protocol

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import Vocabulary
from unroll.data.words import WordVocabulary, punctuation_is_separate

LOOK = 2000  # texts that a guess looks at


class LineVocabularySettings(Protocol):
    """The settings that say what a token is.

    Attributes:
        vocabulary_size: the most tokens that are kept. Default: by the level.
        min_count: rarer tokens are unknown. Default: 2, or 1 for characters.
        lower: whether words lose their case.
        level: "char", "word" or "bpe".
        split: where words end: "spaces", "punctuation" or "auto".
    """

    vocabulary_size: int | None
    min_count: int | None
    lower: bool

    @property
    def level(self) -> str:
        """What a token is."""
        ...

    @property
    def split(self) -> str:
        """Where words end."""
        ...


def learn_line_vocabulary(
    texts: Callable[[], Iterable[str]], settings: LineVocabularySettings
) -> Vocabulary:
    """Learn the vocabulary that the settings ask for.

    Args:
        texts: reads the texts from the start, each time it is called.
        settings: what a token is.
    """
    size = settings.vocabulary_size
    if settings.level == "char":
        return CharacterVocabulary.learn(texts(), settings.min_count or 1, size)
    if settings.level == "bpe":
        size = size or bpe_size(sum(1 for _ in texts()))
        return BPEVocabulary.learn(texts(), size, settings.min_count or 2)
    split = settings.split
    if split == "auto":
        apart = punctuation_is_separate("\n".join(islice(texts(), LOOK)))
        split = "spaces" if apart else "punctuation"
    count = settings.min_count or 2
    return WordVocabulary.learn(texts(), count, size, split, "line", settings.lower)


def bpe_size(count: int) -> int:
    """Pieces of words for `count` texts: few for few texts, whose words are too rare to be learned.

    Source: R. Sennrich and B. Zhang, Revisiting low-resource neural machine translation, 2019
    (https://arxiv.org/abs/1905.11901).
    """
    return 2000 if count < 100_000 else 4000 if count < 500_000 else 8000


def load_line_vocabulary(folder: Path, prefix: str) -> Vocabulary:
    """The vocabulary that a run folder holds in PREFIX.vocabulary.json or PREFIX.tokenizer.json.

    Raises:
        UserError: where it has neither file, or one that does not hold a vocabulary.
    """
    return load_vocabulary(folder, f"{prefix}.")


def vocabulary_files(vocabulary: Vocabulary, prefix: str) -> dict[str, bytes]:
    """The files that `load_line_vocabulary` reads, by name."""
    return {f"{prefix}.{name}": data for name, data in vocabulary.files().items()}
