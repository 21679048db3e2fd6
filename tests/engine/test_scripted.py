"""torch.jit.trace of a loop over time runs for any number of steps, or fails and says so."""

import io
import warnings

import pytest
import torch
from torch import nn

import unroll
from unroll.engine import Recording

I, H = 3, 4
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")


class Tagged(nn.Module):
    """A layer called with further tensors."""

    def __init__(self, layer, **further):
        super().__init__()
        self.layer = layer
        self.further = further

    def forward(self, x):
        return self.layer(x, **self.further)[0]


def traced(model, T=5, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for usual in ("Converting a tensor", "Using len", "torch.as_tensor"):
            warnings.filterwarnings("ignore", usual)
        return torch.jit.trace(model, torch.randn(T, 2, I), **options)


@pytest.mark.parametrize("cell", ["janet", "min_gru", "lru"])
def test_numbers_gradients_and_a_saved_file_for_other_shapes(cell):
    layer = unroll.Recurrent(cell, I, H, num_layers=2, bidirectional=True)
    trace = traced(layer)  # torch traces it twice and compares
    file = io.BytesIO()
    torch.jit.save(trace, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    x = torch.randn(9, 3, I)
    expected, _ = layer(x, backend="loop")
    for run in (trace, loaded):
        torch.testing.assert_close(run(x)[0], expected)
    torch.testing.assert_close(
        torch.autograd.grad(trace(x)[0].sum(), list(layer.parameters())),
        torch.autograd.grad(expected.sum(), list(layer.parameters())),
        rtol=1e-4,
        atol=1e-4,
    )


def test_tensors_of_a_cell_that_are_no_parameters_are_its_own():
    class Decayed(unroll.Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.weight = nn.Linear(input_size, hidden_size)
            self.decay = [torch.rand(hidden_size)]

        def forward(self, x, h):
            h = torch.tanh(self.weight(x) + self.decay[0] * h)
            return h, h

    layer = unroll.Recurrent(Decayed, I, H, num_layers=2)
    x = torch.randn(9, 3, I)
    expected, _ = layer(x, backend="loop")
    torch.testing.assert_close(traced(layer)(x)[0], expected)


@pytest.mark.parametrize("layer", [unroll.GRU, lambda *s: unroll.Recurrent("janet", *s)])
def test_what_keeps_its_steps_warns_and_fails_for_others(layer):
    model = Tagged(layer(I, H), resets=torch.zeros(5, 2, dtype=torch.bool))
    with pytest.warns(torch.jit.TracerWarning, match="runs for exactly 5 steps.* of resets"):
        trace = traced(model)
    x = torch.randn(5, 2, I)
    torch.testing.assert_close(trace(x), model(x))
    with pytest.raises(RuntimeError, match="Expected 5 elements"):
        trace(torch.randn(9, 2, I))


def test_recordings_and_noise_keep_their_steps():
    model = Tagged(unroll.Recurrent("janet", I, H), records=[Recording()])
    with pytest.warns(torch.jit.TracerWarning, match="of a recording"):
        traced(model, check_trace=False)
    zoned = unroll.Recurrent(lambda i, h: unroll.ZoneoutCell(unroll.GRUCell(i, h)), I, H)
    with pytest.warns(torch.jit.TracerWarning, match=r"call \.eval\(\) first"):
        traced(Tagged(zoned), check_trace=False)
    x = torch.randn(9, 2, I)
    zoned.eval()
    torch.testing.assert_close(traced(Tagged(zoned))(x), zoned(x)[0])


def test_an_example_without_a_step_is_refused():
    with pytest.raises(ValueError, match="no step"):
        traced(unroll.Recurrent("janet", I, H), T=0)


def test_a_bound_of_memory_does_not_go_with_a_trace():
    with unroll.bounded(segment_length=2), pytest.raises(RuntimeError, match=r"unroll\.bounded"):
        traced(unroll.Recurrent("janet", I, H))


def test_a_mistake_in_a_step_is_raised_as_it_is():
    class Broken(unroll.Cell):
        def forward(self, x, h):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        traced(unroll.Recurrent(Broken, I, H))
