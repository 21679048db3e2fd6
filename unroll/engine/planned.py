"""Running a plan: the eager parts around the loop, and the loop as one differentiable call.

Who runs the stages is an `Executor`: `interpret.py` in eager PyTorch, or compiled kernels.
N rows of all steps together, R sequences, S steps.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.engine.call import Call
from unroll.engine.geometry import Geometry, Times, geometry
from unroll.engine.nodes import Block, Node, ancestors, evaluate
from unroll.engine.noise import draw_noise
from unroll.engine.plan import Plan, Program
from unroll.engine.products import product


class Executor(Protocol):
    """Runs the stages of a program over all steps, in place on the given tensors.

    turning: names of the states that have room for two steps only, used in turn.
    """

    def __call__(
        self,
        plan: Plan,
        program: Program,
        tensors: Mapping[str, Tensor],
        matrices: Sequence[Tensor],
        times: Times,
        turning: Container[str],
    ) -> None: ...


def run_plan(
    plan: Plan, call: Call, tensors: Mapping[str, Tensor], initial: State | None, execute: Executor
) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the final state. initial: the state after a reset, or None."""
    T, B = call.x.shape[:2]
    where = geometry(T, B, call.lengths, call.resets, call.reverse)
    noise = draw_noise(call.cell, call.x) or {}
    once = plan.once.forward(*tensors.values())
    known: dict[Any, Any] = dict(zip(plan.once_values, once, strict=True))
    per_call = [noise[n][1] for n, (each, _) in plan.traced.noises.items() if each == "call"]
    sequence = plan.sequence.forward(B, *once, *per_call)
    spread = [where.of_rows(v) for v in sequence]
    x = where.rows(call.x)
    per_step = [where.rows(noise[n][1]) for n, (e, _) in plan.traced.noises.items() if e == "step"]
    before = plan.before.forward(where.N, *once, *spread, x, *per_step)
    known.update(zip(plan.before_values, before, strict=True))

    started = [flat(f, where.R) for _, f in fields(where.started(call.state, initial))]
    per_sequence = dict(zip(plan.sequence_values, sequence, strict=True))
    inputs = [
        *started,
        *(known[n] for n in plan.matrices),
        *(known[n].reshape(-1) for n in plan.vectors),
        *(flat(where.of_sequences(per_sequence[n]), where.R) for n in plan.sequences),
        *(flat(known[n], where.N) for n in plan.rows),
    ]
    if torch.is_grad_enabled() and any(t.requires_grad for t in inputs):
        results = Loop.apply(plan, where, execute, *inputs)
    else:
        results, _ = forward(plan, where, execute, inputs, keep=False)
    emits, finals = results[: len(plan.emits)], iter(results[len(plan.emits) :])

    shapes = {n: n.meta["val"].shape[1:] for n in plan.emitted}
    emitted = {n: e.reshape(where.N, *shapes[n]) for n, e in zip(plan.emitted, emits, strict=True)}
    known.update(zip(plan.sequence_values, spread, strict=True))
    known.update(emitted)
    (output,) = plan.after.forward(where.N, *(known[n] for n in plan.after_inputs))
    final = map_state(
        lambda s: where.ended(next(finals)).reshape(s.shape), call.state
    )
    return where.spread(output), final


def flat(value: Tensor, rows: int) -> Tensor:
    return value.reshape(rows, -1) if rows else value.reshape(0, value[0:0].numel() or width(value))


def width(value: Tensor) -> int:
    return value.shape[1:].numel()


