import logging
import subprocess
import sys

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import as_cell
from unroll.engine import backends, choose
from unroll.engine.call import checked_call
from unroll.engine.cpu import build

X = torch.zeros(3, 2, 4)

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


class PlainCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.read(torch.cat([x, h], 1)))
        return h, h


class Branching(PlainCell):
    """Decides by the value of a tensor, which no plan can."""

    def forward(self, x, h):
        if h.sum() > 0:
            h = 0.5 * h
        return super().forward(x, h)


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)
    monkeypatch.setattr(backends, "_warned", set())


def chosen(cell, name=None, x=X, **keywords):
    """For sequences of two lengths, which auto compiles also where the cell is a standard one."""
    arguments = {"state": None, "lengths": [3, 2], "resets": None, "reverse": False}
    arguments |= {"record": None, "parameters": None, **keywords}
    return choose(checked_call(cell, x, **arguments), name)[0].NAME


def ours(caplog):
    """What unroll has said; torch's tracer says things of its own."""
    return [said for said in caplog.records if said.name == "unroll"]


def test_the_order_of_auto():
    assert list(backends.BACKENDS) == ["cpu", "torch", "parallel", "loop"]


@needs_a_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", [unroll.LSTMCell, unroll.GRUCell, nn.RNNCell, PlainCell])
def test_auto_compiles_every_cell_that_can_be_planned(make, dtype):
    assert chosen(as_cell(make(4, 5).to(dtype)), x=X.to(dtype)) == "cpu"


@needs_a_compiler
@pytest.mark.parametrize(
    ("make", "steps", "name"),
    [
        (unroll.GRUCell, 3, "torch"),
        (nn.GRUCell, 3, "torch"),
        (unroll.GRUCell, 64, "cpu"),
        (unroll.LSTMCell, 64, "torch"),
        (PlainCell, 3, "cpu"),
    ],
)
def test_auto_takes_torch_for_short_calls_and_small_lstms(make, steps, name):
    call = checked_call(
        as_cell(make(4, 5)), torch.zeros(steps, 2, 4), None, None, None, False, None, None
    )
    found, why = choose(call)
    assert (found.NAME, why) == (name, "it is the fastest that can run this call")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_auto_takes_torch_for_the_standard_cells_where_nothing_is_compiled(dtype):
    assert chosen(unroll.LSTMCell(4, 5).to(dtype), x=X.to(dtype)) == "torch"
    assert chosen(PlainCell(4, 5).to(dtype), x=X.to(dtype)) == "loop"


def test_auto_takes_the_loop_for_what_no_other_can_run():
    assert chosen(Branching(4, 5)) == "loop"
    assert chosen(Branching(4, 5), record=unroll.Recording()) == "loop"


@needs_a_compiler
def test_auto_records_by_the_compiler():
    assert chosen(unroll.LSTMCell(4, 5), record=unroll.Recording()) == "cpu"


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_a_compiler), False])
def test_a_subclass_of_a_standard_cell_is_not_taken_for_it(compiled):
    class Mine(unroll.LSTMCell):
        pass

    dtype = torch.float32 if compiled else torch.float16
    found = chosen(Mine(4, 5).to(dtype), x=X.to(dtype))
    assert found == ("cpu" if compiled else "loop")


@needs_a_compiler
def test_the_call_goes_before_the_block_and_the_block_before_the_environment(monkeypatch):
    cell = unroll.GRUCell(4, 5)
    monkeypatch.setenv("UNROLL_BACKEND", "loop")
    assert chosen(cell) == "loop"
    with unroll.backend("torch"):
        assert chosen(cell) == "torch"
        assert chosen(cell, "auto") == "torch"
        assert chosen(cell, "loop") == "loop"
        assert chosen(cell, "cpu") == "cpu"
    with unroll.backend("auto"):
        assert chosen(cell) == "cpu"
    assert chosen(cell) == "loop"


@needs_a_compiler
def test_a_block_ends_where_it_raises():
    with pytest.raises(KeyError), unroll.backend("loop"):
        raise KeyError
    assert chosen(unroll.GRUCell(4, 5)) == "cpu"


