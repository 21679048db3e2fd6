"""How far back the gradient of a freshly initialised cell flows: no trained model is needed.

Random sequences, a loss at their last step, and the gradient at every state on the way back.
T time, B batch, I input, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

import torch
from torch import Tensor, nn

from unroll.cells import Cell, State, cell_factory
from unroll.cells.user_cell import parse_cell_file
from unroll.engine import Recording, unroll
from unroll.errors import UserError
from unroll.inspect.flow import Flow, measure_flow
from unroll.inspect.gradients import Gradients
from unroll.inspect.trajectory import recorded_trajectory, require_gradients
from unroll.inspect.truncation import cell_weight_gradient
from unroll.models.initialisation import (
    BIASES,
    FORGET_GATES,
    has_gate_weights,
    initialise,
    set_forget_bias,
)
from unroll.settings import RecurrentSettings, settings_from
from unroll.terminal import shortened
from unroll.training.run_cell import given_cell

INITIALISATIONS = get_args(RecurrentSettings.model_fields["initialisation"].annotation)
TORCH_CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
MOST = 1_000_000  # steps, units or sequences


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
    own_start: bool = False,
    progress: Callable[[str, float], None] = lambda name, share: None,
) -> Gradients:
    """Follow the gradient of a loss at the last step back through fresh cells, in float64.

    When to use it: to see how a cell, an initialisation or a forget bias affects long-range
    gradients before anything is trained. The default takes seconds.

        L = sum over sequences of |y_T - target|^2 / 2,   or white noise in place of dL/dy_T

    Args:
        cells: names that `unroll cells` lists, or FILE.py:CLASS.
        length: T, in steps.
        hidden: H = I.
        batch: B, sequences side by side.
        seed: of weights, inputs and targets.
        init: as the setting `initialisation`, the same for all cells whose papers ask for no other
            start; "auto" is "orthogonal": orthogonal recurrent weights, Xavier inputs, zero biases, and
            1 for the bias of every forget gate.
        gain: a factor of the recurrent weights.
        forget_bias: of every cell with a forget gate. Default: as `init` sets it.
        inputs: the standard deviation of the inputs; 0 for inputs that are all zero.
        noise: put white noise in at the loss.
        clip: the norm to which the gradient of the weights is clipped. Default: no clipping.
        own_start: each cell starts as `unroll train` starts it, LSTM, GRU and Elman cells by `init`, all
            others by themselves. Differences are then those of cell and start together.
        progress: called with the cell and the share of it that is done.

    Raises:
        UserError: for a name, a size or an initialisation that does not exist.

    Examples:
        >>> from unroll.inspect import gradients_of_cells
        >>> gradients = gradients_of_cells(["rnn"], length=20, hidden=8)
        >>> len(gradients.flows[0].norms["h"])
        20
    """
    check_sizes(length, hidden, batch, gain, inputs, clip)
    if not -(2**63) <= seed < 2**63:
        raise UserError(f"--seed got {shortened(str(seed), 30)}; expected a number of 64 bits.")
    if not cells:
        raise UserError("--cells names no cell; expected names such as rnn,lstm.")
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(length, batch, hidden, generator=generator, dtype=torch.float64) * inputs
    target = torch.randn(batch, hidden, generator=generator, dtype=torch.float64)
    initialised = [
        make_cell(name, hidden, seed, init, gain, forget_bias, own_start) for name in cells
    ]
    if forget_bias is not None and not any(has_forget_bias(cell) for cell, _ in initialised):
        raise UserError(
            f"--forget-bias is for cells with a forget gate, and {', '.join(cells)} has none. "
            "Leave the flag out, or add lstm."
        )
    flows = [
        measure_cell(name, cell, start, x, target, noise, clip, progress=partial(progress, name))
        for name, (cell, start) in zip(cells, initialised, strict=True)
    ]
    conditions: dict[str, Any] = {
        "length": length,
        "hidden": hidden,
        "batch": batch,
        "seed": seed,
        "init": init,
        "starts": "each cell its own" if own_start else "the same rule for all that have no own",
        "gain": gain,
        "forget_bias": forget_bias,
        "inputs": inputs,
        "at_the_loss": "white noise" if noise else "squared error of the last step",
        "clip": clip,
    }
    where = "white noise put in" if noise else "a squared error"
    title = f"Gradients of fresh cells: {where} at step {length}, followed back"
    return Gradients(title, conditions, tuple(flows))


def measure_cell(
    name: str,
    cell: Cell,
    start: str,
    x: Tensor,
    target: Tensor,
    noise: bool,
    clip: float | None = None,
    initial: State | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Flow:
    """Run one cell over a batch and follow the gradient back from its last step.

    Args:
        name: the label of the flow.
        cell: in float64 and eval mode.
        start: how its weights were initialised, in words.
        x: [T, B, I].
        target: of the squared error, or the noise itself, [B, H].
        noise: whether `target` is the gradient at the last output.
        clip: the norm to which the gradient of the weights is clipped.
        initial: the state before the first step. Default: that of the cell.
        progress: called with the share that is done.

    Raises:
        UserError: where the state overflows.
    """
    if initial is None:
        initial = cell.initial_state(x.shape[1], dtype=x.dtype)
    initial = require_gradients(initial)
    record = Recording()
    output, _ = unroll(cell, x, initial, record=record, backend="loop")
    last = output[-1]
    if last.shape != target.shape:  # a projection: the first numbers of the target
        target = target.repeat(1, -(-last.shape[1] // target.shape[1]))[:, : last.shape[1]]
    at_loss = target if noise else last.detach() - target
    last.backward(at_loss)
    trajectory = recorded_trajectory(cell, x, initial, record)
    return measure_flow(
        name,
        trajectory,
        record,
        start=start,
        weight_gradient=cell_weight_gradient(trajectory, at_loss),
        clip=clip,
        progress=progress,
    )


def make_cell(
    name: str,
    hidden: int,
    seed: int,
    init: str,
    gain: float,
    forget_bias: float | None,
    own_start: bool = False,
) -> tuple[Cell, str]:
    """A fresh cell in float64 and eval mode, and how it was initialised, in words.

    Args:
        name: of the cell.
        hidden: H = I.
        seed: of its weights.
        init: the name of an initialisation.
        gain: a factor of the recurrent weights.
        forget_bias: of every cell with a forget gate. Default: as `init` sets it.
        own_start: each cell starts as in training, LSTM, GRU and Elman cells by `init`, others by
            themselves.

    Raises:
        UserError: for an unknown cell or initialisation, and a gain for a cell without weight_hh.
    """
    if parse_cell_file(name) is None:
        cell_factory(name)  # raises for a wrong name, with similar names
    if init not in INITIALISATIONS:
        raise UserError(f"--init got {init!r}; expected one of {', '.join(INITIALISATIONS)}.")
    settings = settings_from(RecurrentSettings, {"cell": name})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # drawn in float64: an orthogonal matrix of float32 is another on another processor, and a
        # network that explodes makes that visible
        cell = given_cell(settings).make(hidden, hidden).double().eval()
        if own_start:
            start = initialise(cell, init if isinstance(cell, TORCH_CELLS) else "auto")
        elif starts_as_torch(cell):
            rule = "orthogonal" if init == "auto" else init
            start = initialise(cell, rule) if rule != "torch" else "uniform in +-1/sqrt(H)"
        else:
            start = "the start of its paper"
    if gain != 1:
        scale_recurrent_weights(name, cell, gain)
        start += f", recurrent weights times {gain:g}"
    if forget_bias is not None and has_forget_bias(cell):
        set_forget_bias(cell, forget_bias)
        start = start.replace(", forget bias 1", "") + f", forget bias {forget_bias:g}"
    return cell, start


def starts_as_torch(cell: Cell) -> bool:
    """Whether a cell has no start of its own: gates' weights, drawn uniformly as torch draws them."""
    common = isinstance(cell, TORCH_CELLS) or type(cell).reset_parameters is Cell.reset_parameters
    return common and has_gate_weights(cell)


