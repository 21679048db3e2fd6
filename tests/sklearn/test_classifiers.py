import pickle
import warnings

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from unroll.errors import UserError
from unroll.sklearn import SequenceClassifier, TextClassifier

FEW = {"hidden": 8, "steps": 25, "learning_rate": 0.05, "random_state": 0}

# checks that cannot hold, each with its reason
EXPECTED_FAILED = {}


@parametrize_with_checks(
    [SequenceClassifier(hidden=8, steps=25, learning_rate=0.05, batch_size=64)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILED,
)
def test_checks_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks give odd data on purpose
        check(estimator)


@pytest.fixture(scope="module")
def gestures():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 9, 2))
    return x, np.where(x[:, :, 0].mean(1) > 0, "up", "down")


def test_sequences_of_every_form_are_the_same(gestures):
    x, y = gestures
    model = SequenceClassifier(**FEW).fit(x, y)
    assert model.classes_.tolist() == ["down", "up"] and not hasattr(model, "n_features_in_")
    p = model.predict_proba(x)
    assert p.shape == (60, 2) and np.allclose(p.sum(1), 1)
    assert model.predict(x).tolist() == model.classes_[p.argmax(1)].tolist()
    assert model.score(x, y) > 0.7
    again = SequenceClassifier(**FEW).fit(x.tolist(), pandas.Series(y))
    assert np.array_equal(again.predict_proba(list(x)), p)
    ragged = SequenceClassifier(**FEW).fit([rows[: 5 + k % 4] for k, rows in enumerate(x)], y)
    assert ragged.predict(x[:1]).shape == (1,)


def test_rows_of_a_frame_are_sequences_of_one_number(gestures):
    x, y = gestures
    frame = pandas.DataFrame(x[:, :, 0]).rename(columns=str)
    model = SequenceClassifier(**FEW).fit(frame, y)
    assert model.n_features_in_ == 9 and len(model.feature_names_in_) == 9
    assert np.array_equal(model.predict(frame), model.predict(frame))


def test_labels_come_back_as_they_were(gestures):
    x, y = gestures
    model = SequenceClassifier(**FEW).fit(x, (y == "up") * 10 + 1)
    assert set(model.predict(x)) <= {1, 11} and model.classes_.dtype.kind == "i"


def test_it_is_pickled_as_the_files_of_its_run(gestures):
    x, y = gestures
    model = SequenceClassifier(**FEW).fit(x, y)
    content = pickle.dumps(model)
    assert b"torch" not in content.replace(b'"torch":', b"") or b"torch._utils" not in content
    loaded = pickle.loads(content)
    assert np.array_equal(loaded.predict_proba(x), model.predict_proba(x))
    assert loaded.run_.path != model.run_.path
    assert "_run" not in clone(loaded).__dict__


def test_a_search_over_two_processes(gestures):
    x, y = gestures
    search = GridSearchCV(SequenceClassifier(**FEW), {"hidden": [4]}, cv=2, n_jobs=2)
    assert search.fit(x, y).best_params_ == {"hidden": 4}
    assert search.predict(x).shape == (60,)


def test_texts():
    texts = pandas.Series([f"{'good' if k % 2 else 'bad'} food {k}" for k in range(40)])
    labels = np.arange(40) % 2
    model = TextClassifier(**FEW).fit(texts, labels)
    assert model.predict(texts).tolist() == model.predict(texts.tolist()).tolist()
    assert model.predict_proba(texts.to_frame()).shape == (40, 2)
    assert cross_val_score(model, texts, labels, cv=2).mean() > 0.8
    with pytest.raises(UserError, match="predict got 5 at place 1"):
        model.predict(["a", 5])
    with pytest.raises(UserError, match="expected a list of texts"):
        model.predict("good")


def test_what_cannot_be_used_is_told():
    with pytest.raises(UserError, match="y holds one class"):
        TextClassifier().fit(["a", "b"], [1, 1])
    with pytest.raises(UserError, match="2 inputs with 1 labels"):
        TextClassifier().fit(["a", "b"], [1])


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([None, "a", "b", "a"], "y has None at place 0; expected a label for each input"),
        (np.array([1.0, 0.0, np.nan, 1.0]), "y has nan at place 2"),
        (
            np.eye(2)[[0, 1, 0, 1]],
            r"y has array\(\[1., 0.\]\) at place 0; expected one label for each input",
        ),
        ([["a"], ["b"], ["a"], ["b"]], r"y has \['a'\] at place 0"),
        ([["a"], ["b", "c"], ["a"], ["b"]], r"y has \['a'\] at place 0"),
    ],
)
def test_missing_and_several_labels_are_refused(labels, sentence):
    with pytest.raises(UserError, match=sentence):
        TextClassifier().fit(["a", "b", "c", "d"], labels)
    with pytest.raises(UserError, match=sentence):
        SequenceClassifier().fit(np.zeros((4, 3, 2)), labels)
