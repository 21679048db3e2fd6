"""Statistics of recordings of any length."""

import numpy as np
import pytest

from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.segment_statistics import (
    PLAIN,
    Variation,
    cepstrum,
    recording_statistics,
    segment_statistics,
    statistics_size,
    trim,
)


def test_the_cosine_transform_is_that_of_scipy():
    fft = pytest.importorskip("scipy.fft")
    x = np.random.default_rng(0).normal(size=(5, 40))
    assert cepstrum(x) == pytest.approx(fft.dct(x, type=2, norm="ortho")[:, :13], abs=1e-12)
    assert cepstrum(x[:, :4]).shape == (5, 4)


@pytest.mark.parametrize("T", [1, 2, 5, 8, 100])
def test_means_deviations_and_slopes_of_segments(T):
    draw = np.random.default_rng(T)
    x = 50 + draw.normal(size=(T, 2))
    slope = np.gradient(x, axis=0) if T > 1 else np.zeros_like(x)
    parts = segment_statistics(x, segments=4)[:-1].reshape(4, 3, 2)
    for k, part in enumerate(parts):
        first = min(k * T // 4, T - 1)
        own = slice(first, max(first + 1, -(-(k + 1) * T // 4)))
        expected = [x[own].mean(0), x[own].std(0), slope[own].mean(0)]
        assert part == pytest.approx(np.stack(expected), abs=1e-5)


@pytest.mark.parametrize("T", [1, 2, 7, 8, 100])
def test_means_of_segments(T):
    x = np.arange(float(T))[:, None] * [1.0, 2.0]
    found = segment_statistics(x)
    assert found.shape == (3 * 8 * 2 + 1,) and found[-1] == pytest.approx(np.log(T))
    if T == 100:
        means = found[:-1].reshape(8, 3, 2)[:, 0]
        assert means[0] == pytest.approx(x[:13].mean(0)) and means[7] == pytest.approx(
            x[87:].mean(0)
        )
        assert found[:-1].reshape(8, 3, 2)[:, 2] == pytest.approx(np.tile([1.0, 2.0], (8, 1)))


def test_quiet_ends_are_trimmed():
    x = np.arange(6.0)[:, None]
    assert trim(x, np.array([0, 0.1, 1, 0, 0.5, 0.2]), 0.5)[:, 0].tolist() == [2, 3, 4]
    assert len(trim(x, np.zeros(6), 0.5)) == 6


def test_a_louder_sound_with_silence_around_it_has_the_same_statistics(untrained):
    data, _, _ = untrained()
    raw = data.train.raw(0)
    (plain,) = recording_statistics(data.preprocessor, raw)
    assert plain.shape == (statistics_size(data.preprocessor, "all"),)
    (louder,) = recording_statistics(data.preprocessor, 2 * raw)
    assert louder == pytest.approx(plain, abs=1e-4)
    quiet = 1e-4 * np.random.default_rng(0).normal(size=800).astype(np.float32)
    (around,) = recording_statistics(data.preprocessor, np.concatenate([quiet, raw, quiet]))
    assert np.abs(around - plain).mean() < 0.3 * np.abs(plain).mean()
    (silence,) = recording_statistics(data.preprocessor, np.zeros(5, dtype=np.float32))
    assert np.isfinite(silence).all() and len(silence) == len(plain)
    varied = Variation.draw(np.random.default_rng(1))
    both = recording_statistics(data.preprocessor, raw, [PLAIN, varied])
    assert (both[0] == plain).all() and not np.allclose(both[1], plain)
    assert (data.train.statistics(0, [varied])[0] == both[1]).all()


def test_lines_and_strokes():
    lines = TranscribePreprocessor("image", "char", ["a"])
    ink = np.zeros((30, 32), dtype=np.float32)
    ink[10:20, 5:9] = 1
    found = recording_statistics(lines, ink)
    assert found == pytest.approx(recording_statistics(lines, ink[10:20]))
    blank = recording_statistics(lines, 0 * ink)
    assert (
        blank.shape == found.shape == (1, statistics_size(lines, "all"))
        and np.isfinite(blank).all()
    )
    assert recording_statistics(lines, ink, [Variation(seed=3)]).shape == found.shape
    strokes = TranscribePreprocessor("strokes", "char", ["a"], mean=[0, 0, 0], deviation=[1, 1, 1])
    raw = np.ones((9, 3), dtype=np.float32)
    assert recording_statistics(strokes, raw, [PLAIN] * 2).shape == (2, 3 * 8 * 5 + 1)
    assert statistics_size(strokes, "all") == 3 * 8 * 5 + 1
    assert statistics_size(strokes, "means") == 8 * 5 + 1
