import json

import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect import Alignment
from unroll.inspect.alignment import alignment_of_run


def test_a_translation_shows_its_attention(translator):
    with unroll.backend("loop"):
        found = alignment_of_run(translator, "a1 b2 c")
        (prediction,) = translator.predict_iterator(["a1 b2 c"])
    assert isinstance(found, Alignment) and found.source == ["a1", "b2", "c", "<eos>"]
    assert found.weights.tolist() == prediction["attention"]
    assert found.weights.sum(1).tolist() == pytest.approx([1.0] * len(found.target), abs=1e-3)
    rows = found.csv().splitlines()
    assert rows[0] == ",a1,b2,c,<eos>" and len(rows) == 1 + len(found.target)
    assert "|" in found.text() and json.dumps(found.as_dict(), allow_nan=False)
    assert found.svg().startswith("<svg") and found.png()[:4] == b"\x89PNG"


def test_a_text_without_words_is_refused(translator):
    with pytest.raises(UserError, match="empty"):
        alignment_of_run(translator, " ")
