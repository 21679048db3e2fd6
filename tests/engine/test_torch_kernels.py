"""Which calls torch's own kernels take."""

import pytest
import torch
from torch import nn

import unroll
from unroll.engine import torch_kernels
from unroll.engine.call import checked_call

X = torch.zeros(3, 2, 4)


@pytest.mark.parametrize(
    "cell", [unroll.LSTMCell(4, 5), unroll.GRUCell(4, 5), nn.RNNCell(4, 5),
             unroll.ProjectedLSTMCell(4, 5, proj_size=2)],
)  # fmt: skip
def test_the_standard_cells_are_taken(cell):
    assert torch_kernels.supports(checked_call(cell, X)) is None


class Changed(unroll.GRUCell):
    """A subclass may compute something else."""


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: checked_call(Changed(4, 5), X), "not for Changed"),
        (lambda: checked_call(unroll.GRUCell(4, 5), X, resets=torch.zeros(3, 2, dtype=torch.bool)),
         "cannot reset"),
        (lambda: checked_call(unroll.GRUCell(4, 5), X, record=unroll.Recording()), "recording"),
    ],
)  # fmt: skip
def test_a_reason_is_given_for_what_is_not_taken(call, reason):
    assert reason in torch_kernels.supports(call())


def test_each_sequence_is_reversed_on_its_own():
    x = torch.arange(3.0)[:, None, None].expand(3, 2, 1)
    found = torch_kernels.reverse_each(x, torch.tensor([3, 2]))
    assert found[..., 0].t().tolist() == [[2, 1, 0], [1, 0, 2]]
