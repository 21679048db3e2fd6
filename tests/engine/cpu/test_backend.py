"""The compiled CPU backend against the reference loop: numbers, shapes, threads, refusals.

T time, B batch, I input, H hidden.
"""

import copy
from functools import partial

import pytest
import torch

import unroll
from unroll.cells import map_state
from unroll.engine import backends, cpu, loop

from ..rounding import allowed, outside
from .compiled import (
    LENGTHS,
    MAKE,
    RESETS,
    SINGLE,
    B,
    I,
    T,
    assert_as_the_loop,
    compiled,
    results,
    the_cell,
    used_state,
)

pytestmark = compiled


SIZES = [(8, 1), (1, 7), (8, 37)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", MAKE)
def test_values_and_gradients_are_the_loops_in_double_precision(name, size):
    if name == "projected" and size[1] == 1:
        pytest.skip("nothing is narrower than one")
    cell = the_cell(name, *size)
    for steps in (0, 1, 9):
        for batch in (1, 5, 63):
            x = torch.randn(steps, batch, size[0], dtype=torch.float64)
            assert_as_the_loop(cell, x, used_state(cell, batch))


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh", "projected", "reset-before"])
def test_values_and_gradients_are_the_loops_where_the_cell_is_wide(name):
    cell = the_cell(name, 8, 500)
    for steps, batch in ((9, 5), (1, 63), (9, 1)):
        x = torch.randn(steps, batch, 8, dtype=torch.float64)
        assert_as_the_loop(cell, x, used_state(cell, batch))


@pytest.mark.parametrize("size", [(8, 1), (1, 7), (8, 37), (1, 500)], ids=str)
@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_is_as_near_to_the_truth_as_rounding_allows(name, size):
    if name == "projected" and size[1] == 1:
        pytest.skip("nothing is narrower than one")
    if size[1] == 500 and name not in ("lstm", "gru"):
        pytest.skip("two wide cells are enough")
    cell = the_cell(name, *size, torch.float32)
    for steps, batch in ((9, 5), (1, 63), (9, 63), (9, 1)):
        x, state = torch.randn(steps, batch, size[0]), used_state(cell, batch, torch.float32)
        truth, bounds = truth_and_bounds(cell, x, state)
        ours = results(cell, x, state, backend="cpu")
        assert all(v.dtype in (torch.float32, truth[n].dtype) for n, v in ours.items())
        assert not outside(ours, truth, bounds), (steps, batch)


def truth_and_bounds(cell, x, state, **keywords):
    """What the loop has in double precision, and how far from it single precision may be."""
    exact = copy.deepcopy(cell).double()
    widened = map_state(lambda s: s.double() if s.is_floating_point() else s, state)
    right = partial(results, exact, x.double(), widened, backend="loop", **keywords)
    truth = right()
    return truth, allowed(right, truth)


@pytest.mark.parametrize("name", ["lstm", "tanh", "reset-before"])
@pytest.mark.parametrize("size", [(8, 1), (8, 37)], ids=str)
def test_wrong_results_are_further_from_the_truth_than_rounding_allows(name, size):
    """A bound that nothing can break would be no bound."""
    cell = the_cell(name, *size, torch.float32)
    x, state = torch.randn(9, 63, size[0]), used_state(cell, 63, torch.float32)
    truth, bounds = truth_and_bounds(cell, x, state)
    halves = {n: v.half().float() for n, v in results(cell, x, state, backend="cpu").items()}
    assert len(outside(halves, truth, bounds)) == len(bounds)
    # one number of x less in one product of the last of 9 * 63 rows
    less = x.clone()
    less[8, 62, 3] = 0
    found = outside(results(cell, less, state, backend="cpu"), truth, bounds)
    assert {"output", "d x"} <= {line.split(":")[0] for line in found}


@pytest.mark.parametrize("name", ["lstm", "tanh", "reset-before"])
@pytest.mark.parametrize("size", [(8, 1), (8, 37)], ids=str)
def test_a_gradient_without_one_of_its_terms_is_further_off_than_rounding_allows(name, size):
    cell = the_cell(name, *size, torch.float32)
    x, cotangent = torch.randn(9, 63, size[0]), torch.randn(9, 63, size[1])

    def gradients(cell, x, cotangent, state=None, backend="cpu"):
        output, _ = unroll.unroll(cell, x, state, backend=backend)
        found = torch.autograd.grad(output, list(cell.parameters()), cotangent)
        return dict(zip(dict(cell.named_parameters()), found, strict=True))

    exact = copy.deepcopy(cell).double()
    right = partial(gradients, exact, x.double(), cotangent.double(), backend="loop")
    truth = right()
    bounds = allowed(right, truth)
    whole = gradients(cell, x, cotangent)
    assert not outside(whole, truth, bounds)
    # the last sequence's last step is one of the 567 terms of each sum
    with torch.no_grad():
        _, state = unroll.unroll(cell, x[:8, 62:], backend="loop")
    term = gradients(cell, x[8:, 62:], cotangent[8:, 62:], state)
    less = {n: g - term[n] for n, g in whole.items()}
    assert len(outside(less, truth, bounds)) == len(bounds)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("name", MAKE)
def test_ragged_batches_with_resets_are_the_loops_and_nan_in_the_padding_reaches_nothing(
    name, lengths, reverse
):
    cell = the_cell(name)
    x = torch.randn(T, B, I, dtype=torch.float64)
    state = used_state(cell, B)
    for b, length in enumerate(lengths or []):
        x[length:, b] = torch.nan
    for resets in RESETS.values():
        resets = None if resets is None else torch.tensor(resets, dtype=torch.bool)
        got = assert_as_the_loop(cell, x, state, lengths=lengths, resets=resets, reverse=reverse)
        for b, length in enumerate(lengths or []):
            assert (got["output"][length:, b] == 0).all()
            assert (got["d x"][length:, b] == 0).all()


@pytest.mark.parametrize("name", ["lstm", "clockwork", "reset-before"])
def test_carried_state_makes_two_halves_of_one_pass(name):
    cell, x = the_cell(name), torch.randn(9, B, I, dtype=torch.float64)
    whole, end = unroll.unroll(cell, x, backend="cpu")
    first, middle = unroll.unroll(cell, x[:4], backend="cpu")
    second, last = unroll.unroll(cell, x[4:], middle, backend="cpu")
    assert type(end) is type(middle)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last, end, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize(("steps", "batch"), [(0, 0), (0, 3), (3, 0), (1, 1)])
@pytest.mark.parametrize("name", ["lstm", "projected", "clockwork", "layer-norm"])
def test_nothing_in_gives_nothing_out(name, steps, batch, lengths):
    cell = the_cell(name)
    x = torch.randn(steps, batch, I, dtype=torch.float64)
    state = map_state(torch.clone, cell.initial_state(batch, dtype=torch.float64))
    resets = torch.ones(steps, batch, dtype=torch.bool)
    given = [min(1, steps)] * batch if lengths else None
    for reverse in (False, True):
        for now in (None, resets):
            assert_as_the_loop(cell, x, state, lengths=given, resets=now, reverse=reverse)


def test_the_loop_is_still_the_loop():
    """What all of the above is compared with is not the compiled backend under another name."""
    assert backends.BACKENDS["loop"] is loop
    assert backends.BACKENDS["cpu"] is cpu
