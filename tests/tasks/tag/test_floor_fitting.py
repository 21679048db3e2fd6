"""The simple model is fitted: to what scikit-learn finds, and as well as its penalty allows."""

import random

import numpy as np
from scipy.sparse import csr_matrix

from unroll.tasks.tag import floor_fitting
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor_features import hash_features
from unroll.tasks.tag.floor_fitting import (
    fit_tag_floor,
    keep_features,
    summed_rows,
    weighted_pairs,
)
from unroll.tasks.tag.preprocessor import TagPreprocessor


def words_alone():
    draw = random.Random(1)
    words = ["rose", "runs", "red", "Rome", "reads", "old"]
    return [
        Sentence((word,), (draw.choice(["N", "V", "A"]) if draw.random() < 0.3 else "NVA"[k % 3],))
        for k, word in enumerate(draw.choices(words, k=90))
    ]


def test_of_single_words_it_is_the_logistic_regression_of_scikit_learn(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setattr(floor_fitting, "ITERATIONS", 500)
    monkeypatch.setattr(floor_fitting, "FREQUENT", 1)
    sentences = words_alone()
    preprocessor = TagPreprocessor.learn(sentences, ["A", "N", "V"])
    floor = fit_tag_floor(sentences, (), preprocessor, penalty=2.0)
    keys, rows = keep_features(hash_features(sentences), 3)
    matrix = np.zeros((len(sentences), len(keys) + 2))
    for row, own in zip(matrix, rows, strict=True):
        row[own] = 1
        row[-2:] = 1  # begin and end
    model = LogisticRegression(C=1 / 2.0, fit_intercept=False, tol=1e-9, max_iter=5000)
    model.fit(matrix, [s.tags[0] for s in sentences])
    expected = model.decision_function(matrix)
    own = floor.scores(sentences).numpy() + floor.chain.begin + floor.chain.end
    np.testing.assert_allclose(own - own.mean(1, keepdims=True), expected, atol=0.01)


def test_pairs_of_tags_count(monkeypatch):
    """Tags that alternate, whatever the words: only the tag before tells the next one."""
    draw = random.Random(2)
    sentences = []
    for _ in range(60):
        first, length = draw.randint(0, 1), draw.randint(3, 9)
        tags = tuple("AB"[(first + k) % 2] for k in range(length))
        word = "a" if first == 0 else "b"
        sentences.append(Sentence((word, *["x"] * (length - 1)), tags))
    preprocessor = TagPreprocessor.learn(sentences, ["A", "B"])
    floor = fit_tag_floor(sentences[:40], sentences[40:], preprocessor)
    assert floor.record.penalty in floor_fitting.PENALTIES and not floor.record.refitted
    pairs = floor.chain.pairs
    assert pairs[0, 1] + pairs[1, 0] > pairs[0, 0] + pairs[1, 1] + 2
    monkeypatch.setattr(floor_fitting, "MOST_CHAINED", 1)
    assert fit_tag_floor(sentences, (), preprocessor, penalty=1.0).chain is None


def test_rare_features_are_left_out_of_large_data(monkeypatch):
    features = np.array([[1, 2], [1, 3], [1, 2]], dtype=np.uint64)
    assert keep_features(features, 2)[0].tolist() == [1, 2, 3]
    monkeypatch.setattr(floor_fitting, "MOST_WEIGHTS", 4)
    keys, rows = keep_features(features, 2)
    assert keys.tolist() == [1, 2] and rows.tolist() == [[0, 1], [0, 2], [0, 1]]


def test_a_feature_has_weights_for_the_labels_it_occurs_with_and_a_frequent_one_for_all(
    monkeypatch,
):
    monkeypatch.setattr(floor_fitting, "FREQUENT", 3)
    # feature 0 has the words 0, 1 and 2, feature 1 the word 3
    transposed = csr_matrix(np.array([[1, 1, 1, 0], [0, 0, 0, 1]]))
    labels = np.array([0, 0, 2, 1])
    assert weighted_pairs(transposed, labels, 3).tolist() == [0, 1, 2, 4]


def test_a_fit_ends_in_time():
    sentences = words_alone()
    preprocessor = TagPreprocessor.learn(sentences, ["A", "N", "V"])
    whole, short = (
        fit_tag_floor(sentences, (), preprocessor, penalty=1.0, seconds=seconds)
        for seconds in (None, 1e-9)
    )
    np.testing.assert_allclose(short.scores(sentences), whole.scores(sentences), atol=0.5)


def test_summed_rows_are_the_product():
    draw = np.random.default_rng(0)
    matrix = csr_matrix((draw.random((6, 4)) < 0.4).astype(np.float32))
    table = draw.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(summed_rows(matrix, table), matrix @ table, rtol=1e-6)
