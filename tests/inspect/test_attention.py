import json

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect import Alignment, Saliency, attention_of_run


def test_a_translation_shows_its_attention(translator):
    found = attention_of_run(translator, "a1 b2 c")
    with unroll.backend("loop"):
        (answer,) = translator.predict_iterator(["a1 b2 c"])
    assert isinstance(found, Alignment) and found.source == ["a1", "b2", "c", "<eos>"]
    assert found.weights.tolist() == answer["attention"]
    assert found.weights.sum(1).tolist() == pytest.approx([1.0] * len(found.target), abs=1e-3)
    rows = found.csv().splitlines()
    assert rows[0] == ",a1,b2,c,<eos>" and len(rows) == 1 + len(found.target)
    assert "|" in found.text() and json.dumps(found.facts(), allow_nan=False)
    assert found.svg().startswith("<svg") and found.png()[:4] == b"\x89PNG"


def test_a_classification_shows_what_it_rests_on(classifier):
    found = attention_of_run(classifier, "a good film")
    assert isinstance(found, Saliency) and found.steps == ["a", "good", "film"]
    x = torch.as_tensor(classifier.preprocessor.encode("a good film"))[:, None]
    with unroll.backend("loop"):
        p, weights = classifier.model.attributions(x, torch.tensor([3]))
    assert found.weights == pytest.approx(weights[:, 0].tolist())
    assert list(found.probabilities.values()) == pytest.approx(sorted(p[0].tolist(), reverse=True))
    assert sum(found.pooled) == pytest.approx(1.0) and found.kind == "attention"
    assert "gradient x input" in found.text() and "<svg" in found._repr_html_()
    assert json.loads(json.dumps(found.facts()))["steps"][1]["step"] == "good"


def test_what_has_nothing_to_look_with_is_told(language, translator, classifier):
    with pytest.raises(UserError, match="has no attention to look at"):
        attention_of_run(language, "a rose")
    with pytest.raises(UserError, match="empty"):
        attention_of_run(translator, " ")
    with pytest.raises(UserError, match="text with words"):
        attention_of_run(classifier, " ")