class Loop(torch.autograd.Function):
    """The recurrent part of a call: forward and backward by an executor."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, where: Geometry, execute: Executor, *inputs: Tensor) -> Any:
        results, kept = forward(plan, where, execute, inputs, keep=True)
        ctx.plan, ctx.where, ctx.execute = plan, where, execute
        ctx.names = list(kept)
        ctx.count = len(inputs)
        ctx.save_for_backward(*inputs, *kept.values())
        ctx.mark_non_differentiable(*(r for r in results if not r.dtype.is_floating_point))
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        inputs = ctx.saved_tensors[: ctx.count]
        wanted = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():  # a second derivative is wanted: through the reference
            return (None, None, None, *by_reference(ctx.plan, ctx.where, inputs, gradients, wanted))
        kept = dict(zip(ctx.names, ctx.saved_tensors[ctx.count :], strict=True))
        found = backward(ctx.plan, ctx.where, ctx.execute, inputs, kept, gradients, wanted)
        return (None, None, None, *found)


def split(plan: Plan, inputs: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    """The inputs of the loop by kind."""
    rest = iter(inputs)
    take = lambda values: [next(rest) for _ in values]  # noqa: E731
    return {
        "state": take(plan.new_states),
        "matrix": take(plan.matrices),
        "vector": take(plan.vectors),
        "sequence": take(plan.sequences),
        "rows": take(plan.rows),
    }


def forward(
    plan: Plan, where: Geometry, execute: Executor, inputs: Sequence[Tensor], keep: bool
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Emitted values [N, w], then final states [R, w]; and what the backward reads."""
    given = split(plan, inputs)
    R, N = where.R, where.N
    tensors = named(given)
    like = inputs[0]
    turning = set()
    whole = plan.history if keep else {k for k in plan.emit_is_state if k is not None}
    for k, start in enumerate(given["state"]):
        if k in whole:
            kept = start.new_empty(R + N, start.shape[1])
            (kept[:R] if where.first else kept[N:]).copy_(start)
        else:
            kept = start.new_empty(2 * R, start.shape[1])
            kept[:R] = start
            if where.lengths is not None:  # sequences of no steps keep their start
                kept[R:] = start
            turning.add(f"state:{k}")
        tensors[f"state:{k}"] = kept
    for k in range(len(plan.emits)):
        if plan.emit_is_state[k] is None:
            tensors[f"emit:{k}"] = empty(plan, f"emit:{k}", N, like)
    if keep:
        for name in plan.widths:
            if name.startswith("saved"):
                tensors[name] = empty(plan, name, N, like)
    scratch(plan.forward, tensors, R, like)
    if N:
        execute(plan, plan.forward, tensors, given["matrix"], where.forward, turning)

    emits = [
        tensors[f"emit:{k}"] if same is None else tensors[f"state:{same}"][where.first :][:N]
        for k, same in enumerate(plan.emit_is_state)
    ]
    finals = [
        final_rows(tensors[f"state:{k}"], where, k in whole) for k in range(len(given["state"]))
    ]
    names = [f"state:{k}" for k in sorted(plan.history)] + [
        n for n in plan.widths if n.startswith("saved")
    ]
    return [*emits, *finals], {n: tensors[n] for n in names} if keep else {}


def final_rows(kept: Tensor, where: Geometry, whole: bool) -> Tensor:
    """The state after each sequence's own last step, [R, w]."""
    R, S = where.R, where.steps
    if where.lengths is None:
        if not whole:
            return kept[:R].clone() if S % 2 == 0 else kept[R:].clone()
        row = int(where.next[-1]) if S else (0 if where.first else where.N)
        return kept[row : row + R].clone()
    sequence = torch.arange(R)
    if not whole:
        return kept.index_select(0, where.lengths % 2 * R + sequence)
    start = torch.cat([torch.zeros(1, dtype=torch.int64), where.next])
    return kept.index_select(0, start[where.lengths] + sequence)


