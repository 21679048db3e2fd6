"""The gradient of the weights as a sum over steps, for a fresh cell or the network of a run.

T time, B batch, I input, H hidden, V letters.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unroll.cells import Cell, State, map_state
from unroll.engine import Recording, unroll
from unroll.errors import UserError
from unroll.inspect.bars import format_share
from unroll.inspect.cell_walk import HIDDEN, check_sizes, read_inputs
from unroll.inspect.chosen_loss import loss_of_text
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    format_number,
    html_table,
    network_alone,
    round_digits,
)
from unroll.inspect.flow import step_norms
from unroll.inspect.page import Section
from unroll.inspect.step_summands import START, step_summands
from unroll.inspect.trajectory import require_gradients
from unroll.inspect.word_bars import draw_word_bars, shown_word, table_with_bars
from unroll.layers.recorded import RecordedCall, part_names
from unroll.run import Run
from unroll.settings import RecurrentSettings, settings_from
from unroll.terminal import shortened
from unroll.training.run_cell import given_cell

TEXT_WEIGHTS = 2  # weights that have a column in a terminal
CUT = (
    "cut here: the share of the gradient that is missing where the steps before are left out, as "
    "truncated backpropagation does."
)


@dataclass(frozen=True)
class LayerSummands:
    """The summands of one cell, or of one layer and direction of a network.

    Attributes:
        name: of the cell or layer.
        steps: the steps whose summands there are, from 0, the first that the cell reads first.
        states: |dE/d field| by field of the state, one number a step.
        summands: by weight, the norm of the summand of each step.
        totals: the norm of the summand of each step over all weights.
        sums: by weight, the norm of the sum of all summands.
        left_out: the share of the gradient, |g - g_k| / |g|, that is missing where the steps before
            step k are left out, as truncated backpropagation does.
        difference: |sum of the summands - gradient of autograd| / |gradient of autograd|.
    """

    name: str
    steps: list[int]
    states: dict[str, list[float]]
    summands: dict[str, list[float]]
    totals: list[float]
    sums: dict[str, float]
    left_out: list[float]
    difference: float


@dataclass(frozen=True)
class Summands(Finding):
    """The gradient of the weights, step by step. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        words: what is read at each step, T.
        at: the step of the loss, from 0.
        layers: of each cell.
    """

    title: str
    conditions: dict[str, Any]
    words: list[str]
    at: int
    layers: list[LayerSummands]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "layers": [
                {
                    "name": layer.name,
                    "sums": {name: round_digits(v) for name, v in layer.sums.items()},
                    "difference_from_autograd": layer.difference,
                    "steps": [
                        {
                            "step": step + 1,
                            "reads": self.reads(step),
                            "states": rounded(layer.states, n),
                            "summand": round_digits(layer.totals[n]),
                            "summands": rounded(layer.summands, n),
                            "left_out_before": round_digits(layer.left_out[n]),
                        }
                        for n, step in enumerate(layer.steps)
                    ],
                }
                for layer in self.layers
            ],
            "verdict": self.verdicts(),
        }

    def reads(self, step: int) -> str:
        """What a step reads."""
        return "(start)" if step == START else self.words[step]

    def layer_table(self, layer: LayerSummands, most: int | None = None) -> list[list[str]]:
        """One row a step; the last row is the sum of all.

        Args:
            layer: whose steps they are.
            most: so many weights at most have a column, matrices first. Default: all.
        """
        fields = [f"|dE/d{name}|" for name in layer.states]
        shown = list(layer.summands)
        if most is not None and len(shown) > most:
            shown = [n for n in shown if "weight" in n][:most] or shown[:most]
        rows = [["step", "reads", *fields, "summand", *shown, "cut here"]]
        for n, step in enumerate(layer.steps):
            row = [str(step + 1), shown_word(self.reads(step))]
            row += [format_number(norms[n]) for norms in layer.states.values()]
            row += [format_number(layer.totals[n])]
            row += [format_number(layer.summands[name][n]) for name in shown]
            rows.append([*row, format_share(layer.left_out[n])])
        whole = math.hypot(*layer.sums.values())
        sums = [format_number(v) for v in (whole, *(layer.sums[name] for name in shown))]
        rows.append(["sum", "", *[""] * len(fields), *sums, ""])
        return rows

    def table(self) -> list[list[str]]:
        """The steps of all layers; the first row holds the names of the columns."""
        tables = [self.layer_table(layer) for layer in self.layers]
        if len(tables) == 1:
            return tables[0]
        wide = max(tables, key=lambda rows: len(rows[0]))[0]
        rows = [["layer", *wide]]
        for layer, own in zip(self.layers, tables, strict=True):
            rows += [[layer.name, *row, *[""] * (len(wide) - len(row))] for row in own[1:]]
        return rows

    def verdicts(self) -> list[str]:
        """What the numbers say."""
        sentences = []
        for layer in self.layers:
            close = f"to {layer.difference:.0e} of it" if layer.difference else "exactly"
            sentence = (
                f"{layer.name}: the sum of the {len(layer.steps)} summands is the gradient that autograd "
                f"finds, {close}."
            )
            whole = math.hypot(*layer.sums.values())
            if whole == 0:
                sentences.append(f"{layer.name}: the gradient is zero: no weight is told anything.")
                continue
            first, largest = layer.totals[0], max(layer.totals)
            n = layer.totals.index(largest)
            sentence += (
                f" The largest is that of step {layer.steps[n] + 1} "
                f"({shown_word(self.reads(layer.steps[n]))}), {format_number(largest)}; that of the "
                f"first step is {format_number(first)}."
            )
            sentences.append(sentence + self.truncation(layer))
        return sentences

    def truncation(self, layer: LayerSummands) -> str:
        """What short windows leave out, as a sentence."""
        count = len(layer.steps)
        windows = [w for w in (1, 2, 5, 10, 35) if w < count]
        if not windows:
            return ""
        said = ", ".join(f"{format_share(layer.left_out[count - w])} ({w})" for w in windows)
        return f" Truncated to so many steps, it misses {said} of the gradient."

    def text(self) -> str:
        """The table of each layer with bars, and what it says."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})"]
        for layer in self.layers:
            rows = self.layer_table(layer, TEXT_WEIGHTS)
            lines += ["", layer.name] if len(self.layers) > 1 else [""]
            lines += table_with_bars(rows, layer.totals)
        return "\n".join([*lines, "", CUT, *self.verdicts()])

    def pictures(self) -> dict[str, Picture]:
        """`summands`: a row for each step; of several layers one picture each."""
        several = len(self.layers) > 1
        return {
            f"summands {layer.name}" if several else "summands": Picture(
                partial(self._draw, layer), self.rows(layer)
            )
            for layer in self.layers
        }

    def rows(self, layer: LayerSummands) -> Sequence[Row]:
        """The numbers of a picture."""
        head = ["step", "reads", *(f"state_{name}" for name in layer.states), "summand"]
        rows: list[Row] = [[*head, *layer.summands, "left_out_before"]]
        for n, step in enumerate(layer.steps):
            states = [norms[n] for norms in layer.states.values()]
            each = [norms[n] for norms in layer.summands.values()]
            numbers = [*states, layer.totals[n], *each, layer.left_out[n]]
            rows.append([step + 1, self.reads(step), *numbers])
        return rows

    def _draw(self, layer: LayerSummands) -> Drawing:
        recurrent = [n for n in layer.summands if "hh" in n]
        bars = {"summand of all weights": layer.totals}
        bars |= {f"of {name}": layer.summands[name] for name in recurrent[:1]}
        notes = [f"cut here: {format_share(share)} missing" for share in layer.left_out]
        title = f"{self.title}: {layer.name}" if len(self.layers) > 1 else self.title
        words = [f"{step + 1} {shown_word(self.reads(step))}" for step in layer.steps]
        marked = layer.steps.index(self.at) if self.at in layer.steps else None
        return draw_word_bars(title, words, bars, marked=marked, notes=notes)

    def section(self) -> Section:
        """The picture of each layer, what it says, and the numbers."""
        pictures = "".join(self.figure(name) for name in self.pictures())
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": pictures,
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in [CUT, *self.verdicts()]),
            "table": html_table(self.table()),
        }
        return Section("verdicts", self.title, parts)


