import warnings

import pytest
import torch

from unroll.cells import scan as module
from unroll.cells.scan import scan

from ..engine.rounding import allowed, outside

STEPS = [0, 1, 2, 3, 63, 64, 100, 1000]
FACTORS = {
    "near zero": lambda *shape: 1e-6 * torch.rand(*shape),
    "between": lambda *shape: torch.rand(*shape),
    "near one": lambda *shape: 1 - 1e-6 * torch.rand(*shape),
    "of both signs": lambda *shape: 2 * torch.rand(*shape) - 1,
    "with zeros": lambda *shape: torch.rand(*shape) * (torch.rand(*shape) > 0.3),
    "zero": lambda *shape: torch.zeros(*shape),
}
factors = pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
steps = pytest.mark.parametrize("T", STEPS)


def loop(a, b, before):
    h, steps = before, []
    for t in range(len(b)):
        h = a[t] * h + b[t]
        steps.append(h)
    return torch.stack(steps) if steps else b


def apart(h, truth):
    return float((h - truth).abs().max() / truth.abs().max())


def leaves(*tensors):
    return [t.detach().clone().requires_grad_() for t in tensors]


def values_and_gradients(run, tensors):
    given = leaves(*tensors)
    h = run(*given)
    torch.manual_seed(1)
    weight = torch.randn_like(h)
    total = (h * weight).sum()
    total = total.real + total.imag if h.is_complex() else total
    return [h, *torch.autograd.grad(total, given, allow_unused=True, materialize_grads=True)]


@steps
@factors
def test_values_and_gradients_are_those_of_the_loop(T, factors):
    given = factors(T, 2, 3).double(), torch.randn(T, 2, 3).double(), torch.randn(2, 3).double()
    got, expected = values_and_gradients(scan, given), values_and_gradients(loop, given)
    torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-11)


@steps
@pytest.mark.parametrize("radius", [1e-6, 0.5, 1 - 1e-6])
def test_complex_values_and_gradients_are_those_of_the_loop(T, radius):
    a = torch.polar(torch.full((T, 2, 3), radius).double(), 6 * torch.rand(T, 2, 3).double())
    b, before = (torch.randn(*shape, dtype=torch.complex128) for shape in ((T, 2, 3), (2, 3)))
    got = values_and_gradients(scan, (a, b, before))
    torch.testing.assert_close(
        got, values_and_gradients(loop, (a, b, before)), rtol=1e-11, atol=1e-11
    )


@steps
@pytest.mark.parametrize("shape", [(1, 3), (1, 1), (2, 1)])
def test_factors_may_be_shared_by_sequences_or_units(T, shape):
    given = (
        torch.rand(T, *shape).double(),
        torch.randn(T, 2, 3).double(),
        torch.randn(2, 3).double(),
    )
    got, expected = values_and_gradients(scan, given), values_and_gradients(loop, given)
    torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("T", [1, 2, 5])
def test_gradients_may_be_differentiated_again(T, dtype):
    given = leaves(*(torch.randn(*s, dtype=dtype) for s in ((T, 2, 2), (T, 2, 2), (2, 2))))
    assert torch.autograd.gradcheck(scan, given)
    assert torch.autograd.gradgradcheck(scan, given)


def test_errors_are_not_larger_than_rounding_makes_them_in_the_loop():
    """In float32 over 4096 steps with long memories; logarithms of the products do not pass."""
    T = 4096
    a, b, before = 1 - 1e-3 * torch.rand(T, 1, 64), torch.randn(T, 1, 64), torch.randn(1, 64)
    right = lambda: {"h": loop(a.double(), b.double(), before.double())}  # noqa: E731
    truth = right()
    bounds = allowed(right, truth)
    assert not outside({"h": scan(a, b, before)}, truth, bounds)
    without_the_first = scan(a, b, 0 * before)
    assert outside({"h": without_the_first}, truth, bounds)

    a, b = torch.rand(T, 1, 64), torch.rand(T, 1, 64)  # all positive, as that method needs it
    truth = loop(a.double(), b.double(), 0 * before.double())
    products = a.log().cumsum(0)
    with_logarithms = (products + (b.log() - products).logcumsumexp(0)).exp()
    assert apart(scan(a, b, 0 * before), truth) < 1e-6 < 1e-4 < apart(with_logarithms, truth)


def test_work_grows_with_the_logarithm_of_the_steps(monkeypatch):
    rounds = []
    solve = module.solve
    monkeypatch.setattr(module, "solve", lambda *of: rounds.append(1) or solve(*of))
    scan(*(torch.ones(*shape) for shape in ((4096, 1, 1), (4096, 1, 1), (1, 1))))
    assert len(rounds) == 13


def test_widest_dtype_is_kept():
    h = scan(torch.ones(3, 1, 1).half(), torch.ones(3, 1, 1).half(), torch.ones(1, 1))
    assert h.dtype == torch.float32
    assert h.flatten().tolist() == [2, 3, 4]


def test_views_and_empty_batches():
    a, b = torch.rand(2, 7, 3).transpose(0, 1), torch.randn(2, 7, 3).transpose(0, 1)
    torch.testing.assert_close(scan(a, b, b[0]), loop(a, b, b[0]))
    assert scan(a[:, :0], b[:, :0], b[0, :0]).shape == (7, 0, 3)


@steps
def test_what_a_graph_shows_are_the_same_numbers_to_the_bit(T):
    if not T:
        return
    a, b, before = torch.rand(T, 1, 3), torch.randn(T, 2, 3), torch.randn(2, 3)
    assert module.solved(a, b, before).equal(scan(a, b, before))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_a_trace_runs_for_any_number_of_steps(dtype):
    def given(T):
        return (torch.randn(*s, dtype=dtype) / 2 for s in ((T, 2, 3), (T, 2, 3), (2, 3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        traced = torch.jit.trace(scan, tuple(given(10)))
    for T in (10, 25, 4, 1):
        tensors = tuple(given(T))
        torch.testing.assert_close(traced(*tensors), loop(*tensors))
