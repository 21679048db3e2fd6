"""Planning and compiling a cell leaves no traces, and a refusal names its reason."""

import gc
import inspect
import logging
from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import unroll
from unroll.engine.cpu import kernels, preparation

from ..written_cells import BAKED_BATCH, REFUSED
from .compiled import (
    B,
    H,
    I,
    Plain,
    Scaled,
    T,
    assert_as_the_loop,
    chosen_by_auto,
    compiled,
    ours_and_the_loops,
    the_cell,
)

pytestmark = compiled


class WithTensor(Scaled):
    """A tensor that is neither parameter nor buffer."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.scale = torch.linspace(0.1, 1, hidden_size, dtype=torch.float64)

    def forward(self, x, h):
        h = self.scale * torch.tanh(x + self.u * h)
        return h, h


def test_a_tensor_that_is_neither_parameter_nor_buffer_is_right_or_refused(no_plans_on_disk):
    cell, x = WithTensor(I, I).double(), torch.randn(T, B, I, dtype=torch.float64)
    for factor in (1, 3):
        cell.scale.mul_(factor)
        right, _ = unroll.unroll(cell, x, backend="loop")
        got, _ = unroll.unroll(cell, x)
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
        try:
            named, _ = unroll.unroll(cell, x, backend="cpu")
        except RuntimeError as error:
            assert "The cpu backend cannot run WithTensor" in str(error)
        else:
            torch.testing.assert_close(named, right, rtol=1e-10, atol=1e-10)


def test_a_cell_that_is_gone_leaves_no_plan_behind():
    cell = Plain(I, H).double()
    ours_and_the_loops(cell, torch.randn(T, B, I, dtype=torch.float64))
    assert cell in preparation._prepared
    count = len(preparation._prepared)
    del cell
    gc.collect()
    assert len(preparation._prepared) < count


def test_planning_draws_no_random_numbers(no_plans_on_disk):
    x = torch.randn(3, BAKED_BATCH, 2)
    for make in (REFUSED["rand_like"], REFUSED["dropout"]):
        cell = make(2, 5)
        torch.manual_seed(11)
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.manual_seed(11)
        first, _ = unroll.unroll(cell, x)  # planned here, and refused
        torch.testing.assert_close(first, right, rtol=0, atol=0)


class Counts(Plain):
    """It keeps something between calls; a step on the loop changes it once a step."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x, h):
        self.steps += 1
        return super().forward(x, h)


def test_planning_changes_no_buffer(no_plans_on_disk):
    cell = Counts(I, H)
    unroll.unroll(cell, torch.randn(T, B, I))
    assert cell.steps == T
    with pytest.raises(RuntimeError, match="changes one of its inputs in place"):
        unroll.unroll(cell, torch.randn(T, B, I), backend="cpu")
    assert cell.steps == T


def kept_in_a_list(tensors):
    return torch.autograd.graph.saved_tensors_hooks(
        lambda t: (tensors.append(t), t)[1], lambda t: t
    )


CIRCUMSTANCES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "anomaly mode": lambda: torch.autograd.detect_anomaly(check_nan=False),
    "saved tensors hooks": lambda: kept_in_a_list([]),
    "another default device": lambda: torch.device("meta"),
    "a profiler's mode": lambda: FlopCounterMode(display=False),
}


