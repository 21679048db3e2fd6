import csv
import io
import json

import pytest
import torch

from unroll.inspect import gradients_of_word
from unroll.inspect.chosen_loss import loss_of_text


def test_the_norms_are_those_of_autograd_at_every_word(language):
    found = gradients_of_word(language, "a rose grew", at="rose")
    assert found.of == "'rose' after step 5" and len(found.words) == 6 and found.at == 5
    chosen = loss_of_text(language, "a rose grew", "rose")
    for layer, call in zip(found.layers, chosen.calls, strict=True):
        assert list(layer.norms) == ["h", "c"]
        kept = call.records[0]
        chosen.loss.backward(retain_graph=True)
        for field, norms in layer.norms.items():
            for t, norm in enumerate(norms):
                assert norm == pytest.approx(float(kept.gradients[field][t].norm()), rel=1e-9)
        break
    assert found.words[2:] == list("rose")[:4] or found.words[-1] == "s"


def test_a_tagger_is_followed_in_both_directions(tagger):
    found = gradients_of_word(tagger, "Ann sees Bob .", at="sees")
    forward, backward = found.layers
    assert not forward.reversed and backward.reversed
    assert len(forward.back_from(1)["h"]) == 2 and len(backward.back_from(1)["h"]) == 3
    assert "at Ann, 1 step away" in found.verdict(forward)
    assert "at ., 2 steps away" in found.verdict(backward)


def test_a_classifier_reads_every_word(classifier):
    found = gradients_of_word(classifier, "good film number 3", at="neg")
    assert found.everywhere and found.of == "the label neg"
    assert "the loss reads every step" in found.verdicts()[1]


def test_every_form_of_it(language):
    found = gradients_of_word(language, 'a "rose"')
    assert "The loss is that of '\"' after step 7." in found.text()
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["at"] == 8 and len(facts["words"]) == 8 and len(facts["layers"]) == 2
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert float(rows[-1]["dL/dc"]) == found.layers[0].norms["c"][-1]
    assert "rose" not in found.svg() and "newline" in found.svg() and "<table" in found.html()
    assert torch.is_grad_enabled()
