"""Pairs of texts as numbers, and back: a vocabulary for each side, or one for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.pairs import Pair
from unroll.data.vocabulary import BOUNDARY, UNKNOWN, UNKNOWN_NAME, Vocabulary
from unroll.data.words import GLUE, WordVocabulary, punctuation_is_separate
from unroll.errors import UserError

LOOK = 2000  # texts that a guess looks at
UNKNOWN_CHARACTER = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class PairPreprocessor:
    """source, target: the vocabularies, the same object where there is one for both.
    longest: tokens of the longest target that was learned from. parallel: whether the pairs stand
    in two files."""

    source: Vocabulary
    target: Vocabulary
    longest: int
    parallel: bool = False

    @property
    def joint(self) -> bool:
        return self.source is self.target

    def files(self) -> dict[str, bytes]:
        record = {"joint": self.joint, "longest": self.longest, "parallel": self.parallel}
        found = {"pairs.json": json.dumps(record).encode()}
        for side in ("target",) if self.joint else ("source", "target"):
            vocabulary: Vocabulary = getattr(self, side)
            found |= {f"{side}.{name}": data for name, data in vocabulary.files().items()}
        return found

    def source_tokens(self, text: str) -> list[str]:
        """The tokens of a source as they stand in it, unknown ones too, and then the end's name."""
        if isinstance(self.source, WordVocabulary):
            words = [word.removeprefix(GLUE) or word for word in self.source.tokens(text)]
        elif isinstance(self.source, CharacterVocabulary):
            words = list(text)
        else:
            words = [self.source.name(int(id)) for id in self.source.encode(text)]
        return [*words, self.source.name(BOUNDARY)]

    def target_tokens(self, ids: Iterable[int]) -> list[str]:
        return [self.target.name(id) for id in ids]

    def text(self, ids: list[int], instead: list[str]) -> str:
        """The text of target ids. instead: what stands for each unknown one, in order."""
        text = self.target.decode(ids)
        mark = UNKNOWN_CHARACTER if self.target.level == "char" else UNKNOWN_NAME
        if UNKNOWN not in ids or not instead:
            return text
        parts = text.split(mark)
        return "".join(chain(*zip(parts, [*instead, ""], strict=False)))


class TokenSettings(Protocol):
    """The settings that say what a token is."""

    vocabulary_size: int | None
    min_count: int | None
    lower: bool

    @property
    def level(self) -> str: ...
    @property
    def split(self) -> str: ...


class PairSettings(TokenSettings, Protocol):
    """The settings that say what the tokens of both sides are."""

    joint: bool


def learn_preprocessor(
    pairs: Callable[[], Iterable[Pair]], settings: PairSettings, parallel: bool = False
) -> PairPreprocessor:
    """The vocabularies that the settings ask for. pairs: reads the training part from the start."""
    if settings.joint:
        both = learn(lambda: (text for pair in pairs() for text in pair), settings)
        source = target = both
    else:
        source = learn(lambda: (pair.source for pair in pairs()), settings)
        target = learn(lambda: (pair.target for pair in pairs()), settings)
    longest = max((len(target.encode(pair.target)) for pair in pairs()), default=0)
    return PairPreprocessor(source, target, longest, parallel)


def learn(texts: Callable[[], Iterable[str]], settings: TokenSettings) -> Vocabulary:
    """The vocabulary of texts that the settings ask for. texts: reads them from the start."""
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
    """Pieces for so many texts: few for few texts, whose words come too seldom to be learned whole.

    Source: R. Sennrich and B. Zhang, Revisiting low-resource neural machine translation, 2019
    (https://arxiv.org/abs/1905.11901).
    """
    return 2000 if count < 100_000 else 4000 if count < 500_000 else 8000


def load_preprocessor(folder: Path) -> PairPreprocessor:
    """The preprocessor of a run folder.

    Raises: UserError where there is none that this version reads.
    """
    try:
        record: dict[str, Any] = json.loads((folder / "pairs.json").read_text())
        target = load_side(folder, "target")
        source = target if record["joint"] else load_side(folder, "source")
        return PairPreprocessor(source, target, int(record["longest"]), bool(record["parallel"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder} holds no whole vocabularies ({error}); expected a whole run, with pairs.json "
            "and the vocabularies of both sides."
        ) from error


def load_side(folder: Path, side: str) -> Vocabulary:
    tokenizer = folder / f"{side}.tokenizer.json"
    if tokenizer.exists():
        return BPEVocabulary.from_json(tokenizer.read_text(encoding="utf-8"))
    text = (folder / f"{side}.vocabulary.json").read_text("utf-8", "surrogatepass")
    record: dict[str, Any] = json.loads(text)
    kinds: dict[str, Any] = {"char": CharacterVocabulary, "word": WordVocabulary}
    vocabulary: Vocabulary = kinds[record.pop("level")](**record)
    return vocabulary
