import csv
import io
import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from unroll.errors import UserError
from unroll.inspect import summands_of_cell, summands_of_run
from unroll.inspect.chosen_loss import loss_of_text


@pytest.fixture(scope="module")
def hello():
    return summands_of_cell("rnn", "hello", at=4)


def test_the_gradient_of_step_4_has_four_summands(hello):
    (layer,) = hello.layers
    assert hello.words == list("hell") and layer.steps == [0, 1, 2, 3]
    assert layer.difference < 1e-14 and layer.left_out[0] == 0
    assert layer.summands["weight_hh"][0] == 0  # the state before the first step is zero
    for name, norms in layer.summands.items():
        assert layer.sums[name] <= sum(norms) + 1e-12
    assert layer.totals == sorted(layer.totals)


def test_what_is_left_out_is_what_truncation_loses():
    (layer,) = summands_of_cell("lstm", "abcabca", hidden=4, seed=3).layers
    from unroll.cells import LSTMCell

    torch.manual_seed(3)
    cell = LSTMCell(3, 4).double()
    output = torch.nn.Linear(4, 3).double()
    x = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0, 1, 2], None]

    def gradient(first):
        state = cell.initial_state(1, dtype=torch.float64)
        for t, x_t in enumerate(x):
            if t == first:
                state = type(state)(*(s.detach() for s in state))
            y, state = cell.step(x_t, state)
        loss = cross_entropy(output(y), torch.tensor([0]))
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(cell.parameters()))])

    exact = gradient(0)
    for first in range(1, 6):
        lost = float((exact - gradient(first)).norm() / exact.norm())
        assert layer.left_out[first] == pytest.approx(lost, rel=1e-9)


@pytest.mark.parametrize("kind", ["language", "tagger", "classifier"])
def test_in_a_run_the_summands_add_up_to_the_gradient_of_every_layer(kind, request):
    run = request.getfixturevalue(kind)
    text = {"language": 'a rose "it"', "tagger": "Ann sees Bob ."}.get(kind, "good film number 3")
    found = summands_of_run(run, text)
    count = {"language": 2, "tagger": 2, "classifier": 2}[kind]  # layers, or directions
    assert len(found.layers) == count
    for layer in found.layers:
        assert layer.difference < 1e-12 and max(layer.totals) > 0
    assert run.model.training is False
    assert found.conditions["loss_of"] == loss_of_text(run, text).of


def test_a_backward_layer_is_read_from_the_end(tagger):
    forward, backward = summands_of_run(tagger, "Ann sees Bob .", at="sees").layers
    assert forward.steps == [0, 1, 2, 3] and backward.steps == [3, 2, 1, 0]
    assert forward.left_out[0] == backward.left_out[0] == 0


def test_every_form_of_it(hello):
    text = hello.text()
    assert "step  reads" in text and "exactly" in text and "cut here" in text
    assert all(len(line) < 90 for line in text.splitlines()[:9])
    facts = json.loads(json.dumps(hello.as_dict(), allow_nan=False))
    assert [step["reads"] for step in facts["layers"][0]["steps"]] == list("hell")
    rows = list(csv.DictReader(io.StringIO(hello.csv())))
    assert float(rows[3]["weight_hh"]) == hello.layers[0].summands["weight_hh"][3]
    assert "cut here" in hello.svg() and "<table" in hello.html() and "<svg" in hello._repr_html_()


def test_several_layers_share_one_table(language):
    found = summands_of_run(language, "a rose")
    assert found.table()[0][:2] == ["layer", "step"] and list(found.pictures()) == [
        "summands layer 1",
        "summands layer 2",
    ]
    assert "layer 2" in found.text()


def test_what_cannot_be_is_refused():
    for given, expected in (
        ({"at": 5}, "a step from 1 to 4"),
        ({"text": "a"}, "two letters or more"),
        ({"hidden": 100}, "--hidden got 100"),
        ({"name": "rnm"}, "similar names"),
    ):
        with pytest.raises(UserError, match=expected):
            summands_of_cell(**{"name": "rnn", "text": "hello", **given})
