"""Gradients as a part of a page: curves to point at, units that fade, numbers."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unroll.inspect.finding import html_table, in_brackets, rounded
from unroll.inspect.flow import Flow
from unroll.inspect.page import Section

if TYPE_CHECKING:
    from unroll.inspect.gradients import Gradients

UNITS = 64  # shown of each field at most, evenly spaced
STEPS = 256  # at which single units are shown, at most
DEPTH = 12  # powers of ten of the heat maps' scale


def gradient_section(found: Gradients) -> Section:
    """The part of a measurement."""
    last = max(flow.steps for flow in found.flows) - 1
    widest = max(units.shape[1] for flow in found.flows for units in flow.units.values())
    parts = {
        "conditions": html.escape(in_brackets(found.conditions)),
        "verdicts": "".join(f"<li>{html.escape(flow.sentence())}</li>" for flow in found.flows),
        "last": str(last),
        "norms": found.svg("norms"),
        "singular": found.svg("singular_values"),
        "some_units": f" ({UNITS} of {widest}, evenly spaced)" if widest > UNITS else "",
        "table": html_table(found.table()),
        "starts": html.escape(
            "; ".join(f"{flow.name}: {flow.start}" for flow in found.flows) + "."
        ),
    }
    return Section("gradients", found.title, parts, page_data(found, last))


def page_data(found: Gradients, last: int) -> dict[str, Any]:
    """What the page's script reads."""
    steps = torch.linspace(0, last, min(last + 1, STEPS)).round().long().unique()
    shown = [
        (flow, field, units(flow, field, steps)) for flow in found.flows for field in flow.units
    ]
    sizes = [float(u.abs().max()) for _, _, u in shown if float(u.abs().max()) > 0]
    sizes = [size for size in sizes if math.isfinite(size)]
    high = math.ceil(math.log10(max(sizes, default=1.0)))
    return {
        "last": last,
        "curves": [
            {
                "label": label(flow, field),
                "norms": [rounded(norm) for norm in norms],
                "singular_values": {k: rounded(v) for k, v in flow.singular_values.items()},
            }
            for flow in found.flows
            for field, norms in flow.norms.items()
        ],
        "unit_steps": steps.tolist(),
        "units": [
            {
                "label": label(flow, field),
                "full": rounded(max(float(u[0].abs().max()) for f, _, u in shown if f is flow)),
                "values": [[rounded(v) or 0.0 for v in row] for row in values.tolist()],
            }
            for flow, field, values in shown
        ],
        "heat": {"low": high - DEPTH, "high": high},
    }


def units(flow: Flow, field: str, steps: Tensor) -> Tensor:
    """The gradients of some units at some steps back."""
    every = flow.units[field]
    columns = torch.linspace(0, every.shape[1] - 1, min(every.shape[1], UNITS)).round().long()
    return every[steps.clamp(max=len(every) - 1)][:, columns]


def label(flow: Flow, field: str) -> str:
    return f"{flow.name} {field}"
