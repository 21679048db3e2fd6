from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.wrappers.attentive import AttentiveCell, AttentiveState
from unroll.testing import check_cell

from .trained import INNER, check_layer, runs

inners = pytest.mark.parametrize("inner", INNER)
scores = pytest.mark.parametrize("score", ["additive", "dot"])

WEIGHTS = {
    "cell.weight_ih": [[1.0]],
    "cell.weight_hh": [[0.5]],
    "cell.bias_ih": [0.0],
    "cell.bias_hh": [0.0],
    "memory_weight": [[2.0]],
    "query_weight": [[-1.0]],
    "score_weight": [3.0],
    "context_weight": [[0.75]],
    "output_weight": [[-0.5]],
}


def cell_of(score, span):
    cell = AttentiveCell(unroll.RNNCell(1, 1), span, score=score).double()
    own = cell.state_dict()
    cell.load_state_dict({k: torch.tensor(v) for k, v in WEIGHTS.items() if k in own})
    return cell


@scores
def test_steps_give_the_numbers_of_the_equations(score):
    x = [0.5, -1.0, 2.0, 0.25]
    output, last = unroll.unroll(cell_of(score, 2), torch.tensor(x).double().reshape(4, 1, 1))
    y, before = [], 0.0
    for value in x:
        before = tanh(value + 0.5 * before)
        y.append(before)
    expected = []
    for t in range(4):
        memory = y[max(0, t - 2) : t]  # the last two, not this one
        a = [exp(3.0 * tanh(2.0 * m - y[t]) if score == "additive" else m * y[t]) for m in memory]
        context = sum(k * m for k, m in zip(a, memory, strict=True)) / sum(a) if memory else 0.0
        expected.append(tanh(0.75 * context - 0.5 * y[t]))
    torch.testing.assert_close(output.flatten(), torch.tensor(expected).double())
    torch.testing.assert_close(last.memory.flatten(), torch.tensor(y[2:]).double())
    assert last.filled.tolist() == [[True, True]]
    assert last.cell.item() == pytest.approx(y[-1])  # what attention makes is not fed back


def test_attention_is_over_the_outputs_that_there_were():
    record = unroll.Recording()
    cell = AttentiveCell(unroll.GRUCell(3, 4), 3)
    unroll.unroll(cell, torch.randn(5, 2, 3), record=record)
    attention = record.values["attention"]
    assert attention.shape == (5, 2, 3)
    assert not attention[0].any()
    assert (attention[1, :, 2] == 1).all() and not attention[1, :, :2].any()
    torch.testing.assert_close(attention[1:].sum(-1), torch.ones(4, 2))


def test_the_state_has_a_place_for_each_remembered_output():
    cell = AttentiveCell(unroll.ProjectedLSTMCell(3, 6, proj_size=2), 4)
    start = cell.initial_state(5, dtype=torch.float64)
    assert isinstance(start, AttentiveState)
    assert isinstance(start.cell, unroll.LSTMState)
    assert (start.memory.shape, start.memory.dtype) == ((5, 4, 2), torch.float64)
    assert (start.filled.shape, start.filled.dtype) == ((5, 4), torch.bool)


def test_wrong_options_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="span=0; expected at least 1"):
        AttentiveCell(nn.GRUCell(3, 4), 0)
    with pytest.raises(ValueError, match="score='cosine'; expected 'additive' or 'dot'"):
        AttentiveCell(nn.GRUCell(3, 4), score="cosine")


@inners
@scores
def test_promises_of_a_cell(inner, score):
    check_cell(lambda i, h: AttentiveCell(INNER[inner](i, h), 3, score=score))


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        ("additive", r"reshape mixes the sequences of a batch, at attentive\.py"),
        ("dot", r"it makes values of more than two axes in the loop; .*, at attentive\.py"),
    ],
)
def test_it_is_not_compiled(score, reason):
    with pytest.raises(RuntimeError, match=reason):
        runs(AttentiveCell(unroll.LSTMCell(3, 4), score=score), "cpu")


@inners
def test_in_a_layer(inner):
    check_layer(lambda i, h: AttentiveCell(INNER[inner](i, h), 2))


def test_a_span_of_one_is_refused_by_the_compiler_with_a_reason():
    layer = unroll.Recurrent(lambda i, h: AttentiveCell(unroll.LSTMCell(i, h), 1), 3, 4)
    assert "makes values of more than two axes in the loop" in unroll.explain(layer)
