"""The table of all cells, by the names that `Recurrent("lstm", ...)` and `--cell lstm` take.

It needs no torch, so that `unroll cells`, `unroll train --help` and the error about an unknown name
are quick. Every other list of cells is derived from it.
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
            "RNNCell", "short memories, teaching, the baseline that a gated cell must beat"
        ),
        "rnn_relu": CellRow(
            "RNNCell",
            "as rnn, with relu; language models start it at the identity",
            module="rnn",
            options={"nonlinearity": "relu"},
        ),
        "irnn": CellRow(
            "IRNNCell", "long memories at the cost of a simple cell: relu, identity start"
        ),
        "jordan": CellRow(
            "JordanCell", "control, teaching: feeds back its output, not its hidden layer"
        ),
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
            "CoupledLSTMCell", "three quarters of an LSTM's weights: input and forget gate are one"
        ),
        "janet": CellRow(
            "JANETCell", "long memories at half of an LSTM's weights: a forget gate only"
        ),
        "layer_norm_lstm": CellRow(
            "LayerNormLSTMCell", "steadier training: layer normalisation inside the step"
        ),
        "multiplicative_lstm": CellRow(
            "MultiplicativeLSTMCell",
            "characters and bytes: each symbol changes the state in its own way",
        ),
        "slstm": CellRow(
            "SLSTMCell",
            "decisions that may be revised: exponential gates, heads (xLSTM)",
            state="SLSTMState",
        ),
        "no_input_gate_lstm": CellRow(
            "NoInputGateLSTMCell", "an LSTM without input gate, to measure what the gate is worth"
        ),
        "no_forget_gate_lstm": CellRow(
            "NoForgetGateLSTMCell", "an LSTM without forget gate, to measure what the gate is worth"
        ),
        "no_output_gate_lstm": CellRow(
            "NoOutputGateLSTMCell", "an LSTM without output gate, to measure what the gate is worth"
        ),
        "no_input_activation_lstm": CellRow(
            "NoInputActivationLSTMCell",
            "an LSTM without tanh of the candidate, to measure its worth",
        ),
        "no_output_activation_lstm": CellRow(
            "NoOutputActivationLSTMCell",
            "an LSTM without tanh of the output, to measure its worth",
        ),
        "full_gate_recurrence_lstm": CellRow(
            "FullGateRecurrenceLSTMCell",
            "gates also read the last step's gates, as in the first LSTM",
            state="FullGateRecurrenceLSTMState",
        ),
    },
    "GRU": {
        "gru": CellRow(
            "GRUCell", "as good as an LSTM on many tasks, with three quarters of its weights"
        ),
        "original_gru": CellRow(
            "OriginalGRUCell", "weights from the paper, Keras (reset_after=False) or ONNX"
        ),
        "minimal_gated": CellRow(
            "MinimalGatedCell", "two thirds of a GRU's weights: one gate resets and updates"
        ),
        "layer_norm_gru": CellRow(
            "LayerNormGRUCell", "steadier training: layer normalisation inside the step"
        ),
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
            "signals at several speeds: modules with their own periods",
            state="ClockworkState",
        ),
        "recurrent_highway": CellRow(
            "RecurrentHighwayCell", "language with one wide layer: several highway layers per step"
        ),
        "conv_lstm": CellRow(
            "ConvLSTMCell", "sequences of images or maps: products are convolutions"
        ),
    },
    "independent and linear": {
        "indrnn": CellRow(
            "IndRNNCell", "thousands of steps, deep stacks: one recurrent weight per unit"
        ),
        "sru": CellRow("SRUCell", "deep stacks at the speed of a feed-forward layer"),
        "qrnn": CellRow(
            "QRNNCell", "fast language models: gates from the inputs alone", state="QRNNState"
        ),
        "min_gru": CellRow("MinGRUCell", "long sequences, small budgets: two products per step"),
        "min_lstm": CellRow("MinLSTMCell", "as min_gru, with one more gate"),
        "lru": CellRow(
            "LRUCell",
            "thousands of steps, deep stacks: units that rotate and decay",
            state="LRUState",
        ),
        "rg_lru": CellRow("RGLRUCell", "language over long texts: the input slows the decay"),
    },
    "reservoirs": {
        "echo_state": CellRow(
            "EchoStateCell", "small data, chaotic series: recurrent weights are not trained"
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
        "ZoneoutCell",
        "against overfitting without losing memory: units randomly keep their old value",
    ),
    "recurrent_dropout": CellRow("RecurrentDropoutCell", "against overfitting, at 0.1 to 0.3"),
    "update_dropout": CellRow("UpdateDropoutCell", "against overfitting, where a memory must last"),
    "weight_drop": CellRow("WeightDropCell", "the AWD-LSTM's language models"),
    "residual": CellRow("ResidualCell", "stacks of more than four layers; I = H"),
    "highway": CellRow(
        "HighwayCell", "deep stacks that learn how much of each layer they use; any widths"
    ),
    "attentive": CellRow(
        "AttentiveCell", "an output of a few steps ago, unchanged", state="AttentiveState"
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

    Args:
        name: as `unroll cells` lists it.
        options: further arguments of the constructor.

    Raises:
        UserError: (a ValueError) the name is unknown; the message suggests similar names.
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
    """The arguments of a constructor beside the sizes, with their defaults (`Parameter.empty`: none)."""
    parameters = list(signature(make).parameters.values())[2:]
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {
        p.name: p.default
        for p in parameters
        if p.kind in named and p.name not in ("device", "dtype")
    }


def options_example(needs: list[str]) -> str:
    """The flag that gives a constructor the arguments that it requires."""
    return "--cell-options '{" + ", ".join(f'"{name}": ...' for name in needs) + "}'"


def suggestions(name: str) -> str:
    """Names that are similar to an unknown one, as the end of a sentence; empty where there are none."""
    word = name.strip().lower().replace("-", "_")
    wrappers = {row.cell.lower().removesuffix("cell"): row.cell for row in WRAPPERS.values()}
    wrapper = wrappers.get(word.replace("_", "").removesuffix("cell"))
    if wrapper is not None:
        return (
            f"; unroll.{wrapper} is a wrapper around a cell: write a function that returns the "
            "wrapped cell, and pass it as --cell FILE.py:FUNCTION"
        )
    by_spelling = {row.cell.lower(): known for known, row in reversed(CELLS.items())}
    by_spelling |= {known: known for known in CELLS}
    like = get_close_matches(word, by_spelling, SUGGESTIONS)
    like += [spelling for spelling in by_spelling if len(word) > 1 and word in spelling]
    names = list(dict.fromkeys(by_spelling[spelling] for spelling in like))[:SUGGESTIONS]
    return f"; similar names: {', '.join(names)}" if names else ""
