import pytest
import torch

from unroll.inspect.experiment import measure


@pytest.fixture
def followed():
    """Follow the gradient of one cell over random inputs: white noise goes in at the loss."""

    def follow(cell, steps=12, batch=3, noise=True, clip=None):
        x = torch.randn(steps, batch, cell.input_size, dtype=torch.float64)
        target = torch.randn(batch, cell.output_size, dtype=torch.float64)
        return measure("it", cell.double().eval(), "as given", x, target, noise, clip), x, target

    return follow
