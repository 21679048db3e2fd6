"""Precision, recall and F1 of spans, counted as conlleval counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypedDict

from unroll.tasks.tag.schemes import TagSpan


class SpanMetrics(TypedDict):
    """How many spans are found, and how many of the found ones are right.

    Attributes:
        precision: the share of the predicted spans that are right; 0 where none is predicted.
        recall: the share of the true spans that are predicted; 0 where there are none.
        f1: the harmonic mean of the two.
        spans: how many true spans there are.
        predicted: how many spans were predicted.
        right: how many of them are right.
    """

    precision: float
    recall: float
    f1: float
    spans: int
    predicted: int
    right: int


class SpanScores:
    """Counts of true spans, predicted spans, and spans predicted right, by type.

    A span is right where its first word, its last word and its type are.

    Source: E. Tjong Kim Sang, conlleval, 2004 (https://www.cnts.ua.ac.be/conll2003/ner/bin/).

    Attributes:
        true: how many true spans of each type there are.
        predicted: how many spans of each type were predicted.
        right: how many spans of each type were predicted right.

    Examples:
        >>> from unroll.tasks.tag.schemes import TagSpan
        >>> from unroll.tasks.tag.span_metrics import SpanScores
        >>> true = [TagSpan(0, 2, "a"), TagSpan(3, 4, "b")]
        >>> scores = SpanScores()
        >>> scores.add(true, [TagSpan(0, 2, "a"), TagSpan(3, 5, "b")])
        >>> scores.metrics()["f1"]
        0.5
    """

    def __init__(self) -> None:
        self.true: Counter[str] = Counter()
        self.predicted: Counter[str] = Counter()
        self.right: Counter[str] = Counter()

    def add(self, true: Sequence[TagSpan], predicted: Sequence[TagSpan]) -> None:
        """Count the spans of one sentence."""
        self.true.update(span.type for span in true)
        self.predicted.update(span.type for span in predicted)
        self.right.update(span.type for span in set(true) & set(predicted))

    def metrics(self) -> SpanMetrics:
        """The metrics of all types together."""
        return self._metrics_of(self.true.keys() | self.predicted.keys())

    def per_type(self) -> dict[str, SpanMetrics]:
        """The metrics of each type."""
        types = sorted(self.true.keys() | self.predicted.keys())
        return {type: self._metrics_of([type]) for type in types}

    def _metrics_of(self, types: Iterable[str]) -> SpanMetrics:
        true, predicted, right = (
            sum(counts[type] for type in types)
            for counts in (self.true, self.predicted, self.right)
        )
        return {
            "precision": right / predicted if predicted else 0.0,
            "recall": right / true if true else 0.0,
            "f1": 2 * right / (predicted + true) if right else 0.0,
            "spans": true,
            "predicted": predicted,
            "right": right,
        }
