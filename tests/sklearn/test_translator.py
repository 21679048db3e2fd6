import pytest

from unroll.errors import UserError
from unroll.sklearn import Translator


def test_texts_into_texts():
    sources, targets = [f"a {k}" for k in range(20)], [f"x {k}" for k in range(20)]
    model = Translator(hidden=8, steps=3, random_state=0).fit(sources, targets)
    assert len(model.predict(sources[:2])) == 2
    assert 0 <= model.score(sources, targets) <= 100
    with pytest.raises(UserError, match="20 texts with 1 translations"):
        model.fit(sources, targets[:1])
