"""A temperature makes probabilities right as often as they say."""

import numpy as np
import pytest

from unroll.models.classification_metrics import classification_metrics
from unroll.tasks.classify.calibration import apply_temperature, fit_temperature


def drawn(multi_label, count=4000, classes=4):
    """Probabilities, and targets drawn from the same ones at temperature 0.5."""
    draw = np.random.default_rng(0)
    z = draw.normal(size=(count, classes))
    p = 1 / (1 + np.exp(-z)) if multi_label else np.exp(z) / np.exp(z).sum(1, keepdims=True)
    true = apply_temperature(p, 0.5, multi_label)
    if multi_label:
        return p, draw.random(p.shape) < true
    return p, (draw.random((count, 1)) > true.cumsum(1)).sum(1).clip(max=classes - 1)


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_temperature_is_found_and_no_decision_changes(multi_label):
    p, targets = drawn(multi_label)
    temperature = fit_temperature(p, targets)
    assert temperature == pytest.approx(0.5, abs=0.05)
    before, after = (
        classification_metrics(p, targets),
        classification_metrics(apply_temperature(p, temperature, multi_label), targets),
    )
    assert after["accuracy"] == before["accuracy"]
    assert after["calibration_error"] < before["calibration_error"] / 4
    back = apply_temperature(
        apply_temperature(p, temperature, multi_label), 1 / temperature, multi_label
    )
    np.testing.assert_allclose(back, p, atol=1e-4)


def test_nothing_to_fit_is_one():
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int)) == 1
