import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from unroll.errors import UserError
from unroll.sklearn import TextClassifier

TEXTS, LABELS = ["good food", "bad food"] * 10, ["a", "b"] * 10


def test_parameters_are_those_of_scikit_learn():
    model = TextClassifier(hidden=8, settings={"pooling": "last"})
    assert model.get_params()["settings"] == {"pooling": "last"}
    assert model.set_params(level="char").level == "char"


def test_a_folder_is_kept_where_it_is_named(tmp_path):
    model = TextClassifier(
        hidden=8, steps=2, random_state=np.random.RandomState(0), out=tmp_path / "run",
        settings={"pooling": "last"},
    ).fit(TEXTS, LABELS)  # fmt: skip
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert model.run_.settings.pooling == "last"


def test_before_fit(capsys):
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = TextClassifier().run_
    with pytest.raises(UserError, match="random_state got 'x'"):
        TextClassifier(random_state="x").fit(TEXTS, LABELS)
    TextClassifier(hidden=8, steps=2).fit(TEXTS, LABELS)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
