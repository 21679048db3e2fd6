"""Blocks of a stream with gradients found forward: those of the whole stream."""

import pytest
import torch

import unroll
from unroll.models.language import LanguageModel
from unroll.training.online import Online
from unroll.training.online_blocks import OnlineBlocks

I, H = 3, 4


@pytest.mark.parametrize(("layers", "tie"), [(1, False), (2, False), (1, True)])
def test_blocks_of_a_language_model_have_the_gradient_of_the_whole_stream(layers, tie):
    """As long as no weight changes: backpropagation through all blocks at once finds the same."""
    network = LanguageModel(9, 4, 4, layers, cell="gru", tie=tie).double()
    ids = torch.randint(9, (22, 2))
    x, y = ids[:-1], ids[1:]
    total, _ = network.loss(x, y)
    expected = torch.autograd.grad(total, list(network.parameters()))
    blocks = OnlineBlocks(network, Online(network.as_cell(), 2), network.output_loss)
    carried, value = None, 0.0
    for k in range(0, 21, 7):
        part, carried = blocks(x[k : k + 7], y[k : k + 7], carried)
        part.backward()
        value += part.detach()
    torch.testing.assert_close(value, total.detach())
    for p, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=1e-9, atol=1e-11)


def test_a_step_that_cannot_be_differentiated_is_refused_before_training():
    class Looks(unroll.Cell):
        def forward(self, x, h):
            h = torch.tanh(self.weight * h + (1.0 if float(h.sum()) > 0 else 2.0) + x.sum())
            return h, h

    cell = Looks(I, H)
    cell.weight = torch.nn.Parameter(torch.ones(H))
    network = torch.nn.Module()
    network.cell = cell
    online = Online(cell, 1)
    with pytest.raises(unroll.UserError, match="cannot be differentiated forward"):
        OnlineBlocks(network, online, lambda h, y: h.sum(), lambda x: torch.zeros(len(x), I))
