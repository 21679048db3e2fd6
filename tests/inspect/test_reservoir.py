import pytest
import torch

import unroll
from unroll.inspect import gradients_of_cells
from unroll.inspect.reservoir import is_reservoir, reservoir_memory


class DelayLine(unroll.Cell):
    """Holds exactly the last inputs: its memory capacity is its number of units less the present."""

    def __init__(self, size):
        super().__init__(1, size)
        self.register_buffer("weight_hh", torch.diag(torch.ones(size - 1), -1))

    def forward(self, x, h):
        h = h @ self.weight_hh.T.to(h.dtype)
        h = torch.cat([x, h[:, 1:]], 1)
        return h, h


def test_a_delay_line_recalls_as_many_inputs_as_it_has_units():
    memory = reservoir_memory(DelayLine(9).double().eval())
    assert memory.capacity == pytest.approx(8, abs=0.1)  # the newest is no memory
    assert memory.recalled[0] == pytest.approx(1) and memory.recalled[7] == pytest.approx(1)
    assert memory.radius == 0 and memory.units == 9


def test_a_reservoir_is_what_has_weights_and_trains_none():
    assert is_reservoir(unroll.EchoStateCell(2, 8)) and is_reservoir(unroll.DeepEchoStateCell(2, 8))
    assert not is_reservoir(unroll.LSTMCell(2, 8))


def test_reservoirs_are_judged_as_reservoirs():
    plain, deep = gradients_of_cells(["echo_state", "deep_echo_state"], length=30, hidden=16).flows
    for flow in (plain, deep):
        said = flow.summary()
        assert (
            "is a reservoir" in said and "memory capacity" in said and "echo state property" in said
        )
        assert "--cell" not in said and "vanish" not in said and flow.outcome == "reservoir"
        assert flow.as_dict()["memory_capacity"] == pytest.approx(flow.reservoir.capacity)
    assert plain.reservoir.radius == pytest.approx(0.9, abs=1e-6) and deep.reservoir.units == 48
    assert 1 < plain.reservoir.capacity < 17
