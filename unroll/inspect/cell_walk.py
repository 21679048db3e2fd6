"""A walk through the steps of one cell: every gate and state as numbers, in letters that readers know.

T steps, I input, H hidden.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells import Cell, fields
from unroll.engine import Recording, unroll
from unroll.engine.refusal import Unplannable
from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    html_table,
    round_digits,
    text_table,
)
from unroll.inspect.hand_set import hand_set_weights, read_small, set_weights
from unroll.inspect.notation import Notation, Value, equations_of, named_weights, notation_of
from unroll.inspect.page import Section
from unroll.inspect.step_diagram import StepPart, as_text, draw_step, new_parts, step_parts
from unroll.inspect.unrolled_diagram import draw_unrolled
from unroll.settings import RecurrentSettings, settings_from
from unroll.terminal import printable, shortened
from unroll.training.run_cell import given_cell

MOST_STEPS, MOST_UNITS, LARGEST = 200, 64, 2**20
SHOWN = 6  # units in a terminal
HIDDEN = 3


@dataclass(frozen=True)
class CellWalk(Finding):
    """Every value of every step of one cell over a short input. A notebook shows its step as a picture.

    Attributes:
        title: what was run.
        conditions: under which conditions.
        cell: the name of the cell.
        inputs: what is read at each step, T texts.
        x: the same as numbers, [T, I].
        notation: stages, values and weights in the letters of a text.
        values: by the key of a value, [T, H].
        states: the names of the fields of the state.
        weights: by the names of the text.
        at: the step that pictures show, from 1.
        parts: the operations of a step; empty where it cannot be traced.
        refusal: why it cannot; else empty.
        lines: the equations of the cell's page, where the notation has none.
    """

    title: str
    conditions: dict[str, Any]
    cell: str
    inputs: list[str]
    x: Tensor
    notation: Notation
    values: dict[str, Tensor]
    states: list[str]
    weights: dict[str, Tensor]
    at: int
    parts: list[StepPart]
    refusal: str
    lines: list[str]

    def numbers(self, value: Value) -> Tensor:
        """A value at every step as the text means it, [T, H]."""
        found = self.values[value.key]
        return 1 - found if value.turned else found

    @property
    def all_values(self) -> list[Value]:
        """The values of all stages, in their order."""
        return [value for stage in self.notation.stages for value in stage.values]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "remark": self.notation.remark,
            "stages": [
                {
                    "title": stage.title,
                    "values": [
                        {"symbol": v.symbol, "name": v.key, "equation": v.equation}
                        for v in stage.values
                    ],
                }
                for stage in self.notation.stages
            ],
            "weights": {name: rounded(value) for name, value in self.weights.items()},
            "steps": [
                {
                    "input": self.inputs[t],
                    "x": rounded(self.x[t]),
                    **{v.symbol: rounded(self.numbers(v)[t]) for v in self.all_values},
                }
                for t in range(len(self.inputs))
            ],
        }

    def table(self) -> list[list[str]]:
        """One row per step and value; the first row holds the names of the columns."""
        units = max(int(self.numbers(v).shape[1]) for v in self.all_values)
        rows = [["step", "input", "value", *(f"unit {k}" for k in range(1, units + 1))]]
        for t, symbol in enumerate(self.inputs):
            for value in self.all_values:
                row = [f"{number:.3f}" for number in self.numbers(value)[t].tolist()]
                rows.append([str(t + 1), symbol, value.symbol, *row, *[""] * (units - len(row))])
        return rows

    def text(self) -> str:
        """The equations, then the numbers of every step."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})"]
        lines += [self.notation.remark] if self.notation.remark else []
        for k, stage in enumerate(self.notation.stages, 1):
            lines += ["", f"{k}. {stage.title}"]
            lines += [f"     {v.symbol} = {v.equation}" for v in stage.values if v.equation]
        if self.lines:
            lines += ["", "Equations of the cell:", *(f"     {line}" for line in self.lines)]
        for t, symbol in enumerate(self.inputs):
            x = "" if self.x.shape[1] > SHOWN else f": x = {as_text(self.x[t], 0, SHOWN)}"
            lines += ["", f"Step {t + 1}, {printable(symbol)}{x}"]
            rows = [
                [f"  {v.symbol}", *cut([f"{n:.3f}" for n in self.numbers(v)[t].tolist()])]
                for v in self.all_values
            ]
            width = max(map(len, rows))
            lines += text_table([row + [""] * (width - len(row)) for row in rows]).splitlines()
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`step`, then one figure of each stage, `unrolled`; the numbers are those of all steps."""
        rows: Sequence[Row] = self.table()
        found = {}
        if self.parts:
            found["step"] = Picture(partial(self._draw_step, None), rows)
            for k in range(len(self.notation.stages)):
                found[f"figure {k + 1}"] = Picture(partial(self._draw_step, k), rows)
        return found | {"unrolled": Picture(self._draw_unrolled, rows)}

    def _draw_step(self, stage: int | None) -> Drawing:
        """The operations of a step; those that are new in a stage stand out, with their numbers."""
        groups = [[value.key for value in s.values] for s in self.notation.stages]
        lit: set[StepPart] = set()
        title = f"{self.cell}: one step, {shown_input(self.inputs[self.at - 1])} at step {self.at}"
        shown = self.all_values
        if stage is not None:
            lit = new_parts(self.parts, groups)[stage]
            title = f"{stage + 1}. {self.notation.stages[stage].title}"
            shown = [v for s in self.notation.stages[: stage + 1] for v in s.values]
        # pictures name a value as the cell does, so the number is the cell's own
        notes = {v.key: as_text(self.values[v.key][self.at - 1]) for v in shown}
        return draw_step(self.parts, title, lit, notes)

    def _draw_unrolled(self) -> Drawing:
        return draw_unrolled(self.cell, self.states, [shown_input(word) for word in self.inputs])

    def section(self) -> Section:
        """The loop, the figures one below the other, the weights and the numbers of all steps."""
        figures = [
            self._draw_step(k).figure(captions(stage.values))
            for k, stage in enumerate(self.notation.stages)
            if self.parts
        ]
        weights = "".join(
            f"<h4>{html.escape(name)}</h4>{html_table(matrix_rows(value))}"
            for name, value in self.weights.items()
        )
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "remark": html.escape(self.notation.remark or self.refusal),
            "unrolled": self._draw_unrolled().figure(),
            "figures": "".join(figures),
            "equations": "".join(
                f"<li><code>{html.escape(line)}</code></li>" for line in self.lines
            ),
            "weights": weights,
            "table": html_table(self.table()),
        }
        return Section("walk", self.title, parts)


def walk_of_cell(
    name: str = "lstm",
    text: str | None = None,
    *,
    numbers: str | None = None,
    hidden: int = HIDDEN,
    seed: int = 1,
    weights: str | None = None,
    notation: str = "torch",
    at: int | None = None,
    cell_options: str | dict[str, Any] | None = None,
) -> CellWalk:
    """Run one cell over a short input, and keep every gate and state of every step.

    When to use it: to see with numbers what the equations of a cell do, and to try weights by hand.

    Args:
        name: of the cell, as `unroll cells` lists it, or FILE.py:CLASS.
        text: whose letters are the inputs, one-hot in the order in which they first occur.
            Default: "hello".
        numbers: a file of comma-separated values in place of a text, one step a line.
        hidden: H; one for the counter.
        seed: of the weights.
        weights: "counter" (an LSTM that adds one at a, takes one away at b, and is reset by all
            other letters), or a file of weights by name, JSON or safetensors. Default: fresh ones.
        notation: "torch", "karpathy", "olah", "ng" or "wildml"; the last four for rnn, lstm, gru.
        at: the step that pictures show, from 1. Default: the last.
        cell_options: further arguments of the cell, by name or as JSON.

    Raises:
        UserError: for a cell, a notation, a file or a size that cannot be used.

    Examples:
        >>> from unroll.inspect import walk_of_cell
        >>> walk = walk_of_cell("lstm", "aaabba", weights="counter")
        >>> [round(c) for c in walk.values["c"][:, 0].tolist()]
        [1, 2, 3, 2, 1, 2]
    """
    inputs, letters, x = read_inputs(text, numbers)
    if weights == "counter":
        hidden = 1
    check_sizes(hidden, len(inputs), at)
    settings = settings_from(RecurrentSettings, {"cell": name, "cell_options": cell_options or {}})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        cell = given_cell(settings).make(x.shape[1], hidden).double().eval()
    if weights is not None:
        set_weights(cell, hand_set_weights(weights, letters), weights)
    values, states = run_over(cell, x)
    keys = [k for k in values if k not in states] + states
    shown = notation_of(name, cell, keys, notation)
    try:
        parts, refusal = step_parts(cell, x.shape[1]), ""
    except Unplannable as error:
        parts, refusal = [], f"The step has no picture: {error}."
    conditions = {
        "inputs": x.shape[1],
        "units": hidden,
        "weights": weights or f"fresh, seed {seed}",
        "notation": notation,
    }
    what = f'"{shortened(text or "hello", 40)}"' if numbers is None else numbers
    return CellWalk(
        title=f"{name} over {what}, step by step",
        conditions=conditions,
        cell=name,
        inputs=inputs,
        x=x,
        notation=shown,
        values=values,
        states=states,
        weights=named_weights(cell, shown),
        at=at or len(inputs),
        parts=parts,
        refusal=refusal,
        lines=[] if all(v.equation for s in shown.stages for v in s.values) else equations_of(cell),
    )


def run_over(cell: Cell, x: Tensor) -> tuple[dict[str, Tensor], list[str]]:
    """The values and states of every step.

    Args:
        cell: in float64 and eval mode.
        x: [T, I].

    Returns:
        By name, [T, ...] flattened to two axes: taps in the order of the step, then the fields of
        the state; and the names of those fields.
    """
    record = Recording()
    with torch.no_grad():
        unroll(cell, x[:, None], record=record, backend="loop")
    names = [name for name, _ in fields(cell.initial_state(1))]
    found = {**record.values, **record.states}
    return {key: value[:, 0].flatten(1).double() for key, value in found.items()}, names


def read_inputs(text: str | None, numbers: str | None) -> tuple[list[str], list[str], Tensor]:
    """What is read at each step.

    Args:
        text: whose letters are one-hot.
        numbers: a file of comma-separated values.

    Returns:
        T texts, the letters or columns that the inputs stand for, and the inputs [T, I].

    Raises:
        UserError: for an empty text, and a file that holds no numbers.
    """
    if text is not None and numbers is not None:
        raise UserError("Both TEXT and --numbers were given; expected one of them.")
    if numbers is None:
        text = "hello" if text is None else text
        if not text:
            raise UserError("TEXT is empty; expected at least one letter.")
        letters = list(dict.fromkeys(text))
        ids = torch.tensor([letters.index(c) for c in text])
        return list(text), letters, functional.one_hot(ids, len(letters)).double()
    content = read_small(Path(numbers), numbers, LARGEST).decode("utf-8", "replace")
    rows = []
    for line, row in enumerate(csv.reader(io.StringIO(content)), 1):
        try:
            rows.append([float(word) for word in row])
        except ValueError as error:
            raise UserError(
                f"{numbers}, line {line}: {shortened(str(row), 60)} is not all numbers; expected one step a "
                "line, as 0.5,-1."
            ) from error
        if len(rows[-1]) != len(rows[0]) or not rows[-1]:
            raise UserError(
                f"{numbers}, line {line} has {len(rows[-1])} numbers; expected {len(rows[0])}, as line 1."
            )
    if not rows:
        raise UserError(f"{numbers} is empty; expected one step a line, as 0.5,-1.")
    columns = [f"x{k}" for k in range(1, len(rows[0]) + 1)]
    words = [" ".join(f"{v:g}" for v in row) for row in rows]
    return words, columns, torch.tensor(rows, dtype=torch.float64)


def check_sizes(hidden: int, steps: int, at: int | None) -> None:
    """Raise UserError for sizes that no one can read, and a step that does not exist."""
    if not 1 <= hidden <= MOST_UNITS:
        raise UserError(f"--hidden got {hidden}; expected 1 to {MOST_UNITS} units to look at.")
    if steps > MOST_STEPS:
        raise UserError(f"The input has {steps:,} steps; expected at most {MOST_STEPS} to look at.")
    if at is not None and not 1 <= at <= steps:
        raise UserError(f"--at got {at}; expected a step from 1 to {steps}.")


def shown_input(word: str) -> str:
    """An input as a picture names it."""
    return {" ": "space", "\n": "newline", "\t": "tab"}.get(word, shortened(word, 12))


def captions(values: Sequence[Value]) -> str:
    """Equations side by side."""
    return ",   ".join(f"{v.symbol} = {v.equation}" if v.equation else v.symbol for v in values)


def cut(words: list[str]) -> list[str]:
    """The numbers that a terminal has room for."""
    return words if len(words) <= SHOWN else [*words[:SHOWN], "…"]


def rounded(value: Tensor) -> Any:
    """A tensor as nested lists of numbers to four digits."""
    if value.dim() == 0:
        return round_digits(float(value))
    return [rounded(part) for part in value]


def matrix_rows(value: Tensor) -> list[list[str]]:
    """A matrix as a table; a vector as one column."""
    matrix = value if value.dim() == 2 else value[:, None]
    head = ["unit", *(str(k) for k in range(1, matrix.shape[1] + 1))]
    rows = [[str(n), *(f"{v:.3f}" for v in row)] for n, row in enumerate(matrix.tolist(), 1)]
    return [head, *rows]
