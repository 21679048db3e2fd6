"""Programs as C++."""

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.cpu.emit import emit, source
from unroll.engine.refusal import Unplannable

from ..plans import plan_of, planned


def test_programs_of_one_shape_have_one_name_whatever_their_widths():
    names = {
        emit(plan_of(unroll.GRUCell(3, h).double()).forward, torch.float64).name for h in (4, 9)
    }
    assert len(names) == 1
    assert emit(planned("lstm")[1].forward, torch.float64).name not in names


def test_every_buffer_of_a_program_is_passed_once():
    program = planned("lstm")[1].forward
    found = emit(program, torch.float64)
    assert len(set(found.buffers)) == len(found.buffers)
    assert {b for bs in program.stores.values() for b in bs} <= set(found.buffers)
    assert f"program = {{{len(found.buffers)}, " in found.source


def test_another_float_type_than_that_of_the_kernels_is_refused():
    with pytest.raises(Unplannable, match=r"it mixes torch.float64 with torch.float32"):
        emit(planned("lstm")[1].forward, torch.float32)


def test_the_fixed_part_names_the_type():
    assert source(torch.float32) == "#define UNROLL_REAL float"
    assert source(torch.float64, "maths.h").startswith("#define UNROLL_REAL double\n")


class Short(unroll.Cell):
    """Counts in a type that kernels do not have."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        return torch.zeros(batch_size, self.hidden_size, dtype=torch.int32, device=device)

    def forward(self, x, h):
        return self.read(x) + h, h + 1


def test_whole_numbers_of_another_size_are_refused():
    with pytest.raises(Unplannable, match="use int64 or bool"):
        emit(plan_of(Short(3, 4).double(), gradients=False).forward, torch.float64)
