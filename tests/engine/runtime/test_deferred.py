"""Gradients that are computed after the loop."""

import torch
from torch import nn

import unroll

from ..random_cells import compare


class Shown(unroll.Cell):
    """A field of the state that x alone decides, in whose gradient nothing of the loop takes part."""

    def __init__(self):
        super().__init__(1, 5)
        self.read = nn.Linear(5, 4)

    def forward(self, x, h):
        gated = torch.tanh(x) * h[:, 1:]
        h = torch.cat([torch.tanh(self.read(torch.cat([x, gated], 1))), torch.sigmoid(x)], 1)
        return h * 2, h


def test_the_gradient_of_a_field_that_only_x_decides_is_kept_for_every_step(interpreted):
    for seed in range(4):
        compare(Shown().double(), interpreted, seed=seed)
