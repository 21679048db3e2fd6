import json

import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import intervention_of_run

TEXT = "A rose (white) grew"


@torch.no_grad()
def test_predictions_are_those_of_a_loop_with_the_unit_set(language):
    found = intervention_of_run(language, TEXT, ["layer 2 c[3]=2.5"], "6")
    cells = [layer.cells[0] for layer in language.model.stack]
    states = [cell.initial_state(1) for cell in cells]
    ids = [*language.vocabulary.encode("\n"), *language.vocabulary.encode(TEXT)]
    for t, id in enumerate(ids):
        h = language.model.embedding(torch.tensor([id]))
        for k, cell in enumerate(cells):
            h, states[k] = cell.step(h, states[k])
        if t:
            expected = language.model.logits(h)[0].double().softmax(-1)
            torch.testing.assert_close(found.after[t - 1], expected, atol=1e-6, rtol=1e-5)
        if t == 6:
            assert found.units[0].before == pytest.approx(float(states[1].c[0, 3]), abs=1e-6)
            states[1].c[0, 3] = 2.5
    assert torch.equal(found.before[:6], found.after[:6])
    assert found.differences()[5] == 0 < found.differences()[6]
    untouched = intervention_of_run(language, TEXT, ["layer 2 c[3]=0"]).before
    torch.testing.assert_close(untouched, found.before)


def test_next_is_what_the_run_says(language):
    found = intervention_of_run(language, TEXT, ["layer 1 h[0]=0.1"], "rose")
    assert found.at == 6
    said = {row["token"]: row["probability"] for row in language.next(TEXT, 3)}
    for name, before, _ in found.next_tokens(3):
        if name in said:
            assert before == pytest.approx(said[name], rel=1e-4)


def test_text_json_pictures_and_page(language):
    found = intervention_of_run(language, TEXT, ["layer 1 c[0]=3", "layer 2 c[1]=-3"], "5")
    text = found.text()
    assert "After token 5 (s) layer 1 c[0] from" in text and "next token" in text
    assert text.splitlines()[-1].startswith("      ^")
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["units"][1]["set_to"] == -3 and len(facts["next"]) == 10
    assert list(found.pictures()) == ["next", "difference"]
    for picture in found.pictures().values():
        assert picture.draw().svg().startswith("<svg") and picture.csv().count("\n") > 5
    assert "from" in found.html() and "<svg" in found.html()


@pytest.mark.parametrize(
    ("changes", "at", "message"),
    [
        (["c[1]=2"], None, "layers 1 to 2"),
        (["layer 1 c[8]=1"], None, "units 0 to 7"),
        (["layer 1 q[0]=1"], None, "fields h|c"),
        (["layer 3 c[0]=1"], None, "expected a unit"),
        (["layer 1 c[0]=x"], None, "set-unit got"),
        (["layer 1 c[0]=1"], "99", "--at got"),
        (["layer 1 c[0]=1"], "gold", "--at got"),
    ],
)
def test_what_is_not_there(language, changes, at, message):
    with pytest.raises(UserError, match=message.replace("|", r"\|")):
        intervention_of_run(language, TEXT, changes, at)


def test_only_language_models(tagger, language):
    with pytest.raises(UserError, match="language models only"):
        intervention_of_run(tagger, TEXT, ["h[0]=1"])
    with pytest.raises(UserError, match="at least two"):
        intervention_of_run(language, "A", ["h[0]=1"])
