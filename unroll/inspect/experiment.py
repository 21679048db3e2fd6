"""The classic experiment, which needs no model: how far back does the gradient of a fresh cell go?

Random sequences, a loss at their last step, and the gradient at every state on the way back.
T time, B batch, I input, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from unroll.cells import Cell, LSTMCell, State, cell_factory
from unroll.cells.user_cell import parse_cell_file
from unroll.engine import Recording, unroll
from unroll.errors import UserError
from unroll.inspect.flow import Flow, flow_of
from unroll.inspect.gradients import Gradients
from unroll.inspect.trajectory import along, asking
from unroll.inspect.truncation import cell_weight_gradient
from unroll.models.initialisation import initialise
from unroll.settings import RecurrentSettings, settings_from
from unroll.training.run_cell import given_cell

STARTS = get_args(RecurrentSettings.model_fields["initialisation"].annotation)
OF_THE_FIELD = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)  # those that an --init is for


def gradients_of_cells(
    cells: Sequence[str] = ("rnn", "irnn", "lstm", "gru"),
    *,
    length: int = 200,
    hidden: int = 64,
    batch: int = 8,
    seed: int = 1,
    init: str = "auto",
    gain: float = 1.0,
    forget_bias: float | None = None,
    inputs: float = 1.0,
    noise: bool = False,
    clip: float | None = None,
) -> Gradients:
    """Follow the gradient of a loss at the last step back through fresh cells, in float64.

    When to use it: to see what a cell, a start or a forget bias does to long memories before
    anything is trained. Seconds for the default.

        L = sum over sequences of |y_T - target|^2 / 2,   or white noise in place of dL/dy_T

    cells: names that `unroll cells` lists, or FILE.py:CLASS. length: T. hidden: H = I. batch: B
    sequences. seed: of weights, inputs, targets. init: as `initialisation` of language models, for
    LSTM, GRU and Elman cells; others start as their papers ask. gain: what the recurrent weights
    are multiplied by. forget_bias: of LSTM cells. inputs: standard deviation of the inputs, 0 for
    silence. noise: put white noise in at the loss. clip: clip the gradient of the weights.
    Raises: UserError for a name, a size or a start that does not exist.

    Example:
        >>> from unroll.inspect import gradients_of_cells
        >>> found = gradients_of_cells(["rnn"], length=20, hidden=8)
        >>> len(found.flows[0].norms["h"])
        20
    """
    check_sizes(length, hidden, batch, gain, inputs, clip)
    if not cells:
        raise UserError("--cells names no cell; expected names such as rnn,lstm.")
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(length, batch, hidden, generator=generator, dtype=torch.float64) * inputs
    target = torch.randn(batch, hidden, generator=generator, dtype=torch.float64)
    starts = [make(name, hidden, seed, init, gain, forget_bias) for name in cells]
    if forget_bias is not None and not any(isinstance(cell, LSTMCell) for cell, _ in starts):
        raise UserError(
            f"--forget-bias is for LSTM cells, and there is none among {', '.join(cells)}. "
            "Leave it out, or add lstm."
        )
    flows = [
        measure(name, cell, start, x, target, noise, clip)
        for name, (cell, start) in zip(cells, starts, strict=True)
    ]
    conditions: dict[str, Any] = {
        "length": length,
        "hidden": hidden,
        "batch": batch,
        "seed": seed,
        "init": init,
        "gain": gain,
        "forget_bias": forget_bias,
        "inputs": inputs,
        "at_the_loss": "white noise" if noise else "squared error of the last step",
        "clip": clip,
    }
    where = "white noise put in" if noise else "a squared error"
    title = f"Gradients of fresh cells: {where} at step {length}, followed back"
    return Gradients(title, conditions, tuple(flows))


def measure(
    name: str,
    cell: Cell,
    start: str,
    x: Tensor,
    target: Tensor,
    noise: bool,
    clip: float | None = None,
    initial: State | None = None,
) -> Flow:
    """One cell over x [T, B, I]; target [B, H], or the noise itself. initial: None: its own."""
    if initial is None:
        initial = cell.initial_state(x.shape[1], dtype=x.dtype)
    initial = asking(initial)
    record = Recording()
    output, _ = unroll(cell, x, initial, record=record, backend="loop")
    last = output[-1]
    if last.shape != target.shape:  # a projection: the first numbers of the target
        target = target.repeat(1, -(-last.shape[1] // target.shape[1]))[:, : last.shape[1]]
    at_loss = target if noise else last.detach() - target
    last.backward(at_loss)
    trajectory = along(cell, x, initial, record)
    return flow_of(
        name,
        trajectory,
        record,
        start=start,
        weight_gradient=cell_weight_gradient(trajectory, at_loss),
        clip=clip,
    )


def make(
    name: str, hidden: int, seed: int, init: str, gain: float, forget_bias: float | None
) -> tuple[Cell, str]:
    """A fresh cell in float64 and eval mode, and how it starts, in words.

    Raises: UserError where there is no such cell or it cannot start so.
    """
    if parse_cell_file(name) is None:
        cell_factory(name)  # a wrong name is answered with those near it
    if init not in STARTS:
        raise UserError(f"--init got {init!r}; expected one of {', '.join(STARTS)}.")
    settings = settings_from(RecurrentSettings, {"cell": name, "initialisation": init})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        cell = given_cell(settings).make(hidden, hidden)
        start = initialise(cell, init if isinstance(cell, OF_THE_FIELD) else "auto")
    cell = cell.double().eval()
    if gain != 1:
        weight = getattr(cell, "weight_hh", None)
        if not isinstance(weight, Tensor):
            raise UserError(
                f"--gain multiplies weight_hh, which {name} does not have. Leave {name} or --gain "
                "out."
            )
        with torch.no_grad():
            weight.mul_(gain)
        start += f", recurrent weights times {gain:g}"
    if forget_bias is not None and isinstance(cell, LSTMCell) and cell.bias:
        with torch.no_grad():
            cell.bias_ih[hidden : 2 * hidden] = forget_bias
            cell.bias_hh[hidden : 2 * hidden] = 0
        start = start.replace(", forget bias 1", "") + f", forget bias {forget_bias:g}"
    return cell, start


def check_sizes(
    length: int, hidden: int, batch: int, gain: float, inputs: float, clip: float | None
) -> None:
    """Raise UserError for what no experiment can have."""
    if length < 2:
        raise UserError(f"--length got {length}; expected at least 2 steps, to go back over one.")
    for flag, value in (("hidden", hidden), ("batch", batch)):
        if value < 1:
            raise UserError(f"--{flag} got {value}; expected at least 1.")
    if not gain > 0:
        raise UserError(f"--gain got {gain:g}; expected more than 0.")
    if not inputs >= 0:
        raise UserError(f"--inputs got {inputs:g}; expected 0 (silence) or more.")
    if clip is not None and not clip > 0:
        raise UserError(f"--clip got {clip:g}; expected more than 0.")
