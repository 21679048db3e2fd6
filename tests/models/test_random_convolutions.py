"""Random convolutions equal numpy's own; padding changes nothing; the classifier loads again."""

from dataclasses import replace

import numpy as np
import pytest

from unroll.models.random_convolutions import (
    LENGTH,
    TRIPLES,
    ConvolutionClassifier,
    RandomConvolutions,
    convolve,
)


@pytest.fixture
def sequences():
    """Sequences of two columns and 12 to 40 steps: slow waves and fast waves."""
    draw = np.random.default_rng(0)
    lengths = draw.integers(12, 41, size=40)
    targets = np.arange(40) % 2
    parts = []
    for length, fast in zip(lengths, targets, strict=True):
        wave = np.sin(np.arange(length) * (1.0 if fast else 0.3) + draw.uniform(0, 6))
        parts.append(np.stack([wave, draw.normal(size=length)], 1))
    return np.concatenate(parts).astype(np.float32), lengths, targets


@pytest.mark.parametrize("dilation", [1, 3])
def test_kernels_equal_numpy(dilation):
    x = np.random.default_rng(0).normal(size=(2, 30, 2)).astype(np.float32)
    channels = np.zeros((84, 2), dtype=bool)
    channels[:, 0], channels[5] = True, True
    found = convolve(x, dilation, channels)
    for m in (0, 5, 83):
        kernel = np.full(LENGTH, -1.0)
        kernel[TRIPLES[m]] = 2
        wide = np.zeros((LENGTH - 1) * dilation + 1)
        wide[::dilation] = kernel
        for row in range(2):
            expected = sum(
                np.correlate(np.pad(x[row, :, f], len(wide) // 2), wide, "valid")
                for f in np.flatnonzero(channels[m])
            )
            np.testing.assert_allclose(found[m, row], expected, atol=1e-4)


def test_features_are_the_same_alone_and_beside_longer_sequences(sequences):
    items, lengths, _ = sequences
    convolutions = RandomConvolutions.fit(items, lengths, seed=1, features=300)
    together = convolutions.transform(items, lengths)
    assert together.shape == (40, convolutions.size)
    starts = np.cumsum([0, *lengths])
    for row in (0, 7):
        alone = convolutions.transform(items[starts[row] : starts[row + 1]], lengths[[row]])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)
    again = RandomConvolutions.fit(items, lengths, seed=1, features=300)
    assert np.array_equal(again.biases, convolutions.biases)


def test_one_step_is_enough():
    items, lengths = np.ones((3, 1), np.float32), np.array([1, 1, 1])
    found = RandomConvolutions.fit(items, lengths, features=100).transform(items, lengths)
    assert np.isfinite(found).all()


def test_the_classifier_tells_slow_from_fast_and_loads_again(sequences):
    items, lengths, targets = sequences
    half = int(lengths[:20].sum())
    fitted = ConvolutionClassifier.fit(
        items[:half], lengths[:20], targets[:20], 2, seed=2, features=500
    )
    scores = fitted.scores(items[half:], lengths[20:])
    assert (scores.argmax(1) == targets[20:]).mean() >= 0.95
    again = ConvolutionClassifier.from_arrays(fitted.arrays(), columns=2, classes=2)
    assert np.array_equal(again.scores(items[half:], lengths[20:]), scores)


def test_damaged_arrays_are_refused(sequences):
    items, lengths, targets = sequences
    arrays = ConvolutionClassifier.fit(items, lengths, targets, 2, features=100).arrays()
    for name, wrong in (
        ("dilations", arrays["dilations"] * 0),
        ("dilations", np.array(1)),
        ("biases", arrays["biases"] * np.float32(np.nan)),
        ("channels", arrays["channels"][:, :, :1]),
        ("weights", arrays["weights"][:-1]),
        ("deviation", arrays["deviation"] * 0),
    ):
        with pytest.raises(ValueError, match="expected"):
            ConvolutionClassifier.from_arrays({**arrays, name: wrong}, columns=2, classes=2)
    with pytest.raises(ValueError, match="expected"):
        ConvolutionClassifier.from_arrays({}, columns=2, classes=2)


def test_several_classes_and_many_sequences_are_sampled(sequences, monkeypatch):
    items, lengths, targets = sequences
    monkeypatch.setattr("unroll.models.random_convolutions.MOST_SEQUENCES", 20)
    several = np.stack([targets == 0, targets == 1, np.ones(40, dtype=bool)], 1)
    fitted = ConvolutionClassifier.fit(items, lengths, several, 3, features=200)
    assert (fitted.scores(items, lengths)[:, 2] > 0).all()
    assert replace(fitted).convolutions.size == fitted.ridge.weights.shape[0]
