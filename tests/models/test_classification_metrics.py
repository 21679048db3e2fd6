"""The figures of classifiers equal scikit-learn's, and values worked by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.models.classification_metrics import judged
from unroll.tasks.classify.baseline import NaiveBayes


def test_one_label_by_hand():
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    figures = judged(p, np.array([0, 1, 1, 0]))
    assert figures["accuracy"] == 0.5
    assert figures["confusion"] == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    # F1: 2/4, 2/3, and 0 for the class that was only said
    assert figures["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert figures["micro_f1"] == 0.5
    assert figures["loss"] == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.3]).mean())
    # in bins of 1/15: 0.7, 0.6, 0.8, 0.4 each alone; right, wrong, right, wrong
    assert figures["calibration_error"] == pytest.approx((0.3 + 0.6 + 0.2 + 0.4) / 4)


def test_several_labels_by_hand():
    p = np.array([[0.9, 0.2], [0.6, 0.5], [0.1, 0.7]])
    figures = judged(p, np.array([[1, 0], [0, 1], [0, 0]], dtype=bool))
    assert figures["accuracy"] == pytest.approx(1 / 3)
    assert figures["confusion"] == [[[1, 1], [0, 1]], [[1, 1], [0, 1]]]
    assert figures["macro_f1"] == pytest.approx(2 / 3)
    assert figures["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5, 0.9, 0.3]).sum() / 3)


cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 6))


@given(cases)
def test_one_label_is_as_scikit_learn_has_it(case):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    seed, R, K = case
    draw = np.random.default_rng(seed)
    p = draw.dirichlet(np.ones(K), R)
    true, said = draw.integers(K, size=R), p.argmax(1)
    figures = judged(p, true)
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(true, said))
    assert figures["macro_f1"] == pytest.approx(metrics.f1_score(true, said, average="macro"))
    assert figures["micro_f1"] == pytest.approx(metrics.f1_score(true, said, average="micro"))
    assert figures["loss"] == pytest.approx(metrics.log_loss(true, p, labels=range(K)))
    matrix = metrics.confusion_matrix(true, said, labels=range(K))
    assert figures["confusion"] == matrix.tolist()


@given(cases)
def test_several_labels_are_as_scikit_learn_has_them(case):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    seed, R, K = case
    draw = np.random.default_rng(seed)
    p, true = draw.random((R, K)), draw.random((R, K)) < 0.5
    figures, said = judged(p, true), p >= 0.5
    there = np.flatnonzero((said | true).any(0))
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(true, said))
    options = {"zero_division": 0}
    micro = metrics.f1_score(true, said, average="micro", **options)
    macro = metrics.f1_score(true, said, average="macro", labels=there, **options)
    assert figures["micro_f1"] == pytest.approx(micro)
    assert figures["macro_f1"] == pytest.approx(macro if len(there) else 0.0)
    assert figures["confusion"] == metrics.multilabel_confusion_matrix(true, said).tolist()


def test_no_records_are_no_trouble():
    assert judged(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))["accuracy"] == 0.0


@given(cases)
def test_naive_bayes_is_as_scikit_learn_has_it(case):
    bayes = pytest.importorskip("sklearn.naive_bayes", reason="needs scikit-learn")
    seed, R, K = case
    draw = np.random.default_rng(seed)
    lengths, V = draw.integers(1, 9, size=R + K), 12
    starts = np.cumsum([0, *lengths])
    ids, targets = (
        draw.integers(V, size=starts[-1]),
        np.append(np.arange(K), draw.integers(K, size=R)),
    )
    counts = np.stack([np.bincount(ids[a:b], minlength=V) for a, b in pairwise(starts)])
    priors = (np.bincount(targets) + 1) / (np.bincount(targets) + 1).sum()
    theirs = bayes.MultinomialNB(class_prior=priors).fit(counts, targets).predict_proba(counts)
    ours = NaiveBayes.fit(ids, starts, targets, V, K).probabilities(ids, starts)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    several = np.eye(K, dtype=bool)[targets]
    odds = NaiveBayes.fit(ids, starts, several, V, K).probabilities(ids, starts)
    for k in range(K):
        priors = (np.bincount(several[:, k], minlength=2) + 1) / (R + K + 2)
        one = bayes.MultinomialNB(class_prior=priors).fit(counts, several[:, k])
        np.testing.assert_allclose(odds[:, k], one.predict_proba(counts)[:, 1], atol=1e-9)
