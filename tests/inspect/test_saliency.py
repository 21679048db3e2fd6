import json

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect import Saliency
from unroll.inspect.saliency import saliency_of_run


def test_a_classification_shows_its_attributions(classifier):
    x = torch.as_tensor(classifier.preprocessor.encode("a good film"))[:, None]
    with unroll.backend("loop"):
        found = saliency_of_run(classifier, "a good film")
        p, weights = classifier.model.attributions(x, torch.tensor([3]))
    assert isinstance(found, Saliency) and found.steps == ["a", "good", "film"]
    assert found.weights == pytest.approx(weights[:, 0].tolist())
    assert list(found.probabilities.values()) == pytest.approx(sorted(p[0].tolist(), reverse=True))
    assert sum(found.pooled) == pytest.approx(1.0) and found.kind == "attention"
    assert "gradient x input" in found.text() and "<svg" in found._repr_html_()
    assert json.loads(json.dumps(found.as_dict()))["steps"][1]["step"] == "good"


def test_a_text_without_words_is_refused(classifier):
    with pytest.raises(UserError, match="text with words"):
        saliency_of_run(classifier, " ")
