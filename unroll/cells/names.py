"""The cells by the names that `Recurrent("lstm", ...)` and `--cell lstm` take.

No torch here, so that `unroll cells`, `unroll train --help` and a wrong name answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.cells.cell import Cell

SUGGESTIONS = 5  # names that an error about an unknown name shows at most


@dataclass(frozen=True)
class CellRow:
    """A row of the table: all that the package has to know of a cell before it is loaded.

    Attributes:
        cell: name of the class, public as `unroll.CLASS`.
        purpose: what the cell is for, in one line without a full stop.
        module: its file in `unroll/cells/`; the name of the row where empty.
        state: name of the NamedTuple that this file defines for its state, public too; None where
            the state is a tensor or is defined elsewhere.
        options: arguments of the constructor beside the sizes, for a name that fixes some.
    """

    cell: str
    purpose: str
    module: str = ""
    state: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


FAMILIES: dict[str, dict[str, CellRow]] = {
    "plain": {
        "rnn": CellRow(
            "RNNCell", "short memories, teaching, the baseline that every gate must beat"
        ),
        "rnn_relu": CellRow(
            "RNNCell",
            "as rnn, with relu; language models start it at the identity",
            module="rnn",
            options={"nonlinearity": "relu"},
        ),
        "irnn": CellRow(
            "IRNNCell", "long memories at the price of a simple cell: relu, identity start"
        ),
        "jordan": CellRow("JordanCell", "control, teaching: what is fed back is the output"),
    },
    "LSTM": {
        "lstm": CellRow(
            "LSTMCell",
            "the default: language, speech, anything with long memories",
            state="LSTMState",
        ),
        "projected_lstm": CellRow(
            "ProjectedLSTMCell", "a large memory with a small recurrent product"
        ),
        "peephole_lstm": CellRow(
            "PeepholeLSTMCell", "counting and exact timing: the gates see the memory"
        ),
        "coupled_lstm": CellRow(
            "CoupledLSTMCell", "three quarters of the weights: one gate lets in and forgets"
        ),
        "janet": CellRow(
            "JANETCell", "long memories at half of the weights: the forget gate alone"
        ),
        "layer_norm_lstm": CellRow("LayerNormLSTMCell", "steadier training: norms inside the step"),
        "multiplicative_lstm": CellRow(
            "MultiplicativeLSTMCell", "characters and bytes: each changes the state in its own way"
        ),
        "slstm": CellRow(
            "SLSTMCell",
            "decisions that are revised: exponential gates, heads (xLSTM)",
            state="SLSTMState",
        ),
        "no_input_gate_lstm": CellRow(
            "NoInputGateLSTMCell", "what the input gate is worth: an LSTM without it"
        ),
        "no_forget_gate_lstm": CellRow(
            "NoForgetGateLSTMCell", "what the forget gate is worth: an LSTM without it"
        ),
        "no_output_gate_lstm": CellRow(
            "NoOutputGateLSTMCell", "what the output gate is worth: an LSTM without it"
        ),
        "no_input_activation_lstm": CellRow(
            "NoInputActivationLSTMCell", "what the tanh on the way in is worth: an LSTM without it"
        ),
        "no_output_activation_lstm": CellRow(
            "NoOutputActivationLSTMCell",
            "what the tanh on the way out is worth: an LSTM without it",
        ),
        "full_gate_recurrence_lstm": CellRow(
            "FullGateRecurrenceLSTMCell",
            "gates that also read the gates before, as in the first LSTM",
            state="FullGateRecurrenceLSTMState",
        ),
    },
    "GRU": {
        "gru": CellRow(
            "GRUCell", "as good as an LSTM on many tasks, with three quarters of its weights"
        ),
        "original_gru": CellRow(
            "OriginalGRUCell", "weights of the paper, of Keras' reset_after=False, of ONNX"
        ),
        "minimal_gated": CellRow(
            "MinimalGatedCell", "two thirds of a GRU's weights: one gate resets and updates"
        ),
        "layer_norm_gru": CellRow("LayerNormGRUCell", "steadier training: norms inside the step"),
        "mut1": CellRow(
            "MUT1Cell",
            "found by search: a GRU whose update gate does not see the state",
            module="mut",
        ),
        "mut2": CellRow(
            "MUT2Cell",
            "found by search: a GRU whose reset gate takes the input as it is",
            module="mut",
        ),
        "mut3": CellRow(
            "MUT3Cell",
            "found by search: a GRU whose update gate sees tanh of the state",
            module="mut",
        ),
    },
    "depth and time": {
        "depth_gated": CellRow(
            "DepthGatedLSTMCell",
            "deep stacks: a gate links the memories of neighbouring layers",
            state="DepthGatedState",
        ),
        "clockwork": CellRow(
            "ClockworkRNNCell",
            "signals at several speeds: modules with periods",
            state="ClockworkState",
        ),
        "recurrent_highway": CellRow(
            "RecurrentHighwayCell", "language with one wide layer: a step of several highway layers"
        ),
        "conv_lstm": CellRow(
            "ConvLSTMCell", "sequences of images or maps: products are convolutions"
        ),
    },
    "independent and linear": {
        "indrnn": CellRow(
            "IndRNNCell", "thousands of steps, deep stacks: a recurrent weight a unit"
        ),
        "sru": CellRow("SRUCell", "deep stacks at the speed of a feed-forward layer"),
        "qrnn": CellRow(
            "QRNNCell", "fast language models: gates from the inputs alone", state="QRNNState"
        ),
        "min_gru": CellRow("MinGRUCell", "long sequences, small budgets: two products a step"),
        "min_lstm": CellRow("MinLSTMCell", "as min_gru, with a gate more"),
        "lru": CellRow(
            "LRUCell",
            "thousands of steps, deep stacks: units that turn and decay",
            state="LRUState",
        ),
        "rg_lru": CellRow(
            "RGLRUCell", "language over long texts: a decay that the input slows down"
        ),
    },
    "reservoirs": {
        "echo_state": CellRow(
            "EchoStateCell", "small data, chaotic series: the recurrent weights stay as drawn"
        ),
        "deep_echo_state": CellRow(
            "DeepEchoStateCell",
            "signals at several speeds: a stack of reservoirs",
            state="DeepEchoState",
        ),
    },
}

# cells that take a cell: used in Python, or in a file of the user's own; their files are in wrappers/
WRAPPERS: dict[str, CellRow] = {
    "zoneout": CellRow(
        "ZoneoutCell", "against overfitting, memory kept: units keep their old value now and then"
    ),
    "recurrent_dropout": CellRow("RecurrentDropoutCell", "against overfitting, at 0.1 to 0.3"),
    "update_dropout": CellRow("UpdateDropoutCell", "against overfitting, where a memory must last"),
    "weight_drop": CellRow("WeightDropCell", "the AWD-LSTM's language models"),
    "residual": CellRow("ResidualCell", "stacks of more than four layers; I = H"),
    "highway": CellRow(
        "HighwayCell", "deep stacks that learn how much of each layer they want; any widths"
    ),
    "attentive": CellRow(
        "AttentiveCell", "something of a few steps ago, as it was", state="AttentiveState"
    ),
    "gate_norm": CellRow("GateNormCell", "steadier training of a cell that has no normalised form"),
    "dilated": CellRow(
        "DilatedCell", "long sequences: stacks whose dilations double", state="DilatedState"
    ),
    "stacked": CellRow(
        "StackedCell",
        "a wrapper around a whole stack, skip connections, layers of different kinds",
    ),
}

CELLS: dict[str, CellRow] = {name: row for rows in FAMILIES.values() for name, row in rows.items()}


def public_classes() -> dict[str, str]:
    """Every class of the cells that is public, with its file: `LSTMCell` in `lstm`."""
    homes = {"Cell": "cell", "Noise": "cell", "Wrapper": "wrappers.wrapper"}
    rows = [("", CELLS), ("wrappers.", WRAPPERS)]
    for folder, table in rows:
        for name, row in table.items():
            for public in (row.cell, row.state):
                if public is not None:
                    homes.setdefault(public, folder + (row.module or name))
    return homes


def cell_factory(name: str, **options: Any) -> Callable[[int, int], Cell]:
    """The cell of this name, as a callable of `(input_size, hidden_size)`.

    options: further arguments of its constructor.
    Raises: UserError, which is a ValueError, for an unknown name, with those that are near.
    """
    if name not in CELLS:
        raise UserError(
            f"There is no cell named {name!r}{suggestions(name)}. `unroll cells` lists every name."
        )
    row = CELLS[name]
    cell = getattr(import_module("unroll.cells"), row.cell)
    options = row.options | options
    return partial(cell, **options) if options else cell


def constructor_options(make: Callable[..., Any]) -> dict[str, Any]:
    """What a cell's constructor takes beyond the sizes, with the defaults (`Parameter.empty`: none)."""
    parameters = list(signature(make).parameters.values())[2:]
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {
        p.name: p.default
        for p in parameters
        if p.kind in named and p.name not in ("device", "dtype")
    }


def options_example(needs: list[str]) -> str:
    """The flag that gives a constructor what it cannot do without."""
    return "--cell-options '{" + ", ".join(f'"{name}": ...' for name in needs) + "}'"


def suggestions(name: str) -> str:
    """The names that are like a wrong one, as the end of a sentence; empty where none is."""
    word = name.strip().lower().replace("-", "_")
    wrappers = {row.cell.lower().removesuffix("cell"): row.cell for row in WRAPPERS.values()}
    wrapper = wrappers.get(word.replace("_", "").removesuffix("cell"))
    if wrapper is not None:
        return (
            f"; unroll.{wrapper} is a wrapper, which takes a cell: write a function that returns "
            "it into a file of yours, and name it by --cell FILE.py:FUNCTION"
        )
    by_spelling = {row.cell.lower(): known for known, row in reversed(CELLS.items())}
    by_spelling |= {known: known for known in CELLS}
    like = get_close_matches(word, by_spelling, SUGGESTIONS)
    like += [spelling for spelling in by_spelling if len(word) > 1 and word in spelling]
    names = list(dict.fromkeys(by_spelling[spelling] for spelling in like))[:SUGGESTIONS]
    return f"; near it: {', '.join(names)}" if names else ""
