"""What `unroll inspect gradients` finds, in every form that people and programs read."""

from __future__ import annotations

import csv
import html as html_module
import io
import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from unroll.inspect.bars import bar_picture, percent
from unroll.inspect.curves import Curve, curves
from unroll.inspect.flow import LEFT_AFTER, Flow
from unroll.inspect.halving import halving_in_words


@dataclass(frozen=True)
class Gradients:
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
        given = ", ".join(f"{k} {v}" for k, v in self.conditions.items() if v is not None)
        lines = [f"{self.title}.", f"({given})", "", bar_picture(self.flows), ""]
        return "\n".join([*lines, *(flow.sentence() for flow in self.flows)])

    def csv(self) -> str:
        """A row for each cell, field of its state, and step back."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["name", "field", "steps_back", "gradient_norm", "largest_singular_value"])
        for flow in self.flows:
            for field, norms in flow.norms.items():
                for k, norm in enumerate(norms):
                    rows.writerow([flow.name, field, k, norm, flow.singular_values.get(k, "")])
        return out.getvalue()

    def svg(self) -> str:
        """The curves of the gradient norms, a picture of its own."""
        several = any(len(flow.norms) > 1 for flow in self.flows)
        lines = [
            Curve(f"{flow.name} {field}" if several else flow.name, n, k, dashes)
            for n, flow in enumerate(self.flows)
            for dashes, (field, norms) in enumerate(flow.norms.items())
            for k in [dict(enumerate(norms))]
        ]
        return curves(lines, "norm of the gradient at the state", "steps back from the loss")

    def singular_svg(self) -> str:
        """The largest singular values of the steps' Jacobians, a picture of its own."""
        lines = [Curve(flow.name, n, flow.singular_values, 0) for n, flow in enumerate(self.flows)]
        label = "largest singular value of the step's Jacobian"
        return curves(lines, label, "steps back from the loss", line_at=1.0)

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

    def html(self, command: str = "") -> str:
        """The report: one page that needs nothing but itself. command: how it was made."""
        from unroll.inspect.page import gradient_page

        return gradient_page(self, command)

    def _repr_html_(self) -> str:
        return f"<h3>{html_module.escape(self.title)}</h3>{self.svg()}{html_table(self.table())}"


def html_table(rows: list[list[str]]) -> str:
    """A table whose first row and first column are headings."""
    head = "".join(f'<th scope="col">{html_module.escape(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{html_module.escape(row[0])}</th>'
        + "".join(f"<td>{html_module.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows[1:]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(value: float | None) -> str:
    """Three figures, or a dash where there is no number."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"
