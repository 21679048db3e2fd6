"""The size of a plan in numbers: its stages, what it saves, and what it multiplies."""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.traced import BEFORE, STATE, name_of


def counts_of(plan: Plan) -> dict[str, int]:
    """Stages, numbers saved for each step of each sequence, and numbers of parameters multiplied."""
    saved = sum(w for name, w in plan.widths.items() if name.partition(":")[0] == "saved")
    states = sum(plan.widths[f"state:{k}"] for k in plan.history)
    parts = {
        block
        for stage in plan.forward.stages
        for group in stage
        for segment in group.products
        for node in segment
        for block in node.blocks
        if block.matrix >= 0
    }
    outside = {BEFORE: 0, STATE: 0}
    loop = set(loop_values(plan))
    for node in plan.traced.graph.nodes:
        if name_of(node) not in ("mm", "addmm") or node in loop:
            continue
        level = plan.levels[node]
        if level in outside:
            outside[level] += node.args[-1].meta["val"].numel()
    return {
        "stages_forward": len(plan.forward.stages),
        "stages_backward": len(plan.backward.program.stages) if plan.backward is not None else 0,
        "saved": saved + states,
        "units": max(
            (plan.widths[f"state:{k}"] for k in range(len(plan.loop.new_states))), default=1
        ),
        "multiplied_in_loop": sum(b.shape[0] * b.shape[1] for b in parts),
        "multiplied_before": outside[BEFORE],
        "multiplied_after": outside[STATE],
    }


def loop_values(plan: Plan) -> Iterator[fx.Node]:
    """The traced operations on the state that the loop computes."""
    seen: set[fx.Node] = set()
    stack = [*plan.traced.new_states, *plan.emitted]
    while stack:
        node = stack.pop()
        if node not in seen and plan.levels[node] == STATE and node.op == "call_function":
            seen.add(node)
            stack += node.all_input_nodes
            yield node
