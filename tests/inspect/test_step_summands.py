import pytest
import torch

import unroll
from unroll.cells.names import CELLS, cell_factory
from unroll.inspect.step_summands import START, step_summands

NEEDY = ("projected_lstm", "conv_lstm")  # these cannot be made of their sizes alone
T, B, SIZE = 5, 2, 8


def fresh(name):
    torch.manual_seed(1)
    return cell_factory(name)(SIZE, SIZE).double().eval()


def at_last(cell):
    """A gradient at the last output alone."""
    at_outputs = torch.zeros(T, B, cell.output_size, dtype=torch.float64)
    at_outputs[-1] = torch.randn(B, cell.output_size, dtype=torch.float64)
    return at_outputs


@pytest.mark.parametrize("name", [name for name in CELLS if name not in NEEDY])
def test_the_summands_add_up_to_the_gradient_of_autograd(name):
    cell = fresh(name)
    weights = {n: p for n, p in cell.named_parameters() if p.requires_grad}
    x, at_outputs = torch.randn(T, B, SIZE, dtype=torch.float64), at_last(cell)
    output, _ = unroll.unroll(cell, x, backend="loop")
    if not weights:
        assert all(not summand for _, summand in step_summands(cell, x, at_outputs))
        return
    exact = torch.autograd.grad(output, list(weights.values()), at_outputs, allow_unused=True)
    summands = list(step_summands(cell, x, at_outputs))
    assert [k for k, _ in summands if k != START] == [4, 3, 2, 1, 0]
    for parameter, gradient in zip(weights, exact, strict=True):
        total = sum(summand[parameter] for _, summand in summands)
        gradient = torch.zeros_like(total) if gradient is None else gradient
        torch.testing.assert_close(total, gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_summand_is_the_gradient_of_the_weights_of_its_step_alone(name):
    cell = fresh(name)
    x, at_outputs = torch.randn(T, B, SIZE, dtype=torch.float64), at_last(cell)
    copies = [fresh(name) for _ in range(T)]  # each step has weights of its own
    state = cell.initial_state(B, dtype=torch.float64)
    for copy, x_t in zip(copies, x, strict=True):
        output, state = copy.step(x_t, state)
    output.backward(at_outputs[-1])
    for k, summand in step_summands(cell, x, at_outputs):
        for parameter, weight in copies[k].named_parameters():
            torch.testing.assert_close(summand[parameter], weight.grad)


def test_a_scalar_by_hand():
    # h_k = w h_{k-1} + x, h_0 = 2, loss h_3: dE/dw = h_2 + w h_1 + w^2 h_0
    class Scalar(unroll.Cell):
        def __init__(self):
            super().__init__(1, 1)
            self.w = torch.nn.Parameter(torch.tensor(0.5))

        def forward(self, x, h):
            h = self.w * h + x
            return h, h

    one = torch.ones(1, 1)
    at_outputs = torch.tensor([0.0, 0.0, 1.0])[:, None, None]
    found = dict(step_summands(Scalar(), torch.ones(3, 1, 1), at_outputs, 2 * one))
    assert {k: float(s["w"]) for k, s in found.items()} == {2: 2.0, 1: 0.5 * 2.0, 0: 0.25 * 2.0}


def test_the_start_adds_a_summand_where_it_is_learned():
    class Started(unroll.Cell):
        def __init__(self):
            super().__init__(1, 1)
            self.h = torch.nn.Parameter(torch.tensor([3.0]))

        def initial_state(self, batch_size, dtype=None, device=None):
            return self.h.expand(batch_size, 1)

        def forward(self, x, h):
            return 0.5 * h, 0.5 * h

    at_outputs = torch.tensor([0.0, 1.0])[:, None, None]
    found = dict(step_summands(Started(), torch.ones(2, 1, 1), at_outputs))
    assert float(found[START]["h"]) == 0.25
