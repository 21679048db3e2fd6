"""What `unroll inspect gradients` finds, in every form that people and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from unroll.inspect.bars import bar_picture, percent
from unroll.inspect.curves import Curve, curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, Row, in_brackets, shown
from unroll.inspect.flow import LEFT_AFTER, Flow
from unroll.inspect.heat import heat_map
from unroll.inspect.page import Section
from unroll.training.halving import halving_in_words


@dataclass(frozen=True)
class Gradients(Finding):
    """The flows of several cells or layers, side by side.

    title: what was measured. conditions: under what. flows: one a cell, or a layer.
    A notebook shows it as a picture and a table.
    """

    title: str
    conditions: dict[str, Any]
    flows: tuple[Flow, ...]

    def facts(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "flows": [flow.facts() for flow in self.flows],
        }

    def text(self) -> str:
        """A picture for terminals, and what it means."""
        given = in_brackets(self.conditions)
        lines = [f"{self.title}.", f"({given})", "", bar_picture(self.flows), ""]
        return "\n".join([*lines, *(flow.sentence() for flow in self.flows)])

    def pictures(self) -> dict[str, Picture]:
        """`norms` and `singular_values` as curves, and a heat map over units of every state."""
        rows = self._rows()
        found = {
            "norms": Picture(self._norms, rows),
            "singular_values": Picture(self._singular_values, rows),
        }
        for flow in self.flows:
            for field, units in flow.units.items():
                values, name = units.T.numpy(), f"{flow.name} {field}"
                head = ["unit", *(f"{k} back" for k in range(len(units)))]
                found[f"units {name}"] = Picture(
                    partial(fading, values, name),
                    [head, *([n, *row] for n, row in enumerate(values.tolist()))],
                )
        return found

    def _norms(self) -> Drawing:
        several = any(len(flow.norms) > 1 for flow in self.flows)
        lines = [
            Curve(f"{flow.name} {field}" if several else flow.name, n, k, dashes)
            for n, flow in enumerate(self.flows)
            for dashes, (field, norms) in enumerate(flow.norms.items())
            for k in [dict(enumerate(norms))]
        ]
        return curves(lines, "norm of the gradient at the state", "steps back from the loss")

    def _singular_values(self) -> Drawing:
        lines = [Curve(flow.name, n, flow.singular_values, 0) for n, flow in enumerate(self.flows)]
        label = "largest singular value of the step's Jacobian"
        return curves(lines, label, "steps back from the loss", line_at=1.0)

    def _rows(self) -> Sequence[Row]:
        """A row for each cell, field of its state, and step back."""
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
        """The numbers of every flow, with a first row of names."""
        lefts = [k for k in LEFT_AFTER if any(k < flow.steps for flow in self.flows)]
        windows = sorted({w for flow in self.flows for w in flow.truncation})
        head = ["", "the gradient", "Lyapunov exponent", "median sigma"]
        head += [f"left after {k}" for k in lefts]
        head += ["weights' gradient"] + [f"lost by a window of {w}" for w in windows]
        rows = [head]
        for flow in self.flows:
            row = [flow.name, halving_in_words(flow.halving), shown(flow.lyapunov)]
            row += [shown(median(flow.singular_values.values()))]
            row += [shown(flow.left(k)) for k in lefts]
            row += [shown(flow.weight_norm)]
            row += [percent(flow.truncation[w]) if w in flow.truncation else "-" for w in windows]
            rows.append(row)
        return rows

    def section(self) -> Section:
        """Its part of a page."""
        from unroll.inspect.gradient_section import gradient_section

        return gradient_section(self)


def fading(values: np.ndarray, name: str) -> Drawing:
    """The gradient of every unit [H, T], the loss on the left: dark is a trillionth of the largest."""
    size = np.abs(values)
    most = float(size.max(initial=0.0)) or 1.0
    with np.errstate(divide="ignore"):
        share = 1 + np.log10(size / most) / 12
    return heat_map(np.clip(share, 0, 1), f"{name}: the gradient of every unit, steps back")
