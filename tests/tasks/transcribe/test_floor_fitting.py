"""The fit of the simple model, against scikit-learn's own estimators."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from unroll.tasks.transcribe.floor_fitting import (
    FittingRows,
    FloorSize,
    KernelChoice,
    all_statistics,
    choose_kernel,
    closed_texts,
    cross_entropy,
    fit_closed_text_model,
    fit_ridges,
    make_folds,
)

SMALL = FloorSize(copies=1, landmarks=40)


def rows(count=40, features=6):
    """Statistics of which the first six depend on the text."""
    draw = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = draw.normal(size=(count, features)) + 2 * np.eye(features)[y]
    return FittingRows(x, y, draw.permutation(count) % 4, 3)


def test_which_texts_are_closed():
    assert closed_texts(["a"] * 4 + ["b"] * 5) == ("a", "b")
    assert closed_texts(["a"] * 100) == () and closed_texts(["a", "b", "c"] * 3) == ()
    assert closed_texts(["a", "b"] * 50 + ["c"]) == ("a", "b")  # one of a hundred is open
    assert closed_texts([str(k % 301) for k in range(3010)]) == ()


def test_with_all_rows_as_landmarks_it_is_kernel_ridge_regression():
    own = rows()
    model = next(fit_ridges(own, ("a", "b", "c"), [KernelChoice(0.1, 0.5, 1.0)], 100, 0))
    z = (own.x - own.x.mean(0)) / own.x.std(0)
    targets = np.where(own.y[:, None] == np.arange(3), 1.0, -1.0)
    kernel = np.exp(-0.1 * ((z[:, None] - z) ** 2).sum(2))
    # an intercept that is not penalised: the same as a kernel that is centred
    centre = np.eye(len(z)) - 1 / len(z)
    ridge = KernelRidge(alpha=0.5, kernel="precomputed")
    ridge.fit(centre @ kernel @ centre, targets - targets.mean(0))
    expected = ridge.predict(centre @ kernel @ centre) + targets.mean(0)
    assert model.scores(own.x) == pytest.approx(expected, abs=1e-3)


def test_cross_validation_chooses_what_is_good_on_other_rows():
    own = rows(90, 8 * 3 * 3 + 1)  # the means of the first segment tell the text
    kernel = choose_kernel(own, 90, SMALL, 0)
    assert kernel.parts == "means" and kernel.gamma in (0.3 / 25, 1.0 / 25)
    assert 0.5 <= kernel.sharpness <= 30
    slopes = own.x.copy()
    slopes[:, [0, 1, 2, 6, 7, 8]] = own.x[:, [6, 7, 8, 0, 1, 2]]
    assert choose_kernel(FittingRows(slopes, own.y, own.folds, 3), 90, SMALL, 0).parts == "all"
    shuffled = FittingRows(own.x, np.random.default_rng(1).permutation(own.y), own.folds, 3)
    assert choose_kernel(shuffled, 90, SMALL, 0).sharpness < 0.5 * kernel.sharpness
    assert cross_entropy(np.zeros((4, 3)), np.zeros(4, dtype=int)) == pytest.approx(np.log(3))


def test_a_person_is_in_one_fold():
    draw = np.random.default_rng(0)
    people = ["a", "b", "c"] * 5
    folds = make_folds(people, draw)
    assert len(set(zip(people, folds.tolist(), strict=True))) == 3
    for unknown in (["a"] * 10, [""] * 10, ["a"] * 9 + [""]):
        folds = make_folds(unknown, draw)
        assert len(set(folds.tolist())) == 5


def test_the_fit_of_a_data_set(speech_data):
    data, _ = speech_data(count=40, most=1)
    share = []
    model = fit_closed_text_model([data.train], SMALL, 1, share.append)
    assert model.texts == ("high", "low", "top") and share[-1] == 1
    again = fit_closed_text_model([data.train], SMALL, 1)
    assert (again.coefficients == model.coefficients).all()
    both = fit_closed_text_model([data.train, data.valid], SMALL, 1, like=model)
    assert (both.gamma, both.penalty, both.sharpness) == (
        model.gamma,
        model.penalty,
        model.sharpness,
    )
    assert len(all_statistics([(data.train, 0)], 1, 1)) == 2
    table = [(data.train, row) for row in range(len(data.train))]
    assert len(all_statistics(table, 4, 1, seconds=0.0)) == len(data.train)  # no copy fits in
    few = fit_closed_text_model([data.train], FloorSize(rows=10, landmarks=40), 1)
    assert len(few.landmarks) == 10


def test_open_texts_have_no_model(speech_data):
    data, _ = speech_data()
    assert fit_closed_text_model([data.train], SMALL, 1) is None


def test_a_short_budget_takes_less():
    sizes = [FloorSize.within(seconds) for seconds in (1, 5, 30, None)]
    assert [size.landmarks for size in sizes] == [200, 200, 500, 1000]
    assert [size.chooses for size in sizes] == [False, False, True, True]
    assert [size.rows for size in sizes] == sorted(size.rows for size in sizes)
