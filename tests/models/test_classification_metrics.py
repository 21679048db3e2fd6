"""The metrics of classifiers equal scikit-learn's, and values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.errors import UserError
from unroll.models.classification_metrics import (
    accuracy_interval,
    class_metrics,
    classification_metrics,
    confusion_matrix,
    describe_interval,
    most_frequent_mistakes,
)


def test_one_label_by_hand():
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    metrics = classification_metrics(p, np.array([0, 1, 1, 0]))
    assert metrics["accuracy"] == 0.5
    assert confusion_matrix(p, np.array([0, 1, 1, 0])) == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    # F1: 2/4, 2/3, and 0 for the class that was only predicted
    assert metrics["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert metrics["micro_f1"] == 0.5
    assert metrics["loss"] == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.3]).mean())
    # in bins of 1/15: 0.7, 0.6, 0.8, 0.4 each alone; right, wrong, right, wrong
    assert metrics["calibration_error"] == pytest.approx((0.3 + 0.6 + 0.2 + 0.4) / 4)


def test_several_labels_by_hand():
    p = np.array([[0.9, 0.2], [0.6, 0.5], [0.1, 0.7]])
    targets = np.array([[1, 0], [0, 1], [0, 0]], dtype=bool)
    metrics = classification_metrics(p, targets)
    assert metrics["accuracy"] == pytest.approx(1 / 3)
    assert confusion_matrix(p, targets) == [[[1, 1], [0, 1]], [[1, 1], [0, 1]]]
    assert metrics["macro_f1"] == pytest.approx(2 / 3)
    assert metrics["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5, 0.9, 0.3]).sum() / 3)


cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 6))


@given(cases)
def test_one_label_is_as_scikit_learn_has_it(case):
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    seed, R, K = case
    draw = np.random.default_rng(seed)
    p = draw.dirichlet(np.ones(K), R)
    true, predicted = draw.integers(K, size=R), p.argmax(1)
    metrics = classification_metrics(p, true)
    assert metrics["accuracy"] == pytest.approx(sklearn.accuracy_score(true, predicted))
    assert metrics["macro_f1"] == pytest.approx(sklearn.f1_score(true, predicted, average="macro"))
    assert metrics["micro_f1"] == pytest.approx(sklearn.f1_score(true, predicted, average="micro"))
    assert metrics["loss"] == pytest.approx(sklearn.log_loss(true, p, labels=range(K)))
    matrix = sklearn.confusion_matrix(true, predicted, labels=range(K))
    assert confusion_matrix(p, true) == matrix.tolist()


@given(cases)
def test_several_labels_are_as_scikit_learn_has_them(case):
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    seed, R, K = case
    draw = np.random.default_rng(seed)
    p, true = draw.random((R, K)), draw.random((R, K)) < 0.5
    metrics, predicted = classification_metrics(p, true), p >= 0.5
    occurring = np.flatnonzero((predicted | true).any(0))
    assert metrics["accuracy"] == pytest.approx(sklearn.accuracy_score(true, predicted))
    options = {"zero_division": 0}
    micro = sklearn.f1_score(true, predicted, average="micro", **options)
    macro = sklearn.f1_score(true, predicted, average="macro", labels=occurring, **options)
    assert metrics["micro_f1"] == pytest.approx(micro)
    assert metrics["macro_f1"] == pytest.approx(macro if len(occurring) else 0.0)
    matrix = sklearn.multilabel_confusion_matrix(true, predicted)
    assert confusion_matrix(p, true) == matrix.tolist()


def test_no_records_are_no_trouble():
    p, targets = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    assert classification_metrics(p, targets)["accuracy"] == 0.0
    assert confusion_matrix(p, targets) == [[0, 0, 0]] * 3


def test_mistakes_are_named_the_most_frequent_first():
    names = ["a", "b", "c"]
    confusion = [[9, 1, 0], [3, 9, 0], [0, 0, 9]]
    assert most_frequent_mistakes(confusion, names) == "b as a (3 times), a as b (1 time)"
    assert most_frequent_mistakes([[9, 0], [0, 9]], names[:2]) == ""
    assert most_frequent_mistakes([[[9, 1], [1, 9]]], names[:1]) == ""


def test_probabilities_that_are_no_numbers_are_refused():
    with pytest.raises(UserError, match="probabilities that are not numbers"):
        classification_metrics(np.array([[np.nan, 0.5]]), np.array([0]))


@pytest.mark.parametrize(("right", "records"), [(0, 4), (5, 5), (7, 9), (81, 100), (1, 1000)])
def test_the_interval_of_an_accuracy_is_where_the_score_test_would_not_refuse(right, records):
    from scipy.stats import binomtest

    expected = binomtest(right, records).proportion_ci(method="wilson")
    assert accuracy_interval(right, records) == pytest.approx(
        (expected.low, expected.high), abs=1e-6
    )


def test_only_few_records_get_an_interval():
    assert describe_interval(0.8, 10, "clip") == [
        "Right: 8 of 10 clips; 49-94% by a 95% interval, because they are few."
    ]
    assert describe_interval(0.8, 200, "clip") == describe_interval(0.0, 0, "clip") == []


def test_a_label_that_is_no_class_is_wrong():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    metrics = classification_metrics(p, np.array([0, 1, -1]), [(), (), ("odd",)])
    known = classification_metrics(p[:2], np.array([0, 1]))
    assert metrics["accuracy"] == metrics["micro_f1"] == pytest.approx(2 / 3)
    assert metrics["loss"] == known["loss"] and metrics["records"] == 3
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)  # as with a third class
    assert confusion_matrix(p, np.array([0, 1, -1])) == [[1, 0], [0, 1]]
    several = np.array([[True, False], [False, True], [True, False]])
    assert classification_metrics(p, several, [(), ("odd",), ()])["accuracy"] == pytest.approx(
        2 / 3
    )


@given(st.integers(0, 2**32 - 1))
def test_metrics_of_each_class_equal_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(seed)
    p, y = draw.dirichlet(np.ones(4), size=20), draw.integers(4, size=20)
    found = class_metrics(p, y, list("abcd"))
    theirs = metrics.precision_recall_fscore_support(
        y, p.argmax(1), labels=range(4), zero_division=0
    )
    for k, key in enumerate(("precision", "recall", "f1", "records")):
        np.testing.assert_allclose([each[key] for each in found], theirs[k])
