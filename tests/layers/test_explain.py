"""What is said of a layer: its backend, why, and the page of its plan, once."""

import json
from weakref import WeakKeyDictionary

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.cpu import build, kernels, preparation
from unroll.layers.explain import chosen_backends, explanations


class PlainCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.both = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.both(torch.cat([x, h], 1)))
        return h, h


class Branching(PlainCell):
    def forward(self, x, h):
        _, h = super().forward(x, h)
        if h.sum() > 0:
            h = 0.5 * h
        return h, h


@pytest.fixture
def no_compiler(monkeypatch):
    """Where nothing can be compiled; plans are made all the same."""
    monkeypatch.setattr(build, "_reasons", {})
    # what other tests have compiled; layers of one form share their cell
    monkeypatch.setattr(kernels, "_loaded", {})
    monkeypatch.setattr(preparation, "_prepared", WeakKeyDictionary())
    monkeypatch.setenv("UNROLL_CXX", "no-such-compiler")


def heads(text):
    """The lines that are not indented: one a part."""
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


def test_a_line_for_every_layer_and_direction(no_compiler):
    model = nn.Sequential(
        unroll.GRU(4, 5, 2, bidirectional=True),
        nn.Linear(10, 4),
        unroll.Recurrent(PlainCell, 4, 5),
    )
    lines = heads(unroll.explain(model))
    assert [line.split(":")[0] for line in lines] == [
        "GRU 0 layer 0",
        "GRU 0 layer 0 backward",
        "GRU 0 layer 1",
        "GRU 0 layer 1 backward",
        "Recurrent 2 layer 0",
    ]
    assert all("GRUCell runs on the torch backend: the cpu backend cannot" in l for l in lines[:4])
    assert "PlainCell runs on the loop backend: the cpu backend cannot" in lines[4]
    assert "no-such-compiler" in lines[4]


def test_one_page_for_layers_that_are_alike(no_compiler):
    text = unroll.explain(unroll.LSTM(4, 5, 3, bidirectional=True))
    assert text.count("once per call, from the parameters alone") == 1
    assert text.count("Its plan is the same as that of LSTM layer 0.\n") == 1
    # the layers above read both directions
    assert text.count("Its plan is the same as that of LSTM layer 0, with other widths.") == 4


@pytest.mark.parametrize("sizes", [(4, 20, 2), (3, 1000, 2)], ids=str)
def test_widths_of_other_lengths_are_other_widths(sizes, no_compiler):
    text = unroll.explain(unroll.GRU(*sizes))
    assert text.endswith("\n    Its plan is the same as that of GRU layer 0, with other widths.")


def test_another_cell_has_a_page_of_its_own(no_compiler):
    model = nn.Sequential(unroll.GRU(4, 5), unroll.RNN(5, 5))
    text = unroll.explain(model)
    assert "GRUCell: 1 stage forward" in text and "RNNCell: 1 stage forward" in text
    assert "Its plan is the same as that of" not in text


def test_the_page_is_there_whatever_runs(no_compiler):
    for text in (
        unroll.explain(unroll.LSTMCell(4, 5), backend="loop"),
        unroll.explain(unroll.Recurrent("lstm", 4, 5).double()),
        unroll.explain(unroll.LSTM(4, 5, device="meta")),
    ):
        assert "    LSTMCell: 1 stage forward, 2 backward; saves 6 numbers" in text
        assert max(len(line) for line in text.splitlines()[1:]) <= 100
    with unroll.backend("loop"):
        assert "loop backend: it was requested\n" in unroll.explain(unroll.LSTMCell(4, 5))


def test_a_refused_cell_names_the_line(no_compiler):
    text = unroll.explain(Branching(4, 5), backend="loop")
    line = Branching.forward.__code__.co_firstlineno + 2
    assert text == (
        "cell: Branching runs on the loop backend: it was requested\n    The cpu backend cannot run "
        "it: it decides by the value of a tensor, which is not known before it runs, at "
        f"test_explain.py:{line}."
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_dtypes_that_are_not_compiled(dtype, no_compiler):
    text = unroll.explain(unroll.GRU(4, 5).to(dtype))
    assert f"they compute in {dtype}" in text or f"not in {dtype}" in text
    assert "stage" not in text


def test_a_named_backend_that_cannot_run_is_refused():
    with pytest.raises(RuntimeError, match="The torch backend cannot run PlainCell"):
        unroll.explain(PlainCell(4, 5), backend="torch")


def test_something_recurrent_is_wanted():
    with pytest.raises(ValueError, match="Linear has no recurrent part"):
        unroll.explain(nn.Linear(3, 4))


def test_the_facts_are_json(no_compiler):
    (part,) = explanations(unroll.GRU(3, 4))
    facts = json.loads(json.dumps(part.as_dict()))
    assert (facts["layer"], facts["cell"], facts["backend"]) == ("GRU layer 0", "GRUCell", "torch")
    assert (facts["stages_forward"], facts["stages_backward"], facts["saved"]) == (1, 2, 20)
    assert "no-such-compiler" in facts["why"] and facts["refusal"] is None
    (part,) = explanations(Branching(3, 4))
    assert "test_explain.py" in part.as_dict()["refusal"] and "saved" not in part.as_dict()


def test_the_backends_alone(no_compiler):
    model = nn.Sequential(unroll.GRU(4, 5, 2), unroll.Recurrent(PlainCell, 5, 5))
    assert chosen_backends(model) == ["torch", "torch", "loop"]


@pytest.mark.skipif(build.unavailable() is not None, reason="nothing can be compiled here")
def test_sequences_of_different_lengths_are_another_question():
    layer = unroll.LSTM(
        200, 200
    )  # for which torch's kernel is the faster one where none ends early
    assert chosen_backends(layer) == ["torch"]
    assert chosen_backends(layer, ragged=True) == ["cpu"]


@pytest.mark.skipif(build.unavailable() is not None, reason="nothing can be compiled here")
def test_where_it_compiles_the_cpu_backend_runs_it():
    text = unroll.explain(unroll.Recurrent(PlainCell, 3, 4))
    assert text.startswith(
        "Recurrent layer 0: PlainCell runs on the cpu backend: it is the fastest"
    )
    assert "PlainCell: 1 stage forward, 2 backward" in text


def test_gradients_that_nothing_wants_are_named():
    page = unroll.explain(unroll.Recurrent("echo_state", 3, 8))
    assert "No gradient is computed for weight_ih, weight_hh, bias: nothing needs it." in page
    assert "no gradient" not in unroll.explain(unroll.Recurrent("gru", 3, 8))
