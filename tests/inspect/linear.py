"""Cells whose gradients are known by hand."""

import torch

import unroll


class Linear(unroll.Cell):
    """h' = W h + w x."""

    def __init__(self, weight, width=None):
        weight = torch.as_tensor(weight, dtype=torch.float64)
        super().__init__(width or len(weight), len(weight))
        self.weight = torch.nn.Parameter(weight)
        self.inputs = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x, h):
        h = h @ self.weight.T + self.inputs * x
        return h, h
