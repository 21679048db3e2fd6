import pickle

import pytest

from unroll.errors import UserError
from unroll.sklearn import SequenceTagger

X = [["Anna", "sings"], ["Paul", "runs", "fast"]] * 15
Y = [["B-PER", "O"], ["B-PER", "O", "O"]] * 15


def test_tags_of_words():
    model = SequenceTagger(hidden=8, steps=30, learning_rate=0.05, random_state=0).fit(X, Y)
    assert model.classes_.tolist() == ["B-PER", "O"]
    assert [len(tags) for tags in model.predict(X[:2])] == [2, 3]
    assert model.score(X, Y) > 0.5
    assert pickle.loads(pickle.dumps(model)).predict(X[:2]) == model.predict(X[:2])
    with pytest.raises(UserError, match="X has 'Anna sings' at place 0"):
        model.predict(["Anna sings"])
    with pytest.raises(UserError, match="one tag for each word"):
        model.score(X[:1], [["O"]])
    with pytest.raises(UserError, match="30 sentences with 1 lists"):
        model.fit(X, Y[:1])
