"""The result of `unroll inspect gradients`, in every form that people and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.bars import bar_chart, format_share
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, Row, format_conditions, format_number
from unroll.inspect.flow import REPORTED_STEPS, Flow
from unroll.inspect.gradient_section import field_label, gradient_section
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.training.gradient_flow import FAR
from unroll.training.halving import halving_in_words


@dataclass(frozen=True)
class Gradients(Finding):
    """The flows of several cells or layers, side by side.

    A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        flows: one per cell or layer.
        taken: which loss was taken, in a sentence; empty for fresh cells.
    """

    title: str
    conditions: dict[str, Any]
    flows: tuple[Flow, ...]
    taken: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "flows": [flow.as_dict() for flow in self.flows],
            "verdict": self.verdicts(),
        }

    def text(self) -> str:
        """A bar chart for terminals, and one sentence per flow."""
        conditions = format_conditions(self.conditions)
        lines = [f"{self.title}.", f"({conditions})", "", bar_chart(self.flows), ""]
        return "\n".join([*lines, *self.verdicts()])

    def verdicts(self) -> list[str]:
        """Which loss was taken, how each gradient changes, and how it compares with the Elman cell's."""
        first = [self.taken] if self.taken else []
        return [*first, *(flow.summary() for flow in self.flows), *self.beside_elman()]

    def beside_elman(self) -> list[str]:
        """How many times as much as an Elman cell the others keep, at the furthest step it still reaches."""
        plain = next((flow for flow in self.flows if flow.cell == "RNNCell"), None)
        if plain is None or len(self.flows) < 2:
            return []
        step = min(FAR, *(flow.steps - 1 for flow in self.flows))
        least = plain.lasting[step] / plain.lasting[0] if plain.lasting[0] else 0.0
        if not least > 0:
            return []
        said = []
        for flow in self.flows:
            norms = flow.lasting
            if flow is not plain and flow.reservoir is None and norms[0] > 0:
                said.append(f"{flow.name} {format_times(norms[step] / norms[0] / least)}")
        return said and [
            f"{counted(step, 'step')} back, of what {plain.name} keeps of its gradient, there is left in "
            f"{', '.join(said)}."
        ]

    def pictures(self) -> dict[str, Picture]:
        """`norms` and `singular_values` as curves, and a heat map over units of every state."""
        rows = self._rows()
        pictures = {
            "norms": Picture(self._draw_norms, rows),
            "singular_values": Picture(self._draw_singular_values, rows),
        }
        for flow in self.flows:
            for field, units in flow.units.items():
                values, name = units.T.numpy(), field_label(flow, field)
                head = ["unit", *(f"{k} back" for k in range(len(units)))]
                pictures[f"units {name}"] = Picture(
                    partial(draw_unit_gradients, values, name),
                    [head, *([n, *row] for n, row in enumerate(values.tolist()))],
                )
        return pictures

    def _draw_norms(self) -> Drawing:
        with_field = any(len(flow.norms) > 1 for flow in self.flows)
        lines = [
            Curve(
                field_label(flow, field) if with_field else flow.name,
                n,
                dict(enumerate(norms)),
                dashes,
            )
            for n, flow in enumerate(self.flows)
            for dashes, (field, norms) in enumerate(flow.norms.items())
        ]
        return draw_curves(lines, "norm of the gradient at the state", "steps back from the loss")

    def _draw_singular_values(self) -> Drawing:
        lines = [Curve(flow.name, n, flow.singular_values, 0) for n, flow in enumerate(self.flows)]
        label = "largest singular value of the step's Jacobian"
        return draw_curves(lines, label, "steps back from the loss", level=1.0)

    def _rows(self) -> Sequence[Row]:
        """One row for each cell, field of its state, and step back."""
        head = ["name", "field", "steps_back", "gradient_norm", "largest_singular_value"]
        return [
            head,
            *(
                [flow.name, field, k, norm, flow.singular_values.get(k, "")]
                for flow in self.flows
                for field, norms in flow.norms.items()
                for k, norm in enumerate(norms)
            ),
        ]

    def table(self) -> list[list[str]]:
        """The numbers of every flow; the first row holds the names of the columns."""
        steps = [k for k in REPORTED_STEPS if any(k < flow.steps for flow in self.flows)]
        windows = sorted({w for flow in self.flows for w in flow.truncation})
        head = ["", "the gradient", "a hundredth reaches back"]
        head += ["Lyapunov exponent", "median singular value", "mean diagonal"]
        head += [f"remaining after {k}" for k in steps]
        head += ["weights' gradient"] + [f"error of a window of {w}" for w in windows]
        rows = [head]
        for flow in self.flows:
            row = [flow.name, halving_in_words(flow.halving)]
            row += ["-" if flow.reach is None else f"{flow.reach:,}", format_number(flow.lyapunov)]
            row += [format_number(median(flow.singular_values.values()))]
            row += [", ".join(f"{name} {v:.2f}" for name, v in flow.diagonals.items()) or "-"]
            row += [format_number(flow.remaining(k)) for k in steps]
            row += [format_number(flow.weight_norm)]
            errors = [flow.truncation.get(w) for w in windows]
            row += ["-" if error is None else format_share(error) for error in errors]
            rows.append(row)
        return rows

    def section(self) -> Section:
        """The section of a page."""
        return gradient_section(self, self.flows, self.verdicts())


def draw_unit_gradients(values: np.ndarray, name: str) -> Drawing:
    """The gradient of every unit as a heat map, with the loss on the left.

    Args:
        values: [H, T]. The darkest colour is a trillionth of the largest value, or less.
        name: of the state.
    """
    size = np.abs(values)
    largest = float(size.max(initial=0.0)) or 1.0
    with np.errstate(divide="ignore"):
        share = 1 + np.log10(size / largest) / 12
    return draw_heat_map(np.clip(share, 0, 1), f"{name}: the gradient of every unit, by steps back")


def format_times(times: float) -> str:
    """`1.3 times as much`, `5e+05 times as much`."""
    return f"{times:.2g} times as much" if times < 1000 else f"{times:.0e} times as much"
