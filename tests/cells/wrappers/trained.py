"""A cell in training mode: the loop and compiled kernels are given the same noise, and agree."""

import torch

import unroll
from unroll.cells import fields
from unroll.cells.torch_cell import as_cell

T, B = 6, 3
LENGTHS = [6, 2, 0]
INNER = {"rnn": unroll.RNNCell, "lstm": unroll.LSTMCell, "gru": unroll.GRUCell}


def runs(cell, backend, seed=7, **settings):
    """Outputs, final state and all gradients of one call in training mode, as a list."""
    cell = as_cell(cell).double().train()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(T, B, cell.input_size, dtype=torch.float64, generator=generator)
    x.requires_grad_()
    torch.manual_seed(seed)
    output, last = unroll.unroll(cell, x, lengths=LENGTHS, backend=backend, **settings)
    smooth = [output, *(f for _, f in fields(last) if f.is_floating_point())]
    into = [x, *cell.parameters()]
    total = sum(t.cos().sum() for t in smooth)
    gradients = torch.autograd.grad(total, into, allow_unused=True, materialize_grads=True)
    return [*(f.detach() for _, f in fields((output, last))), *gradients]


def check_trained(make, noisy=True):
    """Compiled kernels = the loop, in training mode and with the same seed; and noise matters."""
    cell = make(3, 4)
    loop, compiled = runs(cell, "loop"), runs(cell, "cpu")
    torch.testing.assert_close(compiled, loop, rtol=1e-11, atol=1e-11)
    assert noisy != torch.equal(runs(cell, "loop", seed=8)[0], loop[0])


def check_layer(make, directions=2):
    """Two layers in two directions, with lengths, in training mode and with gradients."""
    layer = unroll.Recurrent(make, 4, 4, num_layers=2, bidirectional=directions == 2)
    output, state = layer(torch.randn(T, B, 4), lengths=LENGTHS)
    assert output.shape == (T, B, directions * layer.cells[0].output_size)
    assert all(field.shape[:2] == (2 * directions, B) for _, field in fields(state))
    output.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    assert not output[2:, 1].any() and not output[:, 2].any()
