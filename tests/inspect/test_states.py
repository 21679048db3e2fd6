import base64
import json

import numpy as np
import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import states as states_module
from unroll.inspect import states_of_run

TEXT = 'A "white rose" (red gold) grew.\nAll leaves went on.'


@pytest.fixture(scope="module")
def found(language):
    return states_of_run(language, TEXT)


def data_of(page, kind):
    start = page.index('id="data">') + len('id="data">')
    sections = json.loads(page[start : page.index("</script>", start)])["sections"]
    return next(one["data"] for one in sections if one["kind"] == kind)


def test_every_state_is_that_of_a_plain_loop(found, language):
    cells = [layer.cells[0] for layer in language.model.stack]
    states = [cell.initial_state(1) for cell in cells]
    ids = [*language.vocabulary.encode("\n"), *language.vocabulary.encode(TEXT)]
    for t, id in enumerate(ids):
        h = language.model.embedding(torch.tensor([id]))
        for k, cell in enumerate(cells):
            h, states[k] = cell.step(h, states[k])
        if t:
            expected = torch.cat([part for state in states for part in state], 1)[0]
            torch.testing.assert_close(found.values[t - 1], expected, atol=1e-6, rtol=1e-5)
    assert found.labels[:2] == ["layer 1 h[0]", "layer 1 h[1]"] and len(found.labels) == 32
    assert found.labels[-1] == "layer 2 c[7]" and "".join(found.tokens) == TEXT


def test_units_are_scored_on_the_runs_own_data(found):
    assert "text.txt" in found.conditions["scored_on"]
    assert set(found.scores) == {
        "inside quotes", "inside brackets", "position in the line", "start of a word",
    }  # fmt: skip
    for probe in found.scores:
        best = [abs(score) for _, score in found.best_units(probe)]
        assert best == sorted(best, reverse=True) and 0 < best[0] <= 1
    leading = [abs(score) for *_, score in found.leading_units()]
    assert leading == sorted(leading, reverse=True)


def test_text_json_and_pictures(found):
    text = found.text()
    assert "Units with the best scores" in text and "inside brackets" in text and text.isascii()
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    unit = facts["units"]["inside brackets"][0]
    place = found.labels.index(unit["unit"])
    assert unit["activation"] == pytest.approx(found.values[:, place].tolist(), rel=1e-3)
    pictures = found.pictures()
    assert list(pictures)[:2] == ["traces", "units"] and "map layer 2 c" in pictures
    for picture in pictures.values():
        assert picture.draw().svg().startswith("<svg") and picture.csv().count("\n") > 5
    assert "<svg" in found._repr_html_() and "inside quotes" in found._repr_html_()


def test_the_page_holds_every_unit(found, monkeypatch):
    data = data_of(found.html(), "states")
    small = np.frombuffer(base64.b64decode(data["values"]), dtype=np.int8).reshape(32, len(TEXT))
    values = small.T / 127 * np.array(data["scale"])
    np.testing.assert_allclose(values, found.values.numpy(), atol=max(data["scale"]) / 200)
    monkeypatch.setattr(states_module, "MAX_ACTIVATIONS", 10 * len(TEXT))
    data = data_of(found.html(), "states")
    assert len(data["labels"]) == 10
    best = {found.labels[found.best_units(probe, 1)[0][0]] for probe in found.scores}
    assert best <= set(data["labels"])  # the best ones stay


def test_a_classifier_of_texts_is_read_too(classifier):
    found = states_of_run(classifier, "a good film")
    assert found.tokens == ["a", "good", "film"] and found.recorded.guesses == []
    assert found.labels[0] == "layer 1 forward[0]" and found.labels[-1] == "layer 1 backward[7]"
    assert "largest variance" in found.text() and found.conditions["not_read"] is None
    long = states_of_run(classifier, "good film " * 300)
    assert long.conditions["not_read"] == 600 - classifier.preprocessor.longest


def test_a_translator_and_a_tagger_are_read_too(translator, tagger):
    found = states_of_run(translator, "a1 b2 c")
    assert found.tokens == ["a1", "b2", "c", "<eos>"]
    assert found.labels[0].startswith("encoder") and len(found.values) == len(found.tokens)
    found = states_of_run(tagger, "Ann sees Bob .")
    assert found.tokens == ["Ann", "sees", "Bob", "."]
    assert {label.split("[")[0].split(" ")[0] for label in found.labels} == {"layer"}  # no letters
    for run in (tagger, translator):
        with pytest.raises(UserError, match="text is empty"):
            states_of_run(run, "")
