"""Gradients as a section of a page: curves, single units that a slider follows, numbers."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unroll.inspect.finding import Finding, format_conditions, html_table, round_digits
from unroll.inspect.flow import Flow
from unroll.inspect.page import Section

UNITS = 64  # shown of each field at most, evenly spaced
STEPS = 256  # at which single units are shown, at most
DEPTH = 12  # powers of ten of the heat maps' scale


def gradient_section(finding: Finding, flows: Sequence[Flow], verdicts: Sequence[str]) -> Section:
    """The section of a measurement.

    Args:
        finding: with the pictures `norms` and `singular_values`.
        flows: that it consists of.
        verdicts: what they say.
    """
    last = max(flow.steps for flow in flows) - 1
    widest = max(units.shape[1] for flow in flows for units in flow.units.values())
    parts = {
        "conditions": html.escape(format_conditions(finding.conditions)),
        "summaries": "".join(f"<li>{html.escape(s)}</li>" for s in verdicts),
        "last": str(last),
        "norms": finding.figure("norms"),
        "singular": finding.figure("singular_values"),
        "unit_sample": f" ({UNITS} of {widest}, evenly spaced)" if widest > UNITS else "",
        "table": html_table(finding.table()),
        "starts": html.escape("; ".join(f"{flow.name}: {flow.start}" for flow in flows) + "."),
    }
    return Section("gradients", finding.title, parts, page_data(flows, last))


def page_data(flows: Sequence[Flow], last: int) -> dict[str, Any]:
    """What the script of the page reads.

    Args:
        flows: that the page shows.
        last: the largest number of steps back.
    """
    steps = torch.linspace(0, last, min(last + 1, STEPS)).round().long().unique()
    samples = [
        (flow, field, unit_sample(flow, field, steps)) for flow in flows for field in flow.units
    ]
    largest = [float(units.abs().max()) for _, _, units in samples]
    finite = [value for value in largest if value > 0 and math.isfinite(value)]
    high = math.ceil(math.log10(max(finite, default=1.0)))
    return {
        "last": last,
        "curves": [
            {
                "label": field_label(flow, field),
                "norms": [round_digits(norm) for norm in norms],
                "singular_values": {k: round_digits(v) for k, v in flow.singular_values.items()},
            }
            for flow in flows
            for field, norms in flow.norms.items()
        ],
        "unit_steps": steps.tolist(),
        "units": [
            {
                "label": field_label(flow, field),
                "full": round_digits(
                    max(float(u[0].abs().max()) for other, _, u in samples if other is flow)
                ),
                "values": [[round_digits(v) or 0.0 for v in row] for row in values.tolist()],
            }
            for flow, field, values in samples
        ],
        "heat": {"low": high - DEPTH, "high": high},
    }


def unit_sample(flow: Flow, field: str, steps: Tensor) -> Tensor:
    """The gradients of at most UNITS units at some steps back, [len(steps), units]."""
    gradients = flow.units[field]
    count = gradients.shape[1]
    columns = torch.linspace(0, count - 1, min(count, UNITS)).round().long()
    return gradients[steps.clamp(max=len(gradients) - 1)][:, columns]


def field_label(flow: Flow, field: str) -> str:
    """`lstm c`."""
    return f"{flow.name} {field}"
