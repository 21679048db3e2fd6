"""Known pairs as a translator: the nearest ones, mended word by word, and words translated singly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from unroll.models.beam_search import Hypothesis
from unroll.saved_files import Damaged, refuse_unless
from unroll.tasks.translate.neighbours import NeighbourIndex
from unroll.tasks.translate.ngrams import words_of
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.word_table import WordTable
from unroll.training.checkpoint import pack_arrays, read_arrays

FILE = "floor.safetensors"
NEIGHBOURS, MENDED = 16, 8  # candidates of a source: nearest pairs, and how many of them are mended
LIKELY = 0.05  # probability of a word's translation that is used
CLOSING = frozenset(".,!?;:)]}")  # marks that stand behind a word without a space
SPACED = 0.5  # spaces for each word, from which on words are written with spaces between

Origin = Literal["network", "neighbour", "mended neighbour", "word by word"]


@dataclass(frozen=True)
class Candidate:
    """A translation that known pairs, or the search of a network, suggest.

    Attributes:
        text: the translation.
        origin: where it is from.
        similarity: of the source to the source of the known pair, 0 to 1; 0 without one.
        same_source: whether the known pair has the same source.
        hypothesis: the same as the network has it; None where it was not asked.
    """

    text: str
    origin: Origin
    similarity: float = 0.0
    same_source: bool = False
    hypothesis: Hypothesis | None = None


@dataclass(frozen=True)
class TranslationMemory:
    """The floor of a translator: known pairs, and the words that translate each other in them.

    When to use it: where no network has been trained yet, or a network has to be better than it.
    A source that was seen is translated as it was; one that is like a known source gets the known
    translation, or that with the differing words replaced.

    Attributes:
        pairs: the known ones.
        forward: words of targets, given words of sources.
        backward: words of sources, given words of targets.

    Examples:
        >>> from unroll.tasks.translate.memory import TranslationMemory
        >>> from unroll.tasks.translate.pairs import Pair
        >>> known = [Pair("a red dog", "un chien rouge"), Pair("a red cat", "un chat rouge")]
        >>> memory = TranslationMemory.learn([*known, Pair("a bird", "un oiseau")])
        >>> [each.text for each in memory.candidates(["a red bird"])[0] if "mended" in each.origin]
        ['un oiseau rouge']
    """

    pairs: list[Pair]
    forward: WordTable
    backward: WordTable

    @classmethod
    def learn(cls, pairs: Iterable[Pair]) -> TranslationMemory:
        """Learn from pairs."""
        pairs = list(pairs)
        sources, targets = ([lower_words(pair[side]) for pair in pairs] for side in (0, 1))
        forward, backward = WordTable.learn(sources, targets), WordTable.learn(targets, sources)
        return cls(pairs, forward, backward)

    @cached_property
    def index(self) -> NeighbourIndex:
        """Finds the nearest sources."""
        return NeighbourIndex([pair.source for pair in self.pairs])

    @cached_property
    def growth(self) -> float:
        """Characters of targets for each character of a source."""
        lengths = np.array([[len(pair.source), len(pair.target)] for pair in self.pairs])
        return float((lengths[:, 1].sum() + 1) / (lengths[:, 0].sum() + 1)) if len(lengths) else 1.0

    @cached_property
    def longest_target(self) -> int:
        """Characters of the longest target."""
        return max((len(pair.target) for pair in self.pairs), default=0)

    @cached_property
    def has_spaces(self) -> bool:
        """Whether targets are written with spaces between words."""
        some = [pair.target for pair in self.pairs[:1000]]
        words = sum(len(words_of(text)) - 1 for text in some)
        return sum(text.count(" ") for text in some) >= SPACED * words

    def candidates(self, texts: Sequence[str]) -> list[list[Candidate]]:
        """What the known pairs suggest for each text: the nearest first, then mended, then words."""
        rows, similarities = self.index.search(texts, NEIGHBOURS)
        found = []
        for text, near, similar in zip(texts, rows.tolist(), similarities.tolist(), strict=True):
            pairs = [self.pairs[row] for row in near]
            ranked = list(zip(pairs, similar, strict=True))
            own = [
                Candidate(pair.target, "neighbour", s, pair.source == text) for pair, s in ranked
            ]
            for pair, s in ranked[:MENDED]:
                mended = self.mend(text, pair)
                if mended is not None and mended not in {each.text for each in own}:
                    own.append(Candidate(mended, "mended neighbour", s))
            found.append([*own, Candidate(self.word_by_word(text), "word by word")])
        return found

    def mend(self, text: str, pair: Pair) -> str | None:
        """The target of a pair with the words replaced in which the text differs from its source.

        None where no differing word has a known translation.
        """
        before, words = lower_words(pair.source), words_of(text)
        after, target = [word.lower() for word in words], words_of(pair.target)
        lowered = [word.lower() for word in target]
        replaced: dict[int, str] = {}
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind != "replace" or b - a != d - c:
                continue
            translations = self.forward.translations(after[c:d])
            for old, new in zip(before[a:b], words[c:d], strict=True):
                place = self._place_of(old, lowered)
                word, chance = translations.get(new.lower(), ("", 0.0))
                if place is None or chance < LIKELY or word.isalnum() != target[place].isalnum():
                    continue
                is_name = new.istitle() and word == new.lower()
                if word != lowered[place]:
                    title = is_name or target[place].istitle()
                    replaced[place] = word.capitalize() if title else word
        return replace_words(pair.target, target, replaced) if replaced else None

    def word_by_word(self, text: str) -> str:
        """Each word's most likely translation; words that have none stay."""
        words = words_of(text)
        known = self.forward.translations({word.lower() for word in words})
        found = []
        for word in words:
            new, chance = known.get(word.lower(), (word, 1.0))
            new = new if chance >= LIKELY else word
            found.append(new.capitalize() if word.istitle() else new)
        if not self.has_spaces:
            return "".join(found)
        text = ""
        for word in found:
            text += word if not text or word in CLOSING else f" {word}"
        return text

    def _place_of(self, given: str, target: Sequence[str]) -> int | None:
        """Where the most likely translation of a word stands in a target."""
        place = self.forward.given_places.get(given)
        columns = [self.forward.written_places.get(word, -1) for word in target]
        if place is None or not columns:
            return None
        chances = self.forward.lookup(np.full(len(columns), place), np.array(columns))
        chances = np.where(np.array(columns) < 0, 0.0, chances)
        best = int(chances.argmax())
        return best if chances[best] >= LIKELY else None

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        arrays: dict[str, np.ndarray] = {}
        for side, name in enumerate(("source", "target")):
            arrays |= pack_texts(name, [pair[side] for pair in self.pairs])
        for name, table in (("forward", self.forward), ("backward", self.backward)):
            arrays |= pack_texts(f"{name}.given", table.given)
            arrays |= pack_texts(f"{name}.written", table.written)
            arrays |= {f"{name}.keys": table.keys, f"{name}.probability": table.probability}
        return {FILE: pack_arrays(arrays)}

    @classmethod
    def load(cls, folder: Path) -> TranslationMemory:
        """The memory that a run folder holds.

        Raises:
            Damaged: where its file is missing or damaged.
        """
        arrays, path = read_arrays(folder, FILE), folder / FILE
        sources, targets = (unpack_texts(name, arrays, path) for name in ("source", "target"))
        refuse_unless(len(sources) == len(targets), path, "a target for each source")
        pairs = [Pair(*pair) for pair in zip(sources, targets, strict=True)]
        forward, backward = (load_table(name, arrays, path) for name in ("forward", "backward"))
        return cls(pairs, forward, backward)


