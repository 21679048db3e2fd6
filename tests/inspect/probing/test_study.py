import json
import math

import pytest
import torch
from sklearn.metrics import roc_auc_score

from unroll.errors import UserError
from unroll.inspect import states_of_run
from unroll.inspect.probing.read_texts import ReadTexts
from unroll.inspect.probing.rules import Probe, parse_probe
from unroll.inspect.probing.study import as_facts, measure_probe

FILE_PROBE = "name=@names.conll:2:person"


def texts_with_a_unit(number=False):
    """60 texts of 12 tokens; unit 3 of six tells the label, with some noise; the rest is noise."""
    torch.manual_seed(1)
    labels = (torch.rand(60, 12) < 0.4).double()
    labels = labels.cumsum(1) if number else labels
    units = torch.randn(60, 12, 6)
    units[:, :, 3] = -labels + 0.5 * torch.randn(60, 12)
    tokens = [[f"w{t}" for t in range(12)] for _ in range(60)]
    parts = {"layer 1 h": 2, "layer 1 c": 4}
    read = ReadTexts(tokens, units.flatten(0, 1), parts, True)
    fresh = ReadTexts(tokens, torch.randn(720, 6), parts, True)
    return labels.flatten(), read, fresh


def test_the_best_unit_beside_chance_and_an_untrained_network():
    labels, read, fresh = texts_with_a_unit()
    found, scores = measure_probe(Probe("it", "x", None), labels.tolist(), read, fresh, "texts")
    h, c, every = found.parts
    assert (c.unit, c.sign, every.number) == ("layer 1 c[1]", -1, 3)
    expected = roc_auc_score(labels, -read.activations[:, 3])
    assert c.best.value == every.best.value == pytest.approx(expected)
    assert c.best.low < expected < c.best.high
    assert abs(c.readout.value - expected) < 0.02  # the other units are noise
    assert max(c.untrained[0].value, c.untrained[1].value, *c.chance, h.best.value) < 0.6
    assert float(scores[3]) < -0.6 and found.mean == pytest.approx(float(labels.mean()))
    json.dumps(as_facts(found), allow_nan=False)


def test_a_number_has_correlation_and_r_squared():
    labels, read, fresh = texts_with_a_unit(number=True)
    found, _ = measure_probe(Probe("it", "x", None), labels.tolist(), read, fresh, "texts")
    assert found.is_number and found.measures == ("correlation", "R squared")
    best = found.parts[-1]
    assert best.best.value > 0.9 and 0.8 < best.readout.value < 1
    assert best.untrained[1].value < 0.1  # of a label that depends on the place in the text


def test_a_label_that_depends_on_the_place_has_a_high_chance():
    """The place in the text tells it, and every text has the same places."""
    tokens = [[f"w{t}" for t in range(12)] for _ in range(60)]
    place = torch.arange(12.0).repeat(60)
    read = ReadTexts(tokens, torch.stack([place, torch.randn(720)], 1), {"layer": 2}, True)
    labels = (place > 5).double().tolist()
    found, _ = measure_probe(Probe("it", "x", None), labels, read, read, "texts")
    assert found.best.best.value == 1.0 and found.best.chance[0] == pytest.approx(1.0)


def test_tokens_without_a_label_are_left_out():
    labels, read, fresh = texts_with_a_unit()
    some = labels.clone()
    some[::3] = math.nan
    found, _ = measure_probe(Probe("it", "x", None), some.tolist(), read, fresh, "texts")
    kept = ~some.isnan()
    expected = roc_auc_score(labels[kept], -read.activations[kept, 3])
    assert found.best.best.value == pytest.approx(expected) and found.steps == 480


def test_a_label_that_hardly_varies_is_refused():
    _, read, fresh = texts_with_a_unit()
    with pytest.raises(UserError, match="at least 8 of both kinds in each half"):
        measure_probe(Probe("it", "x", None), [1.0] * 720, read, fresh, "texts")


def test_states_with_probes_of_a_language_model(language):
    probes = [r"quoted=(?<=\").*?(?=\")", "closed=count([(])-count([)])", "inside brackets"]
    found = states_of_run(language, None, probes=probes)
    assert [r.probe.name for r in found.probed] == ["quoted", "closed", "inside brackets"]
    assert [row[0] for row in found.leading_units()][:3] == sorted(
        [r.probe.name for r in found.probed], key=lambda name: -abs(found.best_units(name, 1)[0][1])
    )
    text = found.text()
    assert "AUC" in text and "R squared" in text and "before training the best unit has" in text
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert len(facts["probes"]) == 3 and facts["probes"][0]["parts"][-1]["part"] == "all"
    assert next(iter(found.pictures())) == "probe quoted"
    for picture in list(found.pictures().values())[:3]:
        assert picture.draw().svg().startswith("<svg") and picture.csv().count("\n") > 5
    page = found.html()
    assert page.count("A linear read-out of") == 3


def test_states_with_probes_of_a_tagger_and_a_classifier(tagger, classifier, runs):
    data = runs["tag"].parent / "names.conll"
    found = states_of_run(tagger, probes=[f"name=@{data}:2:person", "ann=Ann"])
    name, ann = found.probed
    assert name.source == str(data) and name.mean == pytest.approx(0.5)
    assert {row.part for row in name.parts} > {"all"} and ann.best.best.value > 0.5
    found = states_of_run(classifier, probes=["good=good.*"])
    assert found.probed[0].best.readout.value > 0.9


def test_text_of_a_rule_is_shown_below_a_given_text(language):
    found = states_of_run(language, "(red) gold", probes=["inside=[(].*?[)]"])
    assert "  (red) gold" in found.text() and "  1111100000" in found.text()


def test_what_was_asked_for_must_exist(language):
    with pytest.raises(UserError, match="got no text"):
        states_of_run(language)
    assert parse_probe(FILE_PROBE).file is not None
    with pytest.raises(UserError, match="no such file"):
        states_of_run(language, probes=["name=@nowhere.tsv"])
