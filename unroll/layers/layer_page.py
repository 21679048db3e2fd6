"""A recurrent layer as a notebook shows it: what it is, and which backend runs it by which plan."""

from __future__ import annotations

from html import escape
from pkgutil import resolve_name

from torch import nn

from unroll.terminal import printable


def layer_page(layer: nn.Module) -> str:
    """The layer as HTML; the plan is folded away."""
    # by name, because the module of explanations knows every layer
    explain = resolve_name("unroll.layers.explain:explain")
    try:
        plan = explain(layer)
    except (ValueError, RuntimeError) as error:
        plan = f"No plan: {error}"
    first = plan.split("\n", 1)[0]
    return (
        f"<pre>{escape(printable(repr(layer)))}</pre>"
        f"<details><summary>{escape(printable(first))}</summary><pre>{escape(printable(plan))}</pre>"
        "</details>"
    )
