from math import tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import UpdateDropoutCell
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained

GATED = ["lstm", "gru"]


def test_semeniutas_mask_is_of_what_is_written():
    inner = unroll.LSTMCell(1, 2).double()
    for parameter in inner.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        inner.bias_ih[4:6] = 1.0  # gates of 1/2, a candidate of tanh(1)
    cell = UpdateDropoutCell(inner, 0.2)
    state = unroll.LSTMState(torch.zeros(1, 2).double(), torch.tensor([[1.0, 3.0]]).double())
    noise = {"mask.0": torch.tensor([[0.0, 1.0]]).double()}
    output, new = cell.step(torch.zeros(1, 1).double(), state, noise)
    c = [0.5 * 1.0, 0.5 * 3.0 + 0.5 * tanh(1) / 0.8]  # a dropped unit forgets as it would
    torch.testing.assert_close(new.c, torch.tensor([c]).double())
    torch.testing.assert_close(output, torch.tensor([[tanh(v) / 2 for v in c]]).double())


def test_a_dropped_update_of_a_gru_leaves_its_memory():
    inner = unroll.GRUCell(3, 4)
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    _, none = UpdateDropoutCell(inner, 0.5).step(x, h, {"mask.0": torch.zeros(2, 4)})
    with torch.no_grad():  # torch's GRU with a candidate of tanh(0)
        inner.weight_ih[8:] = inner.weight_hh[8:] = inner.bias_ih[8:] = inner.bias_hh[8:] = 0.0
    torch.testing.assert_close(none, torch.nn.GRUCell.forward(inner, x, h))


def test_another_value_can_be_dropped_by_its_name():
    cell = UpdateDropoutCell(NewsCell(3, 4), 0.5, value="news")
    assert cell.noise()["mask.0"].shape == (4,)
    with pytest.raises(ValueError, match=r"NewsCell, which names no value 'candidate'; .* news"):
        UpdateDropoutCell(NewsCell(3, 4))


def test_a_recording_shows_what_was_dropped():
    record = unroll.Recording()
    cell = UpdateDropoutCell(unroll.GRUCell(3, 50), 0.5)
    unroll.unroll(cell, torch.randn(4, 2, 3), record=record)
    assert 0.3 < (record.values["candidate"] == 0).double().mean() < 0.7
    assert not (record.values["update_gate"] == 0).any()


class NewsCell(unroll.Cell):
    """A cell whose candidate has a name of its own."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)

    def forward(self, x, h):
        h = 0.5 * h + self.tap(news=torch.tanh(self.read(x)))
        return h, h


def test_wrong_options_are_refused_in_a_sentence():
    for dropout in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"dropout={dropout}; expected a probability"):
            UpdateDropoutCell(unroll.GRUCell(3, 4), dropout)
    with pytest.raises(ValueError, match=r"each='sequence'; expected 'call', a mask for the whole"):
        UpdateDropoutCell(unroll.GRUCell(3, 4), each="sequence")
    assert UpdateDropoutCell(unroll.GRUCell(3, 4), 0.0).noise() == {}


def test_a_cell_that_names_no_candidate_is_refused():
    with pytest.raises(ValueError, match=r"RNNCell, which names no value 'candidate'; .* none"):
        UpdateDropoutCell(unroll.RNNCell(3, 4))


@pytest.mark.parametrize("inner", GATED)
def test_promises_of_a_cell_with_update_dropout(inner):
    check_cell(lambda i, h: UpdateDropoutCell(INNER[inner](i, h)))


@pytest.mark.parametrize("inner", GATED)
@pytest.mark.parametrize("each", ["call", "step"])
def test_compiled_kernels_drop_the_same_updates(inner, each):
    check_trained(lambda i, h: UpdateDropoutCell(INNER[inner](i, h), each=each))


def test_in_a_layer():
    check_layer(lambda i, h: UpdateDropoutCell(unroll.GRUCell(i, h)))
