"""The linear model of texts equals scikit-learn's support vectors and naive Bayes by hand."""

import numpy as np
import pytest

from unroll.models.text_features import CHARACTERS, FEWER_CHARACTERS
from unroll.tasks.classify.linear_text import COARSE, LinearTextModel, affordable

TEXTS = ["good film", "good songs", "a good story", "bad film", "bad songs", "a bad story"] * 3
Y = np.array([0, 0, 0, 1, 1, 1] * 3)


def test_support_vectors_equal_scikit_learn():
    svm = pytest.importorskip("sklearn.svm")
    (model,) = LinearTextModel.fit(TEXTS, Y, 2)
    starts, columns, values = model.features.transform(TEXTS)
    X = np.zeros((len(TEXTS), len(model.features.places)))
    X[np.repeat(np.arange(len(TEXTS)), np.diff(starts)), columns] = values
    theirs = svm.LinearSVC().fit(X, Y).decision_function(X)
    np.testing.assert_allclose(model.scores(TEXTS)[:, 0, 1], theirs, atol=0.03)
    # the other one: presence of features, scaled by how far they tell the classes apart
    X = (X > 0).astype(float)
    own = np.stack([1 + X[Y == k].sum(0) for k in (0, 1)])
    X *= np.abs(np.log(own[0] / own[0].sum()) - np.log(own[1] / own[1].sum())).clip(min=1e-3)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    theirs = svm.LinearSVC().fit(X, Y).decision_function(X)
    np.testing.assert_allclose(model.scores(TEXTS)[:, 1, 1], theirs, atol=0.03)


def test_one_machine_of_all_classes_equals_scikit_learn():
    svm = pytest.importorskip("sklearn.svm")
    y = np.array([0, 1, 3] * 6)  # class 2 does not occur
    (model,) = LinearTextModel.fit(TEXTS, y, 4, seed=5)
    starts, columns, values = model.features.transform(TEXTS)
    X = np.zeros((len(TEXTS), len(model.features.places)))
    X[np.repeat(np.arange(len(TEXTS)), np.diff(starts)), columns] = values
    machine = svm.LinearSVC(multi_class="crammer_singer", tol=COARSE, random_state=5).fit(X, y)
    scores = model.scores(TEXTS)[:, 0]
    np.testing.assert_allclose(scores[:, [0, 1, 3]], machine.decision_function(X), atol=0.01)
    assert (scores[:, 2] == -1).all()


def test_classes_that_hardly_repeat_have_a_machine_each():
    (model,) = LinearTextModel.fit(TEXTS[:4], np.array([0, 1, 2, 2]), 3)
    assert model.scores(TEXTS[:2])[:, 0].argmax(1).tolist() == [0, 1]


def test_naive_bayes_by_hand():
    (model,) = LinearTextModel.fit(["x", "y", "x"], np.array([0, 1, 0]), 2, smoothings=(1.0,))
    scores = model.scores(["x", "q"])[:, 2]
    # p(x | 0) = (2 + 1) / (2 + 2), p(x | 1) = (0 + 1) / (1 + 2)
    expected = np.log(3 / 4) - np.log(1 / 3)
    assert scores[0, 0] - scores[0, 1] == pytest.approx(expected, abs=2e-3)
    assert scores[1].tolist() == [0.0, 0.0]
    prior = model.scores(["q"])[0, 3]
    assert prior[0] - prior[1] == pytest.approx(np.log(3 / 2), abs=1e-5)


def test_several_classes_in_a_text():
    texts = ["x worda y", "x wordb y", "x worda wordb y", "x y"] * 10
    several = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]] * 10, dtype=bool)
    (model,) = LinearTextModel.fit(texts, several, 3)
    found = model.scores(["worda", "wordb"])
    assert (found[:, 0] > 0).tolist() == [[True, False, False], [False, True, False]]
    assert (found[:, 1] > 0).tolist() == [[True, False, False], [False, True, False]]
    assert found[0, 2, 0] > 0 > found[0, 2, 1]


def test_scores_do_not_depend_on_the_other_texts():
    (model,) = LinearTextModel.fit(TEXTS, Y, 2)
    many = model.scores([*TEXTS * 10, "", "bad"])
    np.testing.assert_allclose(many[-1], model.scores(["bad"])[0])


def test_it_loads_again_and_damage_is_refused():
    (model,) = LinearTextModel.fit(TEXTS, Y, 2)
    arrays = model.arrays()
    again = LinearTextModel.from_arrays(arrays, 2)
    np.testing.assert_array_equal(again.scores(TEXTS), model.scores(TEXTS))
    with pytest.raises(ValueError, match="expected weights"):
        LinearTextModel.from_arrays(arrays, 3)
    with pytest.raises(ValueError, match="below"):
        LinearTextModel.from_arrays({**arrays, "bias": arrays["bias"] * np.nan}, 2)


def test_what_a_budget_affords():
    assert affordable(1000, 2, 30.0, several=False) == (CHARACTERS, 1.0)
    assert affordable(100_000, 77, 0.5, several=False) == (FEWER_CHARACTERS, 1.0)
    lengths, share = affordable(100_000, 77, 0.5, several=True)
    assert lengths == FEWER_CHARACTERS
    assert 0 < share < 1
