"""A temperature makes probabilities as sure as they are right."""

import numpy as np
import pytest

from unroll.models.classification_metrics import judged
from unroll.tasks.classify.calibration import fit_temperature, tempered


def drawn(several, count=4000, classes=4):
    """Probabilities, and targets drawn from the same ones at temperature 0.5."""
    draw = np.random.default_rng(0)
    z = draw.normal(size=(count, classes))
    p = 1 / (1 + np.exp(-z)) if several else np.exp(z) / np.exp(z).sum(1, keepdims=True)
    true = tempered(p, 0.5, several)
    if several:
        return p, draw.random(p.shape) < true
    return p, (draw.random((count, 1)) > true.cumsum(1)).sum(1).clip(max=classes - 1)


@pytest.mark.parametrize("several", [False, True])
def test_the_temperature_is_found_and_no_decision_changes(several):
    p, targets = drawn(several)
    temperature = fit_temperature(p, targets)
    assert temperature == pytest.approx(0.5, abs=0.05)
    before, after = judged(p, targets), judged(tempered(p, temperature, several), targets)
    assert after["accuracy"] == before["accuracy"]
    assert after["calibration_error"] < before["calibration_error"] / 4
    back = tempered(tempered(p, temperature, several), 1 / temperature, several)
    np.testing.assert_allclose(back, p, atol=1e-4)


def test_nothing_to_fit_is_one():
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int)) == 1
