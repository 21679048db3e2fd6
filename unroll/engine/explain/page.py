"""A plan as a page that a person can read: the step's equations, each where and when it is done."""

from __future__ import annotations

import textwrap

from unroll.counting import counted
from unroll.engine.compiler.plan import Plan
from unroll.engine.explain.around import AroundWriter
from unroll.engine.explain.counts import counts_of
from unroll.engine.explain.deferred import DeferredWriter
from unroll.engine.explain.layout import Layout, PlanSection
from unroll.engine.explain.names import Names
from unroll.engine.explain.stages import StageWriter
from unroll.engine.explain.terms import Terms

WIDTH = 100


def page(plan: Plan, width: int = WIDTH) -> str:
    """A plan in plain text: every value of the step and its gradient, and where it is computed.

    When to use it: to see what of a step is hoisted, what stays in the loop, what is saved and
    what is deferred; `unroll.explain(layer)` shows it.

    Beside each equation: its shape, what is kept of it, and the line of the user's step. B: one
    row for each sequence, N: one for each of all steps. h' is the new state, d h' its gradient as
    it comes from the step after, d h what goes to the step before.

    Examples:
        >>> import torch, unroll
        >>> from unroll.engine.compiler.trace import trace
        >>> from unroll.engine.compiler.plan import plan
        >>> cell = unroll.LSTMCell(3, 4)
        >>> x, state = torch.zeros(1, 1, 3), cell.initial_state(1)
        >>> made = plan(trace(cell, dict(cell.named_parameters()), x, state))
        >>> print(page(made).splitlines()[0])
        LSTMCell: 1 stage forward, 2 backward; saves 6 numbers per step and unit (24 for 4 units)
    """
    sections = sections_of(plan)
    lines = summary(plan, width)
    layout = Layout([line for section in sections for line in section.lines], width)
    for section in sections:
        if section.lines:
            lines += ["", section.title, *layout.rows(section.lines)]
    return "\n".join(lines)


def sections_of(plan: Plan) -> list[PlanSection]:
    """The equations of a plan in the order of time."""
    names = Names(plan)
    terms = Terms(plan, names)
    around = AroundWriter(plan, names, terms)
    stages = StageWriter(plan, names, terms)
    sections = [*around.hoisted(), *stages.forward(), *around.after()]
    if plan.backward is not None:
        sections += [*stages.backward(), *DeferredWriter(plan, terms, around).deferred()]
    return sections


def summary(plan: Plan, width: int) -> list[str]:
    """The first lines of a page: stages, numbers saved and multiplied, and a legend."""
    found = counts_of(plan)
    ahead, back = found["stages_forward"], found["stages_backward"]
    text = f"{plan.traced.cell}: {counted(ahead, 'stage')} forward"
    if plan.backward is not None:
        units, saved = found["units"], found["saved"]
        text += (
            f", {back} backward; saves {saved / units:.3g} number{'s' * (saved != units)} per step and "
            f"unit ({saved:,} for {counted(units, 'unit')})"
        )
    multiplied = (
        f"Parameters multiplied: {found['multiplied_in_loop']:,} numbers in the loop, "
        f"{found['multiplied_before']:,} before it, {found['multiplied_after']:,} after it."
    )
    legend = "[B, w]: rows of one step; [N, w]: rows of all steps."
    if plan.backward is not None:
        legend += " saved: for the backward pass; kept: for the deferred gradients; again: computed again."
    return [line for part in (text, multiplied, legend) for line in textwrap.wrap(part, width)]