def lower_words(text: str) -> list[str]:
    """The words and marks of a text, each in lower case."""
    return [word.lower() for word in words_of(text)]


def replace_words(text: str, words: Sequence[str], replaced: dict[int, str]) -> str:
    """A text with some of its words replaced, what stands between them unchanged.

    Args:
        text: with these words in order.
        words: of the text.
        replaced: the new word, by the place of the old one.
    """
    parts, end = [], 0
    for place, word in enumerate(words):
        start = text.index(word, end)
        parts += [text[end:start], replaced.get(place, word)]
        end = start + len(word)
    return "".join([*parts, text[end:]])


def pack_texts(name: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Texts as two arrays: their bytes end to end, and how many each has."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return {
        f"{name}.bytes": np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8),
        f"{name}.lengths": np.array([len(each) for each in encoded], dtype=np.int64),
    }


def unpack_texts(name: str, arrays: dict[str, np.ndarray], path: Path) -> list[str]:
    """The texts that two arrays hold.

    Args:
        name: of the arrays, as `pack_texts` got it.
        arrays: of the file, by name.
        path: of the file, for errors.

    Raises:
        Damaged: where they do not fit together.
    """
    content = arrays.get(f"{name}.bytes", np.zeros(0))
    lengths = arrays.get(f"{name}.lengths", np.zeros(0))
    kinds = content.dtype == np.uint8 and lengths.dtype == np.int64
    fits = kinds and content.ndim == lengths.ndim == 1 and bool((lengths >= 0).all())
    refuse_unless(
        fits and float(lengths.sum(dtype=float)) == len(content), path, f"texts of {name}"
    )
    whole, ends = content.tobytes(), np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    try:
        return [
            whole[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=False)
        ]
    except UnicodeDecodeError as error:
        raise Damaged(f"{path} is damaged; {name} is not UTF-8") from error


def load_table(name: str, arrays: dict[str, np.ndarray], path: Path) -> WordTable:
    """A table of words that a file holds.

    Args:
        name: of its arrays.
        arrays: of the file, by name.
        path: of the file, for errors.

    Raises:
        Damaged: where they do not fit together.
    """
    given, written = (unpack_texts(f"{name}.{side}", arrays, path) for side in ("given", "written"))
    keys = arrays.get(f"{name}.keys", np.zeros(0))
    probability = arrays.get(f"{name}.probability", np.zeros(0))
    fits = keys.dtype == np.int64 and probability.dtype == np.float32
    fits = fits and keys.ndim == 1 and keys.shape == probability.shape and given[:1] == [""]
    fits = fits and bool((np.diff(keys) > 0).all())
    fits = fits and bool(((keys >= 0) & (keys < len(given) * len(written))).all())
    fits = fits and bool(((probability >= 0) & (probability <= 1.001)).all())
    refuse_unless(fits, path, f"the words of {name}")
    return WordTable(given, written, keys, probability)
