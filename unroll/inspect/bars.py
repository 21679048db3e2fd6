"""Gradients in a terminal: one line per step back, with a bar of plain characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unroll.inspect.flow import Flow
from unroll.training.halving import halving_in_words

WIDTH = 32  # characters of the longest bar
DEPTH = 16  # powers of ten below the gradient at the loss: the precision of float64
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def bar_chart(flows: Sequence[Flow]) -> str:
    """Every flow as bars, one below the other, on one logarithmic scale.

    Args:
        flows: at least one.

    Returns:
        Lines of ASCII, at most 80 characters wide for states of up to two fields.
    """
    norms = [n for flow in flows for n in flow.total_norms if n > 0 and math.isfinite(n)]
    at_loss = [flow.total_norms[0] for flow in flows if flow.total_norms[0] > 0]
    if not norms or not at_loss:
        return "Every gradient is zero: nothing flows back from the loss."
    top = math.ceil(math.log10(max(norms)))
    bottom = max(math.floor(math.log10(min(norms))), math.floor(math.log10(max(at_loss))) - DEPTH)
    bottom = min(bottom, top - 1)
    lines = [f"Bars: the norm over the whole state, from 1e{bottom:+03d} to 1e{top:+03d}."]
    for flow in flows:
        lines += ["", *flow_lines(flow, bottom, top)]
    return "\n".join(lines)


def flow_lines(flow: Flow, bottom: int, top: int) -> list[str]:
    """The bars of one flow. bottom, top: powers of ten at the ends of the scale."""
    halving = halving_in_words(flow.halving)
    lines = [f"{flow.name} ({flow.start}): {halving}; Lyapunov exponent {flow.lyapunov:.3f}"]
    fields = list(flow.norms) if len(flow.norms) > 1 else []
    heads = "".join(f"{'dL/d' + name:>11}" for name in fields)
    lines.append(f"{'steps back':>10}{'norm':>11}{heads}")
    for k in [k for k in STEPS if k < flow.steps - 1] + [flow.steps - 1]:
        norms = (flow.total_norms[k], *(flow.norms[field][k] for field in fields))
        numbers = "".join(f"{norm:11.1e}" for norm in norms)
        lines.append(f"{k:10,}{numbers}  {bar(flow.total_norms[k], bottom, top)}".rstrip())
    if flow.diagonals:
        kept = ", ".join(f"{value:.2f} of {name}" for name, value in flow.diagonals.items())
        lines.append(f"A step keeps of each unit (mean diagonal of its Jacobian): {kept}")
    if flow.truncation:
        errors = ", ".join(f"{format_share(e)} ({w})" for w, e in flow.truncation.items())
        lines.append(f"Error of the weights' gradient by truncation window (steps): {errors}")
    return lines


def bar(norm: float, bottom: int, top: int) -> str:
    """A row of `#` whose length is the logarithm of the norm; empty for zero."""
    if not norm > 0:
        return ""
    share = 1.0 if math.isinf(norm) else (math.log10(norm) - bottom) / (top - bottom)
    return "#" * max(0, round(share * WIDTH))


def format_share(share: float) -> str:
    """`12.3%`, `0.04%`, `3e-08`, `0`."""
    if share == 0:
        return "0"
    return f"{share:.1%}" if share >= 0.01 else f"{share:.2%}" if share >= 1e-4 else f"{share:.0e}"
