"""Layers show themselves in notebooks."""

import pytest
import torch

import unroll


@pytest.mark.parametrize(
    "layer", [unroll.Recurrent("gru", 3, 4, num_layers=2), unroll.LSTM(3, 4), unroll.RNN(3, 4)]
)
def test_a_layer_shows_what_it_is_and_which_backend_runs_it(layer):
    shown = layer._repr_html_()
    assert type(layer).__name__ in shown and "backend" in shown and "<details>" in shown


def test_what_cannot_be_explained_is_told():
    class Odd(unroll.Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)

        def forward(self, x, h):
            raise RuntimeError("<script> is broken")

        def extra_repr(self):
            return "<b>"

    shown = unroll.Recurrent(Odd, 3, 4)._repr_html_()
    assert "<script>" not in shown and "<b>" not in shown and "&lt;b&gt;" in shown
    assert unroll.GRU(3, 4, dtype=torch.float16)._repr_html_()