def summands_of_cell(
    name: str = "rnn",
    text: str = "hello",
    *,
    at: int | None = None,
    hidden: int = HIDDEN,
    seed: int = 1,
    cell_options: str | dict[str, Any] | None = None,
) -> Summands:
    """The gradient of the loss of one step of a fresh cell, as a sum over steps, in float64.

    When to use it: to see backpropagation through time at work, and what truncation leaves out.

        E_t = -log softmax(V h_t + b)[letter t + 1],      dE_t/dW = sum_k dE_t/ds_k d+s_k/dW

    Args:
        name: of the cell, as `unroll cells` lists it, or FILE.py:CLASS.
        text: whose letters are the inputs, one-hot; each next letter is to be predicted.
        at: t, the step of the loss, from 1. Default: the last that has a next letter.
        hidden: H.
        seed: of the weights of the cell and of V and b.
        cell_options: further arguments of the cell, by name or as JSON.

    Raises:
        UserError: for a cell, a text or a size that cannot be used.

    Examples:
        >>> from unroll.inspect import summands_of_cell
        >>> found = summands_of_cell("rnn", "hello", at=4)
        >>> found.layers[0].steps, found.layers[0].difference < 1e-12
        ([0, 1, 2, 3], True)
    """
    words, letters, x = read_inputs(text, None)
    if len(words) < 2:
        raise UserError(f"TEXT is {text!r}; expected two letters or more: one predicts the next.")
    t = len(words) - 1 if at is None else at
    check_sizes(hidden, len(words), None)
    if not 1 <= t < len(words):
        raise UserError(
            f"--at got {t}; expected a step from 1 to {len(words) - 1}: after it another letter follows."
        )
    settings = settings_from(RecurrentSettings, {"cell": name, "cell_options": cell_options or {}})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        cell = given_cell(settings).make(x.shape[1], hidden).double().eval()
        output = nn.Linear(cell.output_size, len(letters)).double()
    target = torch.tensor([letters.index(words[t])])
    record, inputs = Recording(), x[:t, None]
    initial = require_gradients(cell.initial_state(1, dtype=x.dtype))
    y, _ = unroll(cell, inputs, initial, record=record, backend="loop")
    loss = cross_entropy(output(y[-1]), target)
    (at_last,) = torch.autograd.grad(loss, y, retain_graph=True)
    loss.backward()
    layer = layer_summands(name, cell, inputs, at_last, record, None)
    conditions = {
        "at": t,
        "predicts": words[t],
        "loss": round(float(loss.detach()), 4),
        "units": hidden,
        "seed": seed,
    }
    what = shortened(repr(text), 40)
    title = f"The gradient of the loss of step {t} of {name} over {what}, as a sum over steps"
    return Summands(title, conditions, words[:t], t - 1, [layer])


