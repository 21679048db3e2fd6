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

MANY = 5  # names that a sentence about a wrong one shows at most


@dataclass(frozen=True)
class Named:
    """A row of the table. cell: the class in `unroll.cells`. purpose: what it is for, in a line.
    options: what its constructor is given beside the sizes."""

    cell: str
    purpose: str
    options: dict[str, Any] = field(default_factory=dict)


FAMILIES: dict[str, dict[str, Named]] = {
    "plain": {
        "rnn": Named("RNNCell", "short memories, teaching, the baseline that every gate must beat"),
        "rnn_relu": Named(
            "RNNCell",
            "as rnn, with relu; language models start it at the identity",
            {"nonlinearity": "relu"},
        ),
        "irnn": Named(
            "IRNNCell", "long memories at the price of a simple cell: relu, identity start"
        ),
        "jordan": Named("JordanCell", "control, teaching: what is fed back is the output"),
    },
    "LSTM": {
        "lstm": Named("LSTMCell", "the default: language, speech, anything with long memories"),
        "projected_lstm": Named(
            "ProjectedLSTMCell", "a large memory with a small recurrent product"
        ),
        "peephole_lstm": Named(
            "PeepholeLSTMCell", "counting and exact timing: the gates see the memory"
        ),
        "coupled_lstm": Named(
            "CoupledLSTMCell", "three quarters of the weights: one gate lets in and forgets"
        ),
        "janet": Named("JANETCell", "long memories at half of the weights: the forget gate alone"),
        "layer_norm_lstm": Named("LayerNormLSTMCell", "steadier training: norms inside the step"),
        "multiplicative_lstm": Named(
            "MultiplicativeLSTMCell", "characters and bytes: each changes the state in its own way"
        ),
        "slstm": Named("SLSTMCell", "decisions that are revised: exponential gates, heads (xLSTM)"),
        "no_input_gate_lstm": Named(
            "NoInputGateLSTMCell", "what the input gate is worth: an LSTM without it"
        ),
        "no_forget_gate_lstm": Named(
            "NoForgetGateLSTMCell", "what the forget gate is worth: an LSTM without it"
        ),
        "no_output_gate_lstm": Named(
            "NoOutputGateLSTMCell", "what the output gate is worth: an LSTM without it"
        ),
        "no_input_activation_lstm": Named(
            "NoInputActivationLSTMCell", "what the tanh on the way in is worth: an LSTM without it"
        ),
        "no_output_activation_lstm": Named(
            "NoOutputActivationLSTMCell",
            "what the tanh on the way out is worth: an LSTM without it",
        ),
        "full_gate_recurrence_lstm": Named(
            "FullGateRecurrenceLSTMCell",
            "gates that also read the gates before, as in the first LSTM",
        ),
    },
    "GRU": {
        "gru": Named(
            "GRUCell", "as good as an LSTM on many tasks, with three quarters of its weights"
        ),
        "original_gru": Named(
            "OriginalGRUCell", "weights of the paper, of Keras' reset_after=False, of ONNX"
        ),
        "minimal_gated": Named(
            "MinimalGatedCell", "two thirds of a GRU's weights: one gate resets and updates"
        ),
        "layer_norm_gru": Named("LayerNormGRUCell", "steadier training: norms inside the step"),
        "mut1": Named(
            "MUT1Cell", "found by search: a GRU whose update gate does not see the state"
        ),
        "mut2": Named(
            "MUT2Cell", "found by search: a GRU whose reset gate takes the input as it is"
        ),
        "mut3": Named(
            "MUT3Cell", "found by search: a GRU whose update gate sees tanh of the state"
        ),
    },
    "depth and time": {
        "depth_gated": Named(
            "DepthGatedLSTMCell", "deep stacks: a gate links the memories of neighbouring layers"
        ),
        "clockwork": Named("ClockworkRNNCell", "signals at several speeds: modules with periods"),
        "recurrent_highway": Named(
            "RecurrentHighwayCell", "language with one wide layer: a step of several highway layers"
        ),
        "conv_lstm": Named(
            "ConvLSTMCell", "sequences of images or maps: products are convolutions"
        ),
    },
    "independent and linear": {
        "indrnn": Named("IndRNNCell", "thousands of steps, deep stacks: a recurrent weight a unit"),
        "sru": Named("SRUCell", "deep stacks at the speed of a feed-forward layer"),
        "qrnn": Named("QRNNCell", "fast language models: gates from the inputs alone"),
        "min_gru": Named("MinGRUCell", "long sequences, small budgets: two products a step"),
        "min_lstm": Named("MinLSTMCell", "as min_gru, with a gate more"),
        "lru": Named("LRUCell", "thousands of steps, deep stacks: units that turn and decay"),
        "rg_lru": Named("RGLRUCell", "language over long texts: a decay that the input slows down"),
    },
    "reservoirs": {
        "echo_state": Named(
            "EchoStateCell", "small data, chaotic series: the recurrent weights stay as drawn"
        ),
        "deep_echo_state": Named(
            "DeepEchoStateCell", "signals at several speeds: a stack of reservoirs"
        ),
    },
}

# cells that take a cell: in Python, or in a file of one's own
WRAPPERS = (
    "AttentiveCell",
    "DilatedCell",
    "GateNormCell",
    "HighwayCell",
    "RecurrentDropoutCell",
    "ResidualCell",
    "StackedCell",
    "UpdateDropoutCell",
    "WeightDropCell",
    "ZoneoutCell",
)

CELLS: dict[str, Named] = {name: row for rows in FAMILIES.values() for name, row in rows.items()}


def named_cell(name: str, **options: Any) -> Callable[[int, int], Cell]:
    """The cell of this name, as a callable of `(input_size, hidden_size)`.

    options: further arguments of its constructor.
    Raises: UserError, which is a ValueError, for an unknown name, with those that are near.
    """
    if name not in CELLS:
        raise UserError(
            f"There is no cell named {name!r}{near(name)}. `unroll cells` lists every name."
        )
    row = CELLS[name]
    cell = getattr(import_module("unroll.cells"), row.cell)
    options = row.options | options
    return partial(cell, **options) if options else cell


def options_of(make: Callable[..., Any]) -> dict[str, Any]:
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


def near(name: str) -> str:
    """The names that are like a wrong one, as the end of a sentence; empty where none is."""
    word = name.strip().lower().replace("-", "_")
    wrapper = {w.lower().removesuffix("cell"): w for w in WRAPPERS}.get(
        word.replace("_", "").removesuffix("cell")
    )
    if wrapper is not None:
        return (
            f"; unroll.{wrapper} is a wrapper, which takes a cell: write a function that returns "
            "it into a file of yours, and name it by --cell FILE.py:FUNCTION"
        )
    by_spelling = {row.cell.lower(): known for known, row in reversed(CELLS.items())}
    by_spelling |= {known: known for known in CELLS}
    like = get_close_matches(word, by_spelling, MANY)
    like += [spelling for spelling in by_spelling if len(word) > 1 and word in spelling]
    names = list(dict.fromkeys(by_spelling[spelling] for spelling in like))[:MANY]
    return f"; near it: {', '.join(names)}" if names else ""