@pytest.mark.parametrize("layer", [unroll.GRU(4, 5), unroll.Recurrent("gru", 4, 5)])
def test_layers_obey_call_block_and_environment(layer, monkeypatch):
    ran = []
    loop = backends.BACKENDS["loop"].run
    monkeypatch.setattr(backends.BACKENDS["loop"], "run", lambda c: ran.append(1) or loop(c))
    layer(X)
    assert not ran
    layer(X, backend="loop")
    assert len(ran) == 1
    with unroll.backend("loop"):
        layer(X)
    assert len(ran) == 2
    monkeypatch.setenv("UNROLL_BACKEND", "loop")
    layer(X)
    assert len(ran) == 3


def test_the_environment_names_the_backend_of_a_process():
    program = (
        "import unroll, torch; print(unroll.explain(unroll.GRU(3, 4))); "
        "unroll.unroll(unroll.GRUCell(3, 4), torch.zeros(2, 1, 3))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"UNROLL_BACKEND": "loop"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GRUCell runs on the loop backend: it was requested" in done.stdout
    assert "step by step" not in done.stderr  # asked for: nothing to warn of


@pytest.mark.parametrize(
    ("cell", "keywords", "reason"),
    [
        (PlainCell(4, 5), {}, "torch has kernels for RNNCell, LSTMCell and GRUCell, not for Plain"),
        (
            unroll.LSTMCell(4, 5),
            {"resets": torch.zeros(3, 2, dtype=torch.bool)},
            "cannot reset the state inside a sequence",
        ),
        (unroll.LSTMCell(4, 5), {"record": unroll.Recording()}, "do not show their steps"),
    ],
)
def test_a_named_backend_that_cannot_run_a_call_says_why(cell, keywords, reason):
    with pytest.raises(RuntimeError, match=rf"The torch backend cannot run .*{reason}"):
        unroll.unroll(cell, X, backend="torch", **keywords)
    with pytest.raises(RuntimeError, match=reason), unroll.backend("torch"):
        unroll.unroll(cell, X, **keywords)


@needs_a_compiler
def test_the_compiled_backend_says_why_too():
    reason = r"it decides by the value of a tensor, .*, at test_backends.py:\d+"
    with pytest.raises(RuntimeError, match=rf"The cpu backend cannot run .*{reason}"):
        unroll.unroll(Branching(4, 5), X, backend="cpu")


def test_unknown_names_are_refused_with_the_names_there_are(monkeypatch):
    cell = unroll.GRUCell(4, 5)
    names = "auto, cpu, torch, parallel, loop"
    with pytest.raises(ValueError, match=f"backend= got 'cuda'; expected one of {names}"):
        unroll.unroll(cell, X, backend="cuda")
    with pytest.raises(ValueError, match="backend got 'cuda'"), unroll.backend("cuda"):
        pass
    monkeypatch.setenv("UNROLL_BACKEND", "cuda")
    with pytest.raises(ValueError, match="the variable UNROLL_BACKEND got 'cuda'"):
        unroll.unroll(cell, X)


def test_falling_back_to_the_loop_is_said_once(caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    for _ in range(3):
        unroll.unroll(Branching(4, 5), X)
    (said,) = ours(caplog)
    assert (said.name, said.levelname) == ("unroll", "WARNING")
    text = said.getMessage()
    assert text.startswith(
        "Branching runs on the loop backend, step by step in Python: the cpu backend cannot: "
    )
    assert "; the torch backend cannot: torch has kernels for" in text


@needs_a_compiler
def test_the_warning_names_the_line_that_cannot_be_planned(caplog):
    unroll.unroll(Branching(4, 5), X)
    place = f"test_backends.py:{Branching.forward.__code__.co_firstlineno + 1}"
    assert f"decides by the value of a tensor, which is not known before it runs, at {place};" in (
        caplog.text
    )


@needs_a_compiler
def test_nothing_is_said_where_the_loop_was_asked_for_or_another_runs(caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    unroll.unroll(Branching(4, 5), X, backend="loop")
    unroll.unroll(PlainCell(4, 5), X)
    unroll.unroll(unroll.LSTMCell(4, 5), X)
    assert not ours(caplog)
