"""Gradients of gradients through the reference."""

import torch

import unroll

from ..plans import Gated


def test_a_gate_of_products_alone_has_second_derivatives():
    torch.manual_seed(0)
    cell = Gated(2, 3).double()
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradgradcheck(lambda x: unroll.unroll(cell, x, backend="cpu")[0], x)
