"""Elementwise operations as C++ expressions."""

import math

import pytest
import torch

from unroll.engine.compiler.nodes import Node
from unroll.engine.cpu.expressions import common_kind, expression, kind, literal
from unroll.engine.refusal import Unplannable

A = Node("input", (), 3, True, torch.float32)
N = Node("input", (), 3, True, torch.int64)
M = Node("input", (), 3, True, torch.bool)


def text(op, *args, dtype=torch.float32):
    names = {A: "a", N: "n", M: "m"}
    node = Node(op, args, 3, True, dtype)
    return expression(node, lambda a, to: names[a] if isinstance(a, Node) else literal(a, to))


@pytest.mark.parametrize(
    ("op", "args", "dtype", "expected"),
    [
        ("add", (A, A), torch.float32, "a + a"),
        ("tanh", (A,), torch.float32, "tanh_(a)"),
        ("pow", (A, 2), torch.float32, "a * a"),
        ("mul", (M, M), torch.bool, "and_(m, m)"),
        ("where", (M, A, A), torch.float32, "where_(m, a, a)"),
        ("lt", (N, N), torch.bool, "lt_(n, n)"),
        ("clamp", (A, 0, None), torch.float32, f"maximum_(a, {literal(0, 'Vec')})"),
    ],
)
def test_an_operation_is_written_in_its_type(op, args, dtype, expected):
    assert text(op, *args, dtype=dtype) == expected


def test_an_operation_that_kernels_do_not_have_is_refused():
    with pytest.raises(Unplannable, match=r"exp of torch.int64 is not an operation"):
        text("exp", N, dtype=torch.int64)


def test_types_and_numbers():
    assert [kind(n) for n in (A, N, M)] == ["Vec", "Int", "Mask"]
    assert common_kind((N, 2)) == "Int"
    assert common_kind((N, 2.5)) == "Vec"
    assert literal(0.1, "Vec") == "splat(Real(0.1))"
    assert literal(-math.inf, "Vec") == "splat(Real(-INFINITY))"
    assert literal(math.nan, "Vec") == "splat(Real(NAN))"
    assert literal(True, "Mask") == "splat(true)"