def summands_of_run(
    run: Run, text: str, *, at: str | int | None = None, condition: str | None = None
) -> Summands:
    """The gradient of the recurrent weights of a run for one word's loss, as a sum over steps.

    When to use it: to see from which words a trained network learns when it predicts this one.

    Args:
        run: of a language model, a tagger or a classifier of texts; it is not changed.
        text: that is read.
        at: the word, the step or the label whose loss is taken; see `loss_of_text`.
        condition: the category, for language models that were trained with one.

    Raises:
        UserError: for a text or a choice that the run cannot read, and for other tasks.
    """
    chosen = loss_of_text(run, text, None if at is None else str(at), condition)
    for call in chosen.calls:
        call.output.retain_grad()
    chosen.loss.backward()
    layers = [layer for call in chosen.calls for layer in call_summands(call)]
    conditions = {
        "run": str(run.path),
        "loss_of": chosen.of,
        "probability": round_digits(chosen.probability),
        **network_alone(run),
    }
    title = f"The gradient of the loss of {chosen.of} in {run.path.name}, as a sum over steps"
    return Summands(title, conditions, chosen.words, chosen.at, layers)


def call_summands(call: RecordedCall) -> list[LayerSummands]:
    """The summands of each direction of a layer whose output has its gradient.

    Args:
        call: with one sequence.

    Raises:
        UserError: for a layer of several layers, whose inner outputs are not known.
    """
    layer, found = call.layer, []
    if layer.num_layers > 1:
        raise UserError(
            "The recurrent layers of this run are in one block; summands are known of blocks of one "
            "layer. Take a run of a language model, a tagger or a classifier."
        )
    at_outputs = call.output.grad
    if at_outputs is None:
        at_outputs = torch.zeros_like(call.output)
    parts = zip(part_names(call.name, layer), layer.parts()[0], call.records, strict=True)
    for direction, (name, part, record) in enumerate(parts):
        width = at_outputs.shape[-1] // layer.directions
        own = at_outputs[..., direction * width : (direction + 1) * width]
        cell, T = part.cell, len(call.x)
        initial = None
        if call.state is not None:
            initial = map_state(lambda s, n=direction: s[n], call.state)
        turned = direction == 1
        x, own = (call.x.flip(0), own.flip(0)) if turned else (call.x, own)
        steps = list(range(T))[::-1] if turned else list(range(T))
        found.append(layer_summands(name, cell, x.detach(), own, record, initial, steps))
    return found


