"""Where torch's own kernels are the faster ones."""

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.call import checked_call
from unroll.engine.evidence import FEW_STEPS, prefers_torch, torch_is_faster


@pytest.mark.parametrize("kind", [unroll.GRUCell, unroll.RNNCell])
def test_torch_is_faster_for_a_few_steps(kind):
    assert torch_is_faster(kind, FEW_STEPS - 1, 32, 128)
    assert not torch_is_faster(kind, FEW_STEPS, 32, 128)


def test_a_wide_lstm_is_compiled():
    assert torch_is_faster(unroll.LSTMCell, 64, 32, 32)
    assert not torch_is_faster(unroll.LSTMCell, 64, 32, 512)


def test_torchs_cells_count_as_ours_and_other_cells_never_prefer_torch():
    x = torch.zeros(2, 1, 3)
    assert prefers_torch(checked_call(nn.GRUCell(3, 4), x))
    assert prefers_torch(checked_call(unroll.GRUCell(3, 4), x))
    assert not prefers_torch(checked_call(unroll.MinimalGatedCell(3, 4), x))


def test_sequences_of_different_lengths_are_never_better_off_with_torch():
    call = checked_call(unroll.GRUCell(3, 4), torch.zeros(2, 1, 3), lengths=[1])
    assert not prefers_torch(call)
