"""The average of the weights of the last steps."""

import pytest
import torch
from torch import nn

from unroll.training.average import Average


def test_it_forgets_its_start_soon_and_then_keeps_its_decay():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average, expected = Average(model, 0.5), 0.0
    for step in range(1, 30):
        nn.init.constant_(model.weight, float(step))
        average.update(step)
        kept = min(0.5, step / (step + 9))
        expected = kept * expected + (1 - kept) * step
        assert float(average.tensors[0]) == pytest.approx(expected, rel=1e-6)


def test_the_model_has_it_for_a_block_even_where_that_fails():
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    average = Average(model, 0.9)
    average.load([torch.full((1, 1), 7.0)])
    with pytest.raises(ValueError, match="broken"), average.in_place():
        assert model.weight.item() == 7.0
        raise ValueError("broken")
    assert model.weight.item() == 1.0