@pytest.mark.parametrize("circumstances", CIRCUMSTANCES.values(), ids=CIRCUMSTANCES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_where_a_cell_is_first_seen_does_not_matter(circumstances, no_plans_on_disk):
    cell = Plain(I, H).double()
    x, h = torch.randn(T, B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    right, _ = unroll.unroll(cell, x, h, backend="loop")
    with circumstances():
        first, _ = unroll.unroll(cell, x, h)  # auto: it must not fail, whoever runs it
    torch.testing.assert_close(first.clone(), right, rtol=1e-10, atol=1e-10)
    assert_as_the_loop(cell, x, h)  # and it must be compiled where nothing stands against it


def test_a_call_under_another_default_device_spoils_no_later_one():
    cell, x = the_cell("tanh"), torch.randn(17, 3, I, dtype=torch.float64)
    h = torch.randn(3, H, dtype=torch.float64)
    right, _ = unroll.unroll(cell, x, h, backend="loop")
    unroll.unroll(cell, x[:1], h, backend="cpu")
    with torch.device("meta"):
        got, _ = unroll.unroll(cell, x, h)
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
    got, _ = unroll.unroll(cell, x, h, backend="cpu")
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


class BySize(Plain):
    def forward(self, x, h):
        h, _ = super().forward(x, h)
        h = h * h.shape[0]
        return h, h


class ByLargeSize(Plain):
    def forward(self, x, h):
        h, _ = super().forward(x, h)
        h = h * (2.0 if h.shape[0] > 50 else 1.0)
        return h, h


@pytest.mark.parametrize("make", [BySize, ByLargeSize])
def test_a_step_that_knows_the_size_of_the_batch_is_right_or_refused(make, no_plans_on_disk):
    cell = make(I, H).double()
    for batch in (1, 3, 60):
        x = torch.randn(2, batch, I, dtype=torch.float64)
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(unroll.unroll(cell, x)[0], right, rtol=1e-10, atol=1e-10)


OFFENDING = {
    "branch": "if h.sum() > 0",
    "rand_like": "torch.rand_like",
    "dropout": "F.dropout",
    "baked-batch": ".view(BAKED_BATCH",
    "sort": "torch.sort",
    "svd": "torch.linalg.svd",
    "cumsum": "torch.cumsum",
}


def place_of(name):
    lines, first = inspect.getsourcelines(REFUSED[name])
    return first + next(k for k, line in enumerate(lines) if OFFENDING[name] in line)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_line_of_the_step(name, no_plans_on_disk):
    if name == "svd":  # stopped at the first of its operations that make matrices of the state
        where = r"written_cells\.py:\d+"
    else:
        where = rf"written_cells\.py:{place_of(name)}\b"
    x = torch.randn(3, BAKED_BATCH, 2)
    with pytest.raises(RuntimeError, match=rf"The cpu backend cannot run .*{where}"):
        unroll.unroll(REFUSED[name](2, 5), x, backend="cpu")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_runs_on_the_loop_and_says_so_once(name, caplog, no_plans_on_disk):
    caplog.set_level(logging.DEBUG, logger="unroll")
    cell, x = REFUSED[name](2, 5), torch.randn(3, BAKED_BATCH, 2)
    torch.manual_seed(1)
    right, _ = unroll.unroll(cell, x, backend="loop")
    for _ in range(3):
        torch.manual_seed(1)
        got, _ = unroll.unroll(cell, x)
        torch.testing.assert_close(got, right, rtol=0, atol=0)
    (said,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    message = said.getMessage()
    assert message.startswith(f"{type(cell).__name__} runs on the loop backend, step by step")
    assert "the cpu backend cannot: " in message
    assert "written_cells.py:" in message


@pytest.fixture(params=["missing", "failing", "not telling its version"])
def no_compiler(request, tmp_path, monkeypatch):
    """UNROLL_CXX names a program that is not there, or one that cannot do it."""
    program = tmp_path / "compiler"
    if request.param != "missing":
        version = "echo mine 1.0" if request.param == "failing" else "exit 4"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in --version) {version};; '
            "*) echo 'kernel.cpp: fatal error: no'; exit 1;; esac\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("UNROLL_CXX", str(program))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(kernels, "_loaded", {})
    return str(program)


def test_without_a_compiler_auto_goes_on_and_says_why_once(no_compiler, caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    x = torch.randn(T, B, I)
    standard = unroll.GRUCell(I, H)
    ran, output = chosen_by_auto(standard, x)
    assert ran == ["torch"]
    torch.testing.assert_close(output, unroll.unroll(standard, x, backend="loop")[0])
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    cell = Plain(I, H)
    for _ in range(3):
        assert chosen_by_auto(cell, x)[0] == ["loop"]
    (said,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert said.startswith("No kernels are compiled, and slower backends may run: ")
    assert no_compiler[-20:] in said
    assert "\n" not in said and len(said) < 300


def test_without_a_compiler_a_named_backend_says_why(no_compiler):
    x = torch.randn(T, B, I)
    for cell in (unroll.LSTMCell(I, H), Plain(I, H)):
        with pytest.raises(RuntimeError, match="The cpu backend cannot run ") as caught:
            unroll.unroll(cell, x, backend="cpu")
        assert no_compiler[-20:] in str(caught.value) and len(str(caught.value)) < 300


def test_a_compiler_that_comes_later_is_used(tmp_path, monkeypatch):
    cell, x = Plain(I, H), torch.randn(T, B, I)
    layer = unroll.LSTM(I, H + 2)
    with monkeypatch.context() as patched:
        patched.setenv("UNROLL_CXX", str(tmp_path / "nothing"))
        for run in (partial(unroll.unroll, cell), layer):
            with pytest.raises(RuntimeError, match="no program that can be run"):
                run(x, backend="cpu")
    unroll.unroll(cell, x, backend="cpu")
    layer(x, backend="cpu")
