"""How many words or spans are right for given scores, and the score of words outside spans that is best.

N words of all sentences, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.models.linear_chain import ChainOrder, ChainWeights, most_likely_chain
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import find_spans

OUTSIDE_PENALTIES = tuple(k / 4 for k in range(9))  # nats that are tried


def best_score(
    scores: np.ndarray,
    chain: ChainWeights | None,
    order: ChainOrder,
    sentences: Sequence[Sentence],
    preprocessor: TagPreprocessor,
    penalties: Sequence[float] = OUTSIDE_PENALTIES,
    usual: float = 0.0,
) -> tuple[float, float]:
    """The highest F1 of spans, or the accuracy where tags are no spans, and what reaches it.

    Args:
        scores: [N, K], in the order of `order`.
        chain: the scores between labels. None: each label is chosen alone.
        order: of the words.
        sentences: with tags.
        preprocessor: knows the labels.
        penalties: subtracted from the score of words outside spans, each is tried.
        usual: of several penalties that reach the same, the nearest to this one is taken.

    Returns:
        F1 or accuracy, and the penalty, 0 without spans.
    """
    if preprocessor.scheme is None:
        labels = choose_labels(scores, chain, order)
        true = np.concatenate([preprocessor.label_numbers(s.tags or ()) for s in sentences])
        return float((labels == true).mean()), 0.0
    spans = [set(find_spans(s.tags or ())) for s in sentences]
    borders = np.cumsum([len(s.words) for s in sentences])[:-1]
    true_spans = sum(map(len, spans))
    # most sentences have the same labels for several penalties
    counts: dict[tuple[int, bytes], tuple[int, int]] = {}
    reached = []
    for penalty in penalties:
        lowered = scores.copy()
        lowered[:, 0] -= penalty
        predicted = right = 0
        for k, own in enumerate(np.split(choose_labels(lowered, chain, order), borders)):
            key = k, own.tobytes()
            if key not in counts:
                found = find_spans([preprocessor.labels[label] for label in own])
                counts[key] = len(found), len(spans[k].intersection(found))
            predicted, right = predicted + counts[key][0], right + counts[key][1]
        f1 = 2 * right / (true_spans + predicted) if right else 0.0
        reached.append((f1, -abs(penalty - usual), penalty))
    best, _, penalty = max(reached)
    return best, penalty


def choose_labels(scores: np.ndarray, chain: ChainWeights | None, order: ChainOrder) -> np.ndarray:
    """The most likely labels, int64 [N], in the order of the sentences.

    Args:
        scores: [N, K], in the order of `order`.
        chain: the scores between labels. None: each label is chosen alone.
        order: of the words.
    """
    chosen = scores.argmax(1) if chain is None else most_likely_chain(scores, order, chain)
    labels = np.empty(len(scores), dtype=np.int64)
    labels[order.order] = chosen
    return labels
