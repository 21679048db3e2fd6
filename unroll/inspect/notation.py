"""The equations of the standard cells in the letters of five well-known texts.

A cell computes what its own docstring says; here the same numbers get the names that a reader
knows. Where a text defines a value the other way round, the number is turned too: z of the GRU in
torch keeps the old state, in most tutorials it takes in the new one.

t: a step, H hidden, I input.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.cells import Cell
from unroll.errors import UserError

NOTATIONS = ("torch", "karpathy", "olah", "ng", "wildml")
SOURCES = {
    "torch": "https://docs.pytorch.org/docs/stable/nn.html#recurrent-layers",
    "karpathy": "https://karpathy.github.io/2015/05/21/rnn-effectiveness/",
    "olah": "https://colah.github.io/posts/2015-08-Understanding-LSTMs/",
    "ng": "https://www.deeplearning.ai/courses/deep-learning-specialization/",
    "wildml": "https://github.com/dennybritz/rnn-tutorial-gru-lstm",
}
WITHOUT_TABLE = "the equations of the cell's own page"


@dataclass(frozen=True)
class Value:
    """A value of a step, and what a text calls it.

    Attributes:
        key: of a recording: a tap of the cell or a field of its new state.
        symbol: what the text calls it.
        equation: how it is computed, in the letters of the text; empty where that is not known.
        turned: whether the text means one minus the number.
    """

    key: str
    symbol: str
    equation: str = ""
    turned: bool = False


@dataclass(frozen=True)
class Stage:
    """One figure of a walk through a step.

    Attributes:
        title: what happens in it.
        values: that are new in it.
    """

    title: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class NamedWeight:
    """A matrix or vector of a cell under the name of a text.

    Attributes:
        symbol: what the text calls it.
        part: "input" [H, I], "recurrent" [H, H], "stacked" [H, H + I] (recurrent, then input) or
            "bias" [H], the sum of both.
        gate: which H rows of torch's weights, from 0.
        sign: -1 where the text means the value the other way round.
    """

    symbol: str
    part: str
    gate: int = 0
    sign: int = 1


@dataclass(frozen=True)
class Notation:
    """A cell in the letters of one text.

    Attributes:
        stages: of the walk, in the order of the text.
        weights: of the text.
        remark: where the cell and the text differ; else empty.
    """

    stages: tuple[Stage, ...]
    weights: tuple[NamedWeight, ...] = ()
    remark: str = ""


FORGET, IN, MEMORY, OUT = (
    "What to forget",
    "What to take in",
    "The new memory",
    "What to put out",
)
ONE = "The new state"
RESET_AFTER = "The text resets h before the product, this cell after it (as torch); original_gru is the text's."


def lstm(
    f: tuple[str, str], i: tuple[str, str], g: tuple[str, str], c: tuple[str, str],
    o: tuple[str, str], h: tuple[str, str], weights: Sequence[NamedWeight],
) -> Notation:  # fmt: skip
    """The LSTM as four figures; each argument is a symbol and its equation."""
    return Notation(
        (
            Stage(FORGET, (Value("forget_gate", *f),)),
            Stage(IN, (Value("input_gate", *i), Value("candidate", *g))),
            Stage(MEMORY, (Value("c", *c),)),
            Stage(OUT, (Value("output_gate", *o), Value("h", *h))),
        ),
        tuple(weights),
    )


def gru(
    r: tuple[str, str], z: tuple[str, str], n: tuple[str, str], h: tuple[str, str],
    weights: Sequence[NamedWeight], *, turned: bool = False, remark: str = "",
) -> Notation:  # fmt: skip
    """The GRU as four figures; each argument is a symbol and its equation.

    Args:
        r: the reset gate.
        z: the update gate.
        n: the candidate.
        h: the new state.
        weights: of the text.
        turned: whether z of the text takes in the candidate.
        remark: where cell and text differ.
    """
    return Notation(
        (
            Stage("What of the past the candidate sees", (Value("reset_gate", *r),)),
            Stage("The candidate", (Value("candidate", *n),)),
            Stage("How much is new", (Value("update_gate", *z, turned=turned),)),
            Stage(ONE, (Value("h", *h),)),
        ),
        tuple(weights),
        remark,
    )


def elman(h: tuple[str, str], weights: Sequence[NamedWeight]) -> Notation:
    """The Elman network in one figure. h: the symbol of the state and its equation."""
    return Notation((Stage(ONE, (Value("h", *h),)),), tuple(weights))


def gates(form: str, names: Sequence[tuple[str, int]], parts: Sequence[str]) -> list[NamedWeight]:
    """The weights of gates. form: of a symbol, with {part} and {gate}; parts: PART=LETTER."""
    return [
        NamedWeight(form.format(part=letter, gate=gate), part, number)
        for gate, number in names
        for part, _, letter in (word.partition("=") for word in parts)
    ]


LSTM_ROWS = (("f", 1), ("i", 0), ("g", 2), ("o", 3))  # gates, and where torch's weights have them

TABLE: dict[tuple[str, str], Notation] = {
    ("rnn", "torch"): elman(
        ("h'", "tanh(W_ih x + b_ih + W_hh h + b_hh)"),
        [NamedWeight("W_ih", "input"), NamedWeight("W_hh", "recurrent"), NamedWeight("b_ih + b_hh", "bias")],
    ),
    ("rnn", "karpathy"): elman(
        ("h_t", "tanh(W_hh h_{t-1} + W_xh x_t + b_h)"),
        [NamedWeight("W_hh", "recurrent"), NamedWeight("W_xh", "input"), NamedWeight("b_h", "bias")],
    ),
    ("rnn", "olah"): elman(
        ("h_t", "tanh(W · [h_{t-1}, x_t] + b)"),
        [NamedWeight("W", "stacked"), NamedWeight("b", "bias")],
    ),
    ("rnn", "ng"): elman(
        ("a<t>", "tanh(W_a [a<t-1>, x<t>] + b_a)"),
        [NamedWeight("W_a", "stacked"), NamedWeight("b_a", "bias")],
    ),
    ("rnn", "wildml"): elman(
        ("s_t", "tanh(U x_t + W s_{t-1} + b)"),
        [NamedWeight("U", "input"), NamedWeight("W", "recurrent"), NamedWeight("b", "bias")],
    ),
    ("lstm", "torch"): lstm(
        ("f", "sigmoid(W_if x + b_if + W_hf h + b_hf)"),
        ("i", "sigmoid(W_ii x + b_ii + W_hi h + b_hi)"),
        ("g", "tanh(W_ig x + b_ig + W_hg h + b_hg)"),
        ("c'", "f * c + i * g"),
        ("o", "sigmoid(W_io x + b_io + W_ho h + b_ho)"),
        ("h'", "o * tanh(c')"),
        gates("{part}{gate}", LSTM_ROWS, ["input=W_i", "recurrent=W_h", "bias=b_"]),
    ),
    ("lstm", "karpathy"): lstm(
        ("f", "σ(W_xf x_t + W_hf h_{t-1} + b_f)"),
        ("i", "σ(W_xi x_t + W_hi h_{t-1} + b_i)"),
        ("g", "tanh(W_xg x_t + W_hg h_{t-1} + b_g)"),
        ("c_t", "f ⊙ c_{t-1} + i ⊙ g"),
        ("o", "σ(W_xo x_t + W_ho h_{t-1} + b_o)"),
        ("h_t", "o ⊙ tanh(c_t)"),
        gates("{part}{gate}", LSTM_ROWS, ["input=W_x", "recurrent=W_h", "bias=b_"]),
    ),
    ("lstm", "olah"): lstm(
        ("f_t", "σ(W_f · [h_{t-1}, x_t] + b_f)"),
        ("i_t", "σ(W_i · [h_{t-1}, x_t] + b_i)"),
        ("C~_t", "tanh(W_C · [h_{t-1}, x_t] + b_C)"),
        ("C_t", "f_t * C_{t-1} + i_t * C~_t"),
        ("o_t", "σ(W_o · [h_{t-1}, x_t] + b_o)"),
        ("h_t", "o_t * tanh(C_t)"),
        gates("{part}{gate}", [("f", 1), ("i", 0), ("C", 2), ("o", 3)], ["stacked=W_", "bias=b_"]),
    ),
    ("lstm", "ng"): lstm(
        ("Γ_f", "σ(W_f [a<t-1>, x<t>] + b_f)"),
        ("Γ_u", "σ(W_u [a<t-1>, x<t>] + b_u)"),
        ("c~<t>", "tanh(W_c [a<t-1>, x<t>] + b_c)"),
        ("c<t>", "Γ_u * c~<t> + Γ_f * c<t-1>"),
        ("Γ_o", "σ(W_o [a<t-1>, x<t>] + b_o)"),
        ("a<t>", "Γ_o * tanh(c<t>)"),
        gates("{part}{gate}", [("f", 1), ("u", 0), ("c", 2), ("o", 3)], ["stacked=W_", "bias=b_"]),
    ),
    ("lstm", "wildml"): lstm(
        ("f", "σ(x_t U^f + s_{t-1} W^f + b^f)"),
        ("i", "σ(x_t U^i + s_{t-1} W^i + b^i)"),
        ("g", "tanh(x_t U^g + s_{t-1} W^g + b^g)"),
        ("c_t", "c_{t-1} ∘ f + g ∘ i"),
        ("o", "σ(x_t U^o + s_{t-1} W^o + b^o)"),
        ("s_t", "tanh(c_t) ∘ o"),
        gates("{part}^{gate}", LSTM_ROWS, ["input=U", "recurrent=W", "bias=b"]),
    ),
    ("gru", "torch"): gru(
        ("r", "sigmoid(W_ir x + b_ir + W_hr h + b_hr)"),
        ("z", "sigmoid(W_iz x + b_iz + W_hz h + b_hz)"),
        ("n", "tanh(W_in x + b_in + r * (W_hn h + b_hn))"),
        ("h'", "(1 - z) * n + z * h"),
        gates("{part}{gate}", [("r", 0), ("z", 1), ("n", 2)], ["input=W_i", "recurrent=W_h"]),
    ),
    ("gru", "karpathy"): gru(
        ("r_t", "σ(W_xr x_t + W_hr h_{t-1} + b_r)"),
        ("z_t", "σ(W_xz x_t + W_hz h_{t-1} + b_z)"),
        ("h~_t", "tanh(W_xh x_t + b_xh + r_t ⊙ (W_hh h_{t-1} + b_hh))"),
        ("h_t", "z_t ⊙ h_{t-1} + (1 - z_t) ⊙ h~_t"),
        gates("{part}{gate}", [("r", 0), ("z", 1), ("h", 2)], ["input=W_x", "recurrent=W_h"]),
        remark=RESET_AFTER,
    ),
    ("gru", "olah"): gru(
        ("r_t", "σ(W_r · [h_{t-1}, x_t] + b_r)"),
        ("z_t", "σ(W_z · [h_{t-1}, x_t] + b_z)"),
        ("h~_t", "tanh(W_x x_t + b_x + r_t * (W_h h_{t-1} + b_h))"),
        ("h_t", "(1 - z_t) * h_{t-1} + z_t * h~_t"),
        [
            NamedWeight("W_r", "stacked", 0), NamedWeight("b_r", "bias", 0),
            NamedWeight("W_z", "stacked", 1, -1), NamedWeight("b_z", "bias", 1, -1),
            NamedWeight("W_x", "input", 2), NamedWeight("W_h", "recurrent", 2),
        ],
        turned=True,
        remark=RESET_AFTER + " z takes in the new: one minus torch's.",
    ),
    ("gru", "ng"): gru(
        ("Γ_r", "σ(W_r [c<t-1>, x<t>] + b_r)"),
        ("Γ_u", "σ(W_u [c<t-1>, x<t>] + b_u)"),
        ("c~<t>", "tanh(W_x x<t> + b_x + Γ_r * (W_c c<t-1> + b_c))"),
        ("c<t>", "Γ_u * c~<t> + (1 - Γ_u) * c<t-1>"),
        [
            NamedWeight("W_r", "stacked", 0), NamedWeight("b_r", "bias", 0),
            NamedWeight("W_u", "stacked", 1, -1), NamedWeight("b_u", "bias", 1, -1),
            NamedWeight("W_x", "input", 2), NamedWeight("W_c", "recurrent", 2),
        ],
        turned=True,
        remark=RESET_AFTER + " Γ_u takes in the new: one minus torch's z.",
    ),
    ("gru", "wildml"): gru(
        ("r", "σ(x_t U^r + s_{t-1} W^r + b^r)"),
        ("z", "σ(x_t U^z + s_{t-1} W^z + b^z)"),
        ("h", "tanh(x_t U^h + b_U + r ∘ (s_{t-1} W^h + b_W))"),
        ("s_t", "(1 - z) ∘ h + z ∘ s_{t-1}"),
        gates("{part}^{gate}", [("r", 0), ("z", 1), ("h", 2)], ["input=U", "recurrent=W"]),
        remark=RESET_AFTER,
    ),
}  # fmt: skip


def notation_of(name: str, cell: Cell, keys: Sequence[str], notation: str) -> Notation:
    """A cell in a notation.

    Args:
        name: of the cell, as `unroll cells` lists it or FILE.py:CLASS.
        cell: the cell itself.
        keys: what a recording of it holds: taps, then fields of the state, in the order of the step.
        notation: one of `NOTATIONS`.

    Returns:
        The table's notation; for a cell that is in no table, with "torch", the equations of its own
        docstring, one figure for each value.

    Raises:
        UserError: for an unknown notation, and one that has no letters for the cell.
    """
    if notation not in NOTATIONS:
        raise UserError(f"--notation got {notation!r}; expected one of {', '.join(NOTATIONS)}.")
    if (name, notation) in TABLE:
        return TABLE[name, notation]
    if notation != "torch":
        known = ", ".join(dict.fromkeys(cell for cell, _ in TABLE))
        raise UserError(
            f"--notation {notation} has letters for {known} only, not for {name}. Leave it out: then "
            f"{WITHOUT_TABLE} are shown."
        )
    return notation_of_docstring(cell, keys)


def notation_of_docstring(cell: Cell, keys: Sequence[str]) -> Notation:
    """What a cell's docstring says of its values: a comment behind an equation names the tap.

        f = sigmoid(W_if x + W_hf h + b_f)      forget gate

    Args:
        cell: the cell.
        keys: taps, then fields of the state, in the order of the step.
    """
    known: dict[str, tuple[str, str]] = {}
    for line in equations_of(cell):
        found = re.match(r"([\w~]+'?) = (.+?)(?:\s{2,}([\w ]+).*)?$", line)
        if found:
            symbol, equation, comment = found.groups()
            known[symbol.replace("'", "_next")] = (symbol, equation)
            if comment:
                known[comment.strip().replace(" ", "_")] = (symbol, equation)
    stages = []
    for key in keys:
        symbol, equation = known.get(f"{key}_next", known.get(key, (key.replace("_", " "), "")))
        stages.append(Stage(key.replace("_", " "), (Value(key, symbol, equation),)))
    return Notation(tuple(stages))


def equations_of(cell: Cell) -> list[str]:
    """The lines of the block "Equations" of a cell's docstring; empty where it has none."""
    _, found, rest = (type(cell).__doc__ or "").partition("Equations")
    lines: list[str] = []
    for line in rest.splitlines()[1:] if found else []:
        if line.startswith("        ") and line.strip():
            lines.append(line.strip())
        elif lines and line.strip():
            break
    return lines


def named_weights(cell: Cell, notation: Notation) -> dict[str, Tensor]:
    """The weights of a cell under the names of a text.

    Args:
        cell: one that has torch's four tensors.
        notation: of the text.
    """
    H = cell.hidden_size
    parts = dict(cell.named_parameters())
    found = {}
    for weight in notation.weights:
        rows = slice(weight.gate * H, (weight.gate + 1) * H)
        if weight.part == "bias":
            if "bias_ih" not in parts:
                continue
            value = parts["bias_ih"][rows] + parts["bias_hh"][rows]
        else:
            recurrent, inputs = parts["weight_hh"][rows], parts["weight_ih"][rows]
            stacked = torch.cat([recurrent, inputs], 1)
            value = {"recurrent": recurrent, "input": inputs, "stacked": stacked}[weight.part]
        found[weight.symbol] = weight.sign * value.detach()
    return found
