"""What a translator must beat: the translation of the most similar source, and frequencies of tokens."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from unroll.data.vocabulary import BOUNDARY
from unroll.saved_files import Damaged, parse_record
from unroll.tasks.translate.batches import SequenceArray
from unroll.tasks.translate.pairs import Pair
from unroll.training.folder import damaged_baseline, read_baseline

FILE = "baseline.json"
WORD = re.compile(r"\w+|[^\w\s]")


class NearestNeighbour:
    """Translates a text by the target of the known pair whose source shares most rare words.

    When to use it: as the baseline of a translator. A translator that is no better did not
    generalise.

    The similarity is the cosine of two sets of words, each weighted by log(N / pairs that have it).

    Args:
        pairs: the N known pairs.

    Examples:
        >>> from unroll.tasks.translate.baseline import NearestNeighbour
        >>> from unroll.tasks.translate.pairs import Pair
        >>> known = NearestNeighbour([Pair("a red dog", "un chien rouge"), Pair("a cat", "un chat")])
        >>> known.translate("the cat")
        'un chat'
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = list(pairs)
        rows: dict[str, list[int]] = defaultdict(list)
        for row, pair in enumerate(self.pairs):
            for word in words_of(pair.source):
                rows[word].append(row)
        N = len(self.pairs)
        self._rows = {word: np.array(having) for word, having in rows.items()}
        self._weight = {word: math.log(1 + N / len(having)) ** 2 for word, having in rows.items()}
        squares = np.zeros(N)
        for word, having in self._rows.items():
            squares[having] += self._weight[word]
        self._norm = np.sqrt(np.maximum(squares, 1e-12))

    def translate(self, source: str) -> str:
        """The target of the nearest pair, the first where several are equally near."""
        if not self.pairs:
            return ""
        similarity = np.zeros(len(self.pairs))
        for word in words_of(source):
            if word in self._rows:
                similarity[self._rows[word]] += self._weight[word]
        return self.pairs[int((similarity / self._norm).argmax())].target

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        return {FILE: json.dumps(self.pairs, ensure_ascii=False).encode()}

    @classmethod
    def load(cls, folder: Path) -> NearestNeighbour:
        """The baseline that a run folder holds.

        Raises:
            UserError: where its file is damaged.
        """
        content = read_baseline(folder, FILE)
        try:
            pairs = parse_record(content, list[tuple[str, str]], folder / FILE)
        except Damaged as damage:
            raise damaged_baseline(damage) from damage
        return cls(Pair(*pair) for pair in pairs)


def unigram_loss(known: SequenceArray, targets: SequenceArray, vocabulary_size: int) -> float:
    """Nats per token, the ends among them, where each token has its frequency as its probability.

    Args:
        known: the targets whose tokens are counted, each one time more than it occurs.
        targets: those that are predicted.
        vocabulary_size: V.
    """
    counts = 1.0 + np.bincount(known.ids, minlength=vocabulary_size)
    counts[BOUNDARY] += len(known)
    nats = -np.log(counts / counts.sum())
    total = nats[targets.ids].sum() + nats[BOUNDARY] * len(targets)
    return float(total / max(1, len(targets.ids) + len(targets)))


def words_of(text: str) -> set[str]:
    """The different words and marks of a text, in lower case."""
    return set(WORD.findall(text.lower()))
