"""Naive Bayes equals scikit-learn's; the baselines come back from their file."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.tasks.classify.baseline import ClassifyBaselines, NaiveBayes
from unroll.training.files import write_folder


def test_baselines_come_back_from_their_file(tmp_path, write_reviews, begin):
    _, data, _ = begin(write_reviews(tmp_path / "train.csv", 60))
    fitted = ClassifyBaselines.fit(data.train, data.valid, data.preprocessor)
    write_folder(tmp_path / "run", fitted.files())
    again = ClassifyBaselines.load(tmp_path / "run", data.preprocessor)
    assert np.array_equal(again.train_hashes, np.unique(data.train.content_hashes))
    before, after = (each.probabilities(data.valid) for each in (fitted, again))
    for name in ("most frequent class", "naive Bayes"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-6)
    shares = np.bincount(data.train.targets) / len(data.train)
    assert before["most frequent class"][0].tolist() == shares.tolist()


cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 6))


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
    indicators = np.eye(K, dtype=bool)[targets]
    odds = NaiveBayes.fit(ids, starts, indicators, V, K).probabilities(ids, starts)
    for k in range(K):
        priors = (np.bincount(indicators[:, k], minlength=2) + 1) / (R + K + 2)
        one = bayes.MultinomialNB(class_prior=priors).fit(counts, indicators[:, k])
        np.testing.assert_allclose(odds[:, k], one.predict_proba(counts)[:, 1], atol=1e-9)
