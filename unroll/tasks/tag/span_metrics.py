"""Precision, recall and F1 of spans, counted as conlleval counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from unroll.tasks.tag.schemes import Span


class SpanScores:
    """How many spans there are, were predicted, and were predicted right, in all and per type.

    A span is right where its first word, its last word and its type are.

    Source: E. Tjong Kim Sang, conlleval, 2004 (https://www.cnts.ua.ac.be/conll2003/ner/bin/).

    Example:
        >>> from unroll.tasks.tag.schemes import Span
        >>> from unroll.tasks.tag.span_metrics import SpanScores
        >>> scores = SpanScores()
        >>> scores.add([Span(0, 2, "a"), Span(3, 4, "b")], [Span(0, 2, "a"), Span(3, 5, "b")])
        >>> scores.figures()["f1"]
        0.5
    """

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.gold: Counter[str] = Counter()

    def add(self, gold: Sequence[Span], predicted: Sequence[Span]) -> None:
        """Count the spans of one sentence."""
        self.gold.update(span.type for span in gold)
        self.predicted.update(span.type for span in predicted)
        self.right.update(span.type for span in set(gold) & set(predicted))

    def figures(self) -> dict[str, float]:
        """precision, recall and f1 (shares, 0 where there is nothing to share), and the counts."""
        return self._of(self.gold.keys() | self.predicted.keys())

    def per_type(self) -> dict[str, dict[str, float]]:
        """The same of each type."""
        return {kind: self._of([kind]) for kind in sorted(self.gold.keys() | self.predicted.keys())}

    def _of(self, types: Iterable[str]) -> dict[str, float]:
        right, predicted, gold = (
            sum(counts[kind] for kind in types)
            for counts in (self.right, self.predicted, self.gold)
        )
        return {
            "precision": right / predicted if predicted else 0.0,
            "recall": right / gold if gold else 0.0,
            "f1": 2 * right / (predicted + gold) if right else 0.0,
            "spans": gold,
            "predicted": predicted,
            "right": right,
        }
