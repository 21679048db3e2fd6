import logging
import subprocess
import sys

import pytest
import torch
from torch import nn

import unroll
from unroll.engine import backends, choose
from unroll.engine.unrolling import checked_call

X = torch.zeros(3, 2, 4)


class PlainCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        h = torch.tanh(self.read(torch.cat([x, h], 1)))
        return h, h


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)
    monkeypatch.setattr(backends, "_said", set())


def chosen(cell, name=None, **keywords):
    arguments = {"state": None, "lengths": None, "resets": None, "reverse": False}
    arguments |= {"record": None, "parameters": None, **keywords}
    return choose(checked_call(cell, X, **arguments), name)[0].NAME


def test_auto_takes_torch_for_the_standard_cells_and_the_loop_for_others():
    assert chosen(unroll.LSTMCell(4, 5)) == "torch"
    assert chosen(PlainCell(4, 5)) == "loop"


def test_a_subclass_of_a_standard_cell_is_not_taken_for_it():
    class Mine(unroll.LSTMCell):
        pass

    assert chosen(Mine(4, 5)) == "loop"


def test_the_call_goes_before_the_block_and_the_block_before_the_environment(monkeypatch):
    cell = unroll.GRUCell(4, 5)
    monkeypatch.setenv("UNROLL_BACKEND", "loop")
    assert chosen(cell) == "loop"
    with unroll.backend("torch"):
        assert chosen(cell) == "torch"
        assert chosen(cell, "auto") == "torch"
        assert chosen(cell, "loop") == "loop"
    with unroll.backend("auto"):
        assert chosen(cell) == "torch"
    assert chosen(cell) == "loop"


def test_a_block_ends_where_it_raises():
    with pytest.raises(KeyError), unroll.backend("loop"):
        raise KeyError
    assert chosen(unroll.GRUCell(4, 5)) == "torch"


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
    assert "GRUCell runs on the loop backend: it was asked for" in done.stdout
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


def test_unknown_names_are_refused_with_the_names_there_are(monkeypatch):
    cell = unroll.GRUCell(4, 5)
    with pytest.raises(ValueError, match="backend= got 'cuda'; expected one of auto, torch, loop"):
        unroll.unroll(cell, X, backend="cuda")
    with pytest.raises(ValueError, match="backend got 'cuda'"), unroll.backend("cuda"):
        pass
    monkeypatch.setenv("UNROLL_BACKEND", "cuda")
    with pytest.raises(ValueError, match="the variable UNROLL_BACKEND got 'cuda'"):
        unroll.unroll(cell, X)


def test_falling_back_to_the_loop_is_said_once(caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    for _ in range(3):
        unroll.unroll(PlainCell(4, 5), X)
    (said,) = caplog.records
    assert (said.name, said.levelname) == ("unroll", "WARNING")
    assert said.getMessage().startswith(
        "PlainCell runs on the loop backend, step by step in Python: the torch backend cannot: "
        "torch has kernels for"
    )


def test_nothing_is_said_where_the_loop_was_asked_for_or_torch_runs(caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    unroll.unroll(PlainCell(4, 5), X, backend="loop")
    unroll.unroll(unroll.LSTMCell(4, 5), X)
    assert not caplog.records
