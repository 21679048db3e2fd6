"""Gradients in a terminal: a line a step back, a bar of plain characters on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unroll.inspect.flow import Flow
from unroll.training.halving import halving_in_words

WIDTH = 32  # characters of the longest bar
DEPTH = 16  # powers of ten below the gradient at the loss: what float64 can add to it
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def bar_picture(flows: Sequence[Flow]) -> str:
    """Every flow below the other, all bars on one scale."""
    whole = [norm for flow in flows for norm in flow.whole if norm > 0 and math.isfinite(norm)]
    at_loss = [flow.whole[0] for flow in flows if flow.whole[0] > 0]
    if not whole or not at_loss:
        return "Every gradient is zero: nothing goes back from the loss."
    top = math.ceil(math.log10(max(whole)))
    bottom = max(math.floor(math.log10(min(whole))), math.floor(math.log10(max(at_loss))) - DEPTH)
    bottom = min(bottom, top - 1)
    lines = [f"Bars: the norm over the whole state, from 1e{bottom:+03d} to 1e{top:+03d}."]
    for flow in flows:
        rate = halving_in_words(flow.halving)
        lines += ["", f"{flow.name} ({flow.start}): {rate}; Lyapunov exponent {flow.lyapunov:.3f}"]
        several = list(flow.norms) if len(flow.norms) > 1 else []
        heads = "".join(f"{'dL/d' + name:>11}" for name in several)
        lines.append(f"{'steps back':>10}{'norm':>11}{heads}")
        for k in [k for k in STEPS if k < flow.steps - 1] + [flow.steps - 1]:
            numbers = "".join(
                f"{n:11.1e}" for n in (flow.whole[k], *(flow.norms[f][k] for f in several))
            )
            lines.append(f"{k:10,}{numbers}  {bar(flow.whole[k], bottom, top)}".rstrip())
        if flow.truncation:
            lost = ", ".join(f"{percent(share)} ({w})" for w, share in flow.truncation.items())
            lines.append(f"What truncation throws away of the weights' gradient (steps): {lost}")
    return "\n".join(lines)


def bar(norm: float, bottom: int, top: int) -> str:
    if not norm > 0:
        return ""
    share = 1.0 if math.isinf(norm) else (math.log10(norm) - bottom) / (top - bottom)
    return "#" * max(0, round(share * WIDTH))


def percent(share: float) -> str:
    """`12.3%`, `0.04%`, `3e-08`, `0`."""
    if share == 0:
        return "0"
    return f"{share:.1%}" if share >= 0.01 else f"{share:.2%}" if share >= 1e-4 else f"{share:.0e}"
