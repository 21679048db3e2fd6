"""The compiling backend on random cells and on cells from papers; and that the random cells and
their comparison are worth something.

T time, B batch, I input, H hidden.
"""

import inspect
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import unroll
from unroll.cells import fields, map_state
from unroll.engine import loop
from unroll.engine.backends import BACKENDS
from unroll.engine.noise import at_step, draw_noise
from unroll.testing import check_cell

from .random_cells import FEATURES, build_together, compare, random_cell, unavailable
from .written_cells import BAKED_BATCH, CELLS, REFUSED

BACKEND = "cpu"
SEEDS = range(40)
SIZES = [(3, 17), (1, 2)]  # I, H


def needs_backend():
    reason = unavailable(BACKEND)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def built():
    """All cells that the backend is tried on, compiled in one build."""
    needs_backend()
    cells = {seed: random_cell(seed) for seed in SEEDS}
    torch.manual_seed(0)
    cells |= {(name, *s): make(*s).double() for name, make in CELLS.items() for s in SIZES}
    build_together(cells.values(), BACKEND)
    return cells


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_cell_runs_as_on_the_loop(seed, built):
    for case in range(3):
        compare(built[seed], BACKEND, seed=3 * seed + case)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_a_written_cell_runs_as_on_the_loop(name, size, built):
    for seed in range(6):
        compare(built[name, *size], BACKEND, seed=seed)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compiled_is_refused_in_a_sentence(name):
    needs_backend()
    x = torch.randn(3, BAKED_BATCH, 2)
    with pytest.raises(RuntimeError, match=f"The {BACKEND} backend cannot run "):
        unroll.unroll(REFUSED[name](2, 5), x, backend=BACKEND)


# ----- the cells themselves -----------------------------------------------------------------------


@pytest.mark.parametrize("name", CELLS)
def test_a_written_cell_keeps_the_promises_of_a_cell(name):
    check_cell(CELLS[name])


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_cell_runs_on_the_loop(name):
    x = torch.randn(3, BAKED_BATCH, 2, requires_grad=True)
    output, _ = unroll.unroll(REFUSED[name](2, 5), x, backend="loop")
    output.sum().backward()
    assert output.isfinite().all()


def test_random_cells_show_all_that_they_should():
    counts = Counter(feature for seed in range(300) for feature in random_cell(seed).features)
    assert not {feature: counts[feature] for feature in FEATURES if counts[feature] < 4}


def test_random_cells_stay_bounded_over_twenty_steps():
    for seed in range(300):
        cell = random_cell(seed)
        x = torch.randn(20, 3, cell.input_size, dtype=torch.float64)
        with torch.no_grad():
            output, state = unroll.unroll(cell, x, backend="loop")
        values = [output, *(s for _, s in fields(state) if s.is_floating_point())]
        assert all(bool((v.abs() < 50).all()) for v in values), cell.source


def test_a_seed_gives_the_same_cell_every_time_and_shows_its_step():
    for seed in range(10):
        one, other = random_cell(seed), random_cell(seed)
        assert one.source == other.source
        torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)
        assert inspect.getsource(type(one).forward) in one.source


# ----- the comparison -----------------------------------------------------------------------------


@pytest.fixture
def backend(monkeypatch):
    """Registers a function as a backend of this name."""

    def register(name, run):
        named = SimpleNamespace(NAME=name, supports=lambda call: None, run=run)
        monkeypatch.setitem(BACKENDS, name, named)
        return name

    return register


def one_by_one(call):
    """Each sequence alone, its padding never read, in the order in which it is read."""
    T, B = call.x.shape[:2]
    cell, noise, outputs, states = call.cell, draw_noise(call.cell, call.x), [], []
    for b in range(B):
        state = map_state(lambda s, b=b: s[b : b + 1], call.state)
        shown = list(call.x.new_zeros(T, 1, cell.output_size))
        length = T if call.lengths is None else int(call.lengths[b])
        for t in reversed(range(length)) if call.reverse else range(length):
            if call.resets is not None and bool(call.resets[t, b]):
                state = cell.initial_state(1, dtype=call.x.dtype, device=call.x.device)
            more = at_step(noise, t)
            if more and more[0] is not None:
                more = ({name: drawn[b : b + 1] for name, drawn in more[0].items()},)
            shown[t], state = cell.step(call.x[t, b : b + 1], state, *more)
        outputs.append(torch.stack(shown))
        states.append(state)
    return torch.cat(outputs, 1), map_state(lambda *s: torch.cat(s), *states)


def test_the_loop_agrees_with_itself_on_300_cells():
    for seed in range(300):
        compare(random_cell(seed), "loop", seed=seed)


def test_another_right_backend_agrees_too(backend):
    name = backend("one by one", one_by_one)
    for seed in range(60):
        compare(random_cell(seed), name, seed=seed)


def changed(**settings):
    return lambda call: loop.run(replace(call, **settings))


def with_output(change):
    def run(call):
        output, state = loop.run(call)
        return change(output), state

    return run


def with_state(change):
    def run(call):
        output, state = loop.run(call)
        return output, map_state(change, state)

    return run


def other_noise(call):
    torch.rand(1)
    return loop.run(call)


def without_a_parameters_gradient(call):
    name, parameter = next(iter(call.cell.named_parameters()))
    return loop.run(replace(call, parameters={name: parameter.detach()}))


WRONG = {
    "output a little off": with_output(lambda y: y * (1 + 1e-7)),
    "one element off": with_output(lambda y: y + 1e-7 * (torch.arange(y.numel()) == 0).view_as(y)),
    "NaN": with_output(lambda y: y * torch.nan),
    "gradient doubled": with_output(lambda y: 2 * y - y.detach()),
    "gradient a little off": with_output(lambda y: (1 + 1e-7) * y - 1e-7 * y.detach()),
    "no gradient": with_output(torch.detach),
    "final state off": with_state(lambda s: s * (1 + 1e-7) if s.is_floating_point() else s),
    "counter off": with_state(lambda s: s + 1 if s.dtype == torch.int64 else s),
    "flag off": with_state(lambda s: ~s if s.dtype == torch.bool else s),
    "no gradient for the state": lambda call: loop.run(
        replace(call, state=map_state(torch.detach, call.state))
    ),
    "no gradient for x": lambda call: loop.run(replace(call, x=call.x.detach())),
    "no gradient for a parameter": without_a_parameters_gradient,
    "lengths ignored": changed(lengths=None),
    "resets ignored": changed(resets=None),
    "reverse ignored": changed(reverse=False),
    "other noise": other_noise,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_backend_is_found(wrong, backend):
    name = backend(wrong, WRONG[wrong])
    found = 0
    for seed in range(40):
        try:
            compare(random_cell(seed), name, seed=seed)
        except AssertionError as error:
            found += 1
            assert f"{wrong} differs from the loop" in str(error)
            assert f"class RandomCell{seed}" in str(error)
    assert found >= 2