def has_forget_bias(cell: Cell) -> bool:
    """Whether a cell has a forget gate with a bias that is known."""
    gated = [m for m in cell.modules() if isinstance(m, tuple(FORGET_GATES))]
    return any(isinstance(getattr(m, key, None), nn.Parameter) for m in gated for key in BIASES)


@torch.no_grad()
def scale_recurrent_weights(name: str, cell: Cell, gain: float) -> None:
    """Multiply weight_hh of a cell, in place.

    Args:
        name: of the cell, for the error.
        cell: whose weight_hh, a parameter or a buffer, is multiplied.
        gain: the factor.

    Raises:
        UserError: where the cell has no weight_hh.
    """
    tensors = {**dict(cell.named_buffers()), **dict(cell.named_parameters())}
    if "weight_hh" not in tensors:
        raise UserError(
            f"--gain multiplies weight_hh, which {name} does not have. Leave out {name} or --gain."
        )
    tensors["weight_hh"].mul_(gain)


def check_sizes(
    length: int, hidden: int, batch: int, gain: float, inputs: float, clip: float | None
) -> None:
    """Raise UserError for a size or a factor that is out of range."""
    if length < 2:
        raise UserError(f"--length got {length}; expected at least 2.")
    for flag, value in (("length", length), ("hidden", hidden), ("batch", batch)):
        if value < 1:
            raise UserError(f"--{flag} got {value}; expected at least 1.")
        if value > MOST:
            raise UserError(f"--{flag} got {shortened(str(value), 30)}; expected at most {MOST:,}.")
    if not gain > 0:
        raise UserError(f"--gain got {gain:g}; expected more than 0.")
    if not inputs >= 0:
        raise UserError(f"--inputs got {inputs:g}; expected 0 or more.")
    if clip is not None and not clip > 0:
        raise UserError(f"--clip got {clip:g}; expected more than 0.")
