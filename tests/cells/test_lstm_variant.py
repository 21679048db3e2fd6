import pytest
import torch

from unroll import LSTMState
from unroll.cells.lstm_variant import VariantLSTMCell, see


class ForgetOnlyCell(VariantLSTMCell):
    blocks = 2
    gates = ("forget",)


@pytest.mark.parametrize("peepholes", [True, False])
def test_a_subclass_says_its_blocks_and_its_peepholes(peepholes):
    cell = ForgetOnlyCell(3, 4, peepholes=peepholes)
    shapes = {name: tuple(p.shape) for name, p in cell.named_parameters()}
    expected = {"weight_ih": (8, 3), "weight_hh": (8, 4), "bias": (8,)}
    assert shapes == expected | ({"peephole_forget": (4,)} if peepholes else {})
    assert [tuple(s.shape) for s in cell.sums(torch.zeros(2, 3), torch.zeros(2, 4))] == [(2, 4)] * 2
    state = cell.initial_state(2)
    assert isinstance(state, LSTMState) and not state.h.any() and not state.c.any()


def test_a_gate_sees_the_memory_only_through_a_peephole():
    gate, c = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
    assert see(gate, None, c) is gate
    assert see(gate, torch.tensor([0.5, 2.0]), c).tolist() == [[2.5, 0.0]]