def layer_summands(
    name: str,
    cell: Cell,
    x: Tensor,
    at_outputs: Tensor,
    record: Recording,
    initial: State | None,
    steps: list[int] | None = None,
) -> LayerSummands:
    """Measure the summands of one cell whose loss has been differentiated.

    Args:
        name: of the cell or layer.
        cell: in float64 and eval mode; its parameters have their gradients by autograd.
        x: its inputs in the order in which it reads them, [T, B, I].
        at_outputs: dE/d output, in the same order, [T, B, O].
        record: the gradients at its states, by step of the sequence.
        initial: the state before the first step. Default: that of the cell.
        steps: the step of the sequence that is read first, second, ... Default: 0, 1, ...
    """
    order = list(range(len(x))) if steps is None else steps
    weights = {n: p for n, p in cell.named_parameters() if p.requires_grad}
    totals = {n: torch.zeros_like(p) for n, p in weights.items()}
    norms: dict[int, dict[str, float]] = {}
    for k, summand in step_summands(cell, x, at_outputs, initial):
        norms[k] = {n: float(g.norm()) for n, g in summand.items()}
        for n, g in summand.items():
            totals[n] += g
    whole = norm_of(totals)
    rest = {n: g.clone() for n, g in totals.items()}
    left_out: dict[int, float] = {}
    for k, summand in step_summands(cell, x, at_outputs, initial):
        for n, g in summand.items():
            rest[n] -= g
        left_out[k] = norm_of(rest) / whole if whole else 0.0
    first = min(norms)
    left_out[first] = 0.0  # nothing is before it; what is left is rounding
    exact = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in weights.items()}
    wrong = norm_of({n: totals[n] - exact[n] for n in totals})
    kept = sorted(norms)
    arriving = {
        field: step_norms(record.gradients.get(field, torch.zeros_like(states)))
        for field, states in record.states.items()
        if states.is_floating_point()
    }
    return LayerSummands(
        name=name,
        steps=[k if k == START else order[k] for k in kept],
        states={f: [0.0 if k == START else v[order[k]] for k in kept] for f, v in arriving.items()},
        summands={n: [norms[k][n] for k in kept] for n in weights},
        totals=[math.hypot(*norms[k].values()) if norms[k] else 0.0 for k in kept],
        sums={n: float(g.norm()) for n, g in totals.items()},
        left_out=[left_out[k] for k in kept],
        difference=wrong / norm_of(exact) if norm_of(exact) else wrong,
    )


def norm_of(tensors: dict[str, Tensor]) -> float:
    """The norm of all tensors together."""
    return math.hypot(*(float(t.norm()) for t in tensors.values())) if tensors else 0.0


def rounded(numbers: dict[str, list[float]], n: int) -> dict[str, float | None]:
    """The number of one step, by name."""
    return {name: round_digits(values[n]) for name, values in numbers.items()}
