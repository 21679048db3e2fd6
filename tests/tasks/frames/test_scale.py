"""Numbers of a tracker beside their changes."""

import json

import numpy as np

from unroll.tasks.frames.scale import NumberScale


def test_usual_numbers_are_about_one_and_jumps_stay_finite():
    draw = np.random.default_rng(0)
    walks = [draw.normal(5, 2, (1, 3)) + draw.normal(0, 0.01, (20, 3)) for _ in range(200)]
    scale = NumberScale.learn(walks)
    found = np.concatenate([scale(walk) for walk in walks])
    assert found.dtype == np.float32 and found.shape[1] == 6
    assert (0.4 < np.abs(found).mean(0)).all() and (np.abs(found).mean(0) < 1.5).all()
    far = scale(np.array([[5.0, 5.0, 5.0], [1e6, 5.0, 5.0]]))
    assert np.isfinite(far).all() and 10 < far.max() < 30


def test_values_are_those_of_the_equation():
    scale = NumberScale([1.0, 0.0], [2.0, 0.5])
    found = scale(np.array([[1.0], [3.0]]))
    expected = [[0, 0], [np.arcsinh(1), np.arcsinh(4)]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    again = NumberScale(**json.loads(json.dumps(vars(scale))))
    np.testing.assert_array_equal(again(np.array([[4.0]])), scale(np.array([[4.0]])))


def test_numbers_that_hardly_or_never_change():
    still = np.zeros((10, 2))
    still[3, 0] = 1
    scale = NumberScale.learn([still])
    assert scale.unit[1] == scale.unit[3] == 1 and 0 < scale.unit[0] < 1
    assert np.isfinite(scale(still)).all()