def backward(
    plan: Plan,
    where: Geometry,
    execute: Executor,
    inputs: Sequence[Tensor],
    kept: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients of the loop's inputs, None where not wanted."""
    program = plan.backward
    if program is None:
        raise RuntimeError("This plan was made without gradients.")
    given, R, N, S = split(plan, inputs), where.R, where.N, where.steps
    like = inputs[0]
    tensors = named(given) | dict(kept)
    for k in range(len(plan.emits)):
        tensors[f"d_emit:{k}"] = readable(gradients[k], N, plan.widths[f"emit:{k}"], like)
    for k, start in enumerate(given["state"]):
        if start.dtype.is_floating_point:
            final = gradients[len(plan.emits) + k]
            carried = start.new_empty(2 * R, start.shape[1])
            for half in (carried[:R], carried[R:]):
                half.zero_() if final is None else half.copy_(final)
            tensors[f"d_state:{k}"] = carried
    covered = {b.tensor: 0 for bs in program.stores.values() for b in bs}
    for bs in program.stores.values():
        for b in bs:
            covered[b.tensor] += b.width
    for name, columns in covered.items():
        if name not in tensors and name not in program.scratch:
            partial = columns < plan.widths[name]
            tensors[name] = empty(plan, name, N, like)
            if partial:
                tensors[name].zero_()
    scratch(program, tensors, R, like)
    if N:
        execute(plan, program, tensors, given["matrix"], where.backward, ())

    later = Later(plan, where, tensors, given)
    half = slice(0, R) if S % 2 == 0 else slice(R, 2 * R)
    found: list[Tensor | None] = []
    needs = iter(wanted)
    for k, start in enumerate(given["state"]):
        got = tensors[f"d_state:{k}"][half] if start.dtype.is_floating_point else None
        found.append(got if next(needs) else None)
    found += [later.matrix(k) if next(needs) else None for k in range(len(plan.matrices))]
    found += [later.vector(k) if next(needs) else None for k in range(len(plan.vectors))]
    for k in range(len(plan.sequences)):
        rows = later.rows("sequence", k) if next(needs) else None
        found.append(None if rows is None else where.summed(rows))
    found += [later.rows("rows", k) if next(needs) else None for k in range(len(plan.rows))]
    return found


class Later:
    """The deferred gradients: each over all rows at once."""

    def __init__(
        self,
        plan: Plan,
        where: Geometry,
        tensors: Mapping[str, Tensor],
        given: Mapping[str, list[Tensor]],
    ) -> None:
        self.plan, self.where, self.tensors, self.given = plan, where, tensors, given
        self.known: dict[Node, Tensor] = {}
        self.previous: dict[int, Tensor] = {}

    def value(self, node: Node) -> Tensor:
        """A value over all rows, [N, w]."""
        at_hand = self.at_hand(node)
        if at_hand is not None:
            return at_hand
        needed: dict[Node, Tensor] = {}
        stack = [node]
        while stack:
            n = stack.pop()
            if n in needed:
                continue
            got = self.at_hand(n)
            if got is None:
                stack.extend(n.operands)
            else:
                needed[n] = got
        blocks = {b for n in ancestors([node], needed.__contains__) for b in n.blocks}
        parts = {b: b.of(self.given["matrix"]) for b in blocks if b.matrix >= 0}
        (result,) = evaluate([node], needed, parts, product)
        self.known[node] = result
        return result

    def at_hand(self, node: Node) -> Tensor | None:
        if node in self.known:
            return self.known[node]
        buffer = self.plan.kept.get(node) or self.plan.saved.get(node)
        if buffer is not None:
            return self.columns(buffer.tensor, buffer.lo, buffer.width, buffer.time)
        if node.source is not None:
            return self.source(node)
        return None

    def columns(self, tensor: str, lo: int, width: int, time: str) -> Tensor:
        whole = self.tensors[tensor]
        if time == "next":
            whole = whole[self.where.first :][: self.where.N]
        return whole[:, lo : lo + width]

    def source(self, node: Node) -> Tensor:
        source = node.source
        if source is None:
            raise RuntimeError("Only inputs have sources.")
        lo, hi = source.lo, source.lo + node.width
        if source.kind == "state":
            return self.before(source.index)[:, lo:hi]
        if source.kind == "vector":
            return self.given["vector"][source.index][lo:hi]
        if source.kind == "sequence":
            return self.of_rows(self.given["sequence"][source.index])[:, lo:hi]
        return self.tensors[f"{source.kind}:{source.index}"][:, lo:hi]

    def of_rows(self, values: Tensor) -> Tensor:
        if self.where.batch_row is None:
            return self.where.of_rows(values)
        owners = torch.cat([torch.arange(int(c)) for c in self.where.counts])
        return values.index_select(0, owners)

    def before(self, k: int) -> Tensor:
        """The state before every row's step, [N, w]."""
        if k not in self.previous:
            kept, where = self.tensors[f"state:{k}"], self.where
            if where.before_row is not None:
                self.previous[k] = kept.index_select(0, where.before_row)
            else:
                first = where.R - where.first
                self.previous[k] = kept[first:][: where.N]
        return self.previous[k]

    def matrix(self, k: int) -> Tensor:
        """The gradient of matrix k: large products, merged where blocks lie side by side."""
        whole = self.given["matrix"][k]
        outers = [o for o in self.plan.outers if o.block.matrix == k]
        merged: list[tuple[Tensor, Tensor, list[int]]] = []  # left, right, [r0, r1, c0, c1]
        for o in outers:
            left, right = self.value(o.left), self.value(o.right)
            place = [*o.block.rows, *o.block.columns]
            if merged:
                l, r, (r0, r1, c0, c1) = merged[-1]
                same = r.data_ptr() == right.data_ptr() and r.shape == right.shape
                if same and (c0, c1) == o.block.columns and r1 == place[0] and adjacent(l, left):
                    merged[-1] = (beside(l, left), r, [r0, place[1], c0, c1])
                    continue
            merged.append((left, right, place))
        if len(merged) == 1 and merged[0][2] == [0, whole.shape[0], 0, whole.shape[1]]:
            return product(merged[0][0].t(), merged[0][1])
        gradient = torch.zeros_like(whole)
        for left, right, (r0, r1, c0, c1) in merged:
            gradient[r0:r1, c0:c1] += product(left.t(), right)
        return gradient

    def vector(self, k: int) -> Tensor:
        whole = self.given["vector"][k]
        gradient = torch.zeros_like(whole)
        for source, node in self.plan.deferred.items():
            if source.kind == "vector" and source.index == k:
                width = self.plan.inputs[source].width
                gradient[source.lo : source.lo + width] += self.value(node).reshape(-1)
        return gradient

    def rows(self, kind: str, k: int) -> Tensor:
        """The gradient of what was hoisted, for every row."""
        fused = self.tensors.get(f"d_{kind}:{k}")
        deferred = {
            s: n for s, n in self.plan.deferred.items() if s.kind == kind and s.index == k
        }
        if fused is not None and not deferred:
            return fused
        whole = self.given[kind][k]
        gradient = whole.new_zeros(self.where.N, whole.shape[1]) if fused is None else fused
        for source, node in deferred.items():
            width = self.plan.inputs[source].width
            gradient[:, source.lo : source.lo + width] = self.value(node)
        return gradient


def adjacent(left: Tensor, right: Tensor) -> bool:
    """Whether right's columns begin where left's end, in the same rows of the same storage."""
    return (
        left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr()
        and left.stride() == right.stride()
        and left.storage_offset() + left.shape[1] == right.storage_offset()
    )


def beside(left: Tensor, right: Tensor) -> Tensor:
    shape = (left.shape[0], left.shape[1] + right.shape[1])
    return left.as_strided(shape, left.stride(), left.storage_offset())


def by_reference(
    plan: Plan,
    where: Geometry,
    inputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the loop once more, step by step."""
    given = split(plan, inputs)
    states, emitted = list(given["state"]), []
    blocks = {b for atoms in (*plan.new_states, *plan.emits) for b in blocks_of(atoms)}
    parts = {b: b.of(given["matrix"]) for b in blocks}
    finals: list[list[Tensor]] = [[] for _ in states]
    order = torch.arange(where.steps)
    for s in order.tolist():
        n, at = int(where.counts[s]), int(where.offset[s])
        for k, state in enumerate(states):  # sequences that have ended keep their state
            finals[k].insert(0, state[n:])
            states[k] = state[:n]
        values = {}
        for source, node in plan.inputs.items():
            lo, hi = source.lo, source.lo + node.width
            if source.kind == "vector":
                values[node] = given["vector"][source.index][lo:hi]
            else:
                whole = {
                    "state": lambda k: states[k],
                    "rows": lambda k, at=at, n=n: given["rows"][k][at : at + n],
                    "sequence": lambda k, n=n: given["sequence"][k][:n],
                }[source.kind](source.index)
                values[node] = whole[:, lo:hi]
        rows = [*plan.new_states, *plan.emits]
        atoms = iter(evaluate([a for row in rows for a in row], values, parts))
        new = [
            torch.cat([next(atoms).expand(n, a.width) for a in row], 1) for row in rows
        ]
        states = new[: len(states)]
        emitted.append(new[len(states) :])
    outputs = []
    if where.steps and int(where.offset[0]) > 0:  # read from the end
        emitted.reverse()
    for k in range(len(plan.emits)):
        outputs.append(torch.cat([e[k] for e in emitted]))
    outputs += [torch.cat([s, *rest]) for s, rest in zip(states, finals, strict=True)]
    pairs = [
        (o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad
    ]
    chosen = [t for t, w in zip(inputs, wanted, strict=True) if w]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], chosen, [g for _, g in pairs], create_graph=True,
            allow_unused=True,
        )
    )  # fmt: skip
    return [next(found) if w else None for w in wanted]


def blocks_of(atoms: Sequence[Node]) -> set[Block]:
    return {b for n in ancestors(atoms) for b in n.blocks if b.matrix >= 0}


def named(given: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    return {
        f"{kind}:{k}": t.reshape(1, -1) if kind == "vector" else readable_rows(t)
        for kind in ("vector", "sequence", "rows")
        for k, t in enumerate(given[kind])
    }


def empty(plan: Plan, name: str, rows: int, like: Tensor) -> Tensor:
    return torch.empty(rows, plan.widths[name], dtype=plan.dtypes[name], device=like.device)


def scratch(program: Program, tensors: dict[str, Tensor], R: int, like: Tensor) -> None:
    for name, (width, dtype) in program.scratch.items():
        tensors[name] = torch.empty(R, width, dtype=dtype, device=like.device)


def readable(gradient: Tensor | None, rows: int, width: int, like: Tensor) -> Tensor:
    """A gradient whose rows lie in one piece each; a constant one is not written out."""
    if gradient is None:
        return like.new_zeros(1, width).expand(rows, width)
    return readable_rows(gradient)


def readable_rows(t: Tensor) -> Tensor:
    if t.stride(1) == 1 or t.shape[1] == 1:
        return t
    if t.stride(0) == 0 and t.shape[0] > 0:
        return t[:1].contiguous().expand(t.shape)
    return t.contiguous()
