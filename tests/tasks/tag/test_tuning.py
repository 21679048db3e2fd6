"""Right words and spans for scores, and the score of words outside spans that finds most."""

import numpy as np
import pytest

from unroll.models.linear_chain import ChainOrder, ChainWeights
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.tuning import best_score, choose_labels

SENTENCES = [Sentence(("Rome", "is"), ("B-x", "O")), Sentence(("Oslo",), ("B-x",))]
SPANS = TagPreprocessor.learn(SENTENCES, ["O", "B-x", "I-x"], scheme="BIO", file_scheme="BIO")


def test_the_smallest_penalty_with_the_highest_f1():
    order = ChainOrder([2, 1])
    scores = np.zeros((3, 3))
    scores[:, 0], scores[:, 2] = [0.6, 0.6, 2.0], -9
    assert best_score(scores, None, order, SENTENCES, SPANS) == (1.0, 0.75)
    assert best_score(scores, None, order, SENTENCES, SPANS, [0.0, 3.0]) == (0.8, 3.0)


def test_without_spans_the_accuracy_counts_and_unseen_tags_are_wrong():
    sentences = [Sentence(("a", "b"), ("N", "V")), Sentence(("c",), ("X",))]
    preprocessor = TagPreprocessor.learn(sentences[:1], ["N", "V"])
    scores = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])  # of a, c and b
    order = ChainOrder([2, 1])
    assert choose_labels(scores, None, order).tolist() == [0, 1, 0]
    assert best_score(scores, None, order, sentences, preprocessor) == (pytest.approx(2 / 3), 0.0)
    chain = ChainWeights(np.zeros(2), np.array([[5.0, 0.0], [0.0, 5.0]]), np.zeros(2))
    assert choose_labels(scores, chain, order).tolist() in ([0, 0, 0], [1, 1, 0])
