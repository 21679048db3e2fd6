"""Closed texts: the network beside the simple model."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.tasks.transcribe.test_floor import model
from unroll.tasks.transcribe.combination import (
    NEVER,
    ClosedTexts,
    CombinationWeights,
    fit_weights,
    token_times,
)
from unroll.tasks.transcribe.ctc import greedy, path_sums
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor

PREPROCESSOR = TranscribePreprocessor("image", "char", list("enosy"))


def closed():
    return ClosedTexts(model(), PREPROCESSOR)


def spelled(text, sure=0.9):
    """log p [S, V] of a network that is so sure of a text, a step for each letter."""
    p = torch.full((len(text), 6), (1 - sure) / 5)
    for step, letter in enumerate(text):
        p[step, PREPROCESSOR.number[letter]] = sure
    return p.log()


def test_scores_of_the_network():
    texts, log_p = closed(), spelled("yes")
    expected = path_sums(log_p.double().numpy(), [(3, 2), (4, 0)[:1] and (2, 3)])
    found = texts.network_scores(log_p)
    assert texts.number("yes") == 1 and texts.number("yes no") is None
    assert found[0] == pytest.approx(path_sums(log_p.double().numpy(), [(2, 3)])[0])
    assert len(expected) == 2 and found[1] == pytest.approx(
        path_sums(log_p.double().numpy(), [texts.labellings[1]])[0]
    )
    assert texts.network_scores(log_p[:1]).tolist() == [0, 0]  # too few steps for any text


def test_the_weights_decide():
    texts, log_p = closed(), spelled("yes")
    reading, floor = greedy(log_p[:, None])[0], np.array([1.0, -1.0])
    trusting = texts.choose(log_p, floor, reading, CombinationWeights(1.0, 0.1, NEVER))
    assert PREPROCESSOR.decode(trusting.tokens) == "yes" and trusting.times == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    simple = texts.choose(log_p, floor, reading, CombinationWeights(0.0, 2.0, NEVER))
    assert PREPROCESSOR.decode(simple.tokens) == "no"
    assert simple.log_probability == pytest.approx(-np.log1p(np.exp(-4)))


def test_a_reading_that_is_much_likelier_is_kept():
    texts, log_p = closed(), spelled("noyes", 0.99)
    reading, floor = greedy(log_p[:, None])[0], np.array([1.0, -1.0])
    excess = texts.excess(log_p, reading, texts.network_scores(log_p))
    assert excess > 5
    for margin, text in ((excess - 1, "noyes"), (excess + 1, "no")):
        found = texts.choose(log_p, floor, reading, CombinationWeights(0.5, 2.0, margin))
        assert PREPROCESSOR.decode(found.tokens) == text


def test_times_where_no_path_has_them():
    assert token_times(spelled("no"), (1, 2, 3)) == [(0, 0), (0, 0), (1, 1)]


def test_the_fit_is_that_of_logistic_regression():
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 2000)
    sign = np.where(np.arange(2) == y[:, None], 1.0, -1.0)
    network = 0.5 * sign * draw.normal(1, 2, (2000, 1))
    floor = 0.5 * sign * draw.normal(1, 1, (2000, 1))
    a, b = fit_weights(network, floor, y, 2.0)
    # for two texts the difference of the scores decides
    x = np.stack([network[:, 1] - network[:, 0], floor[:, 1] - floor[:, 0]], 1)
    expected = LogisticRegression(C=1e6, fit_intercept=False).fit(x, y).coef_[0]
    assert (a, b) == pytest.approx(tuple(expected), rel=0.02)


def test_without_recordings_the_simple_model_decides():
    assert fit_weights(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, dtype=int), 3.0) == (
        0.0,
        3.0,
    )
    noise = np.random.default_rng(0).normal(size=(200, 2))
    right = np.tile([1.0, -1.0], (200, 1))
    assert fit_weights(noise, right, np.zeros(200, dtype=int), 3.0)[0] < 0.5
