"""Running a plan: the eager parts around the loop, and the loop as one differentiable call.

Who runs the stages is an `Executor`: `interpret.py` in eager PyTorch, or compiled kernels.
N rows of all steps together, R sequences, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.engine.call import Call
from unroll.engine.geometry import Geometry, Times, geometry
from unroll.engine.nodes import Block, Node, ancestors, evaluate
from unroll.engine.noise import draw_noise
from unroll.engine.products import ROWS
from unroll.engine.program import Buffer, Merged, Program, Sum
from unroll.engine.recipe import Recipe

Multiply = Callable[..., Tensor]


class Executor(Protocol):
    """Runs the stages of a program over all steps, in place on the given tensors.

    turning: names of the states that have room for two steps only, used in turn. product and
    over_rows: as those of `products.py`, by whatever is the fastest here.
    """

    product: Multiply
    over_rows: Multiply

    def __call__(
        self,
        plan: Recipe,
        program: Program,
        tensors: Mapping[str, Tensor],
        matrices: Sequence[Tensor],
        times: Times,
        turning: frozenset[str],
    ) -> None: ...


def run_plan(
    plan: Recipe,
    call: Call,
    tensors: Mapping[str, Tensor],
    initial: State | None,
    execute: Executor,
) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the final state. initial: the state after a reset, or None."""
    T, B = call.x.shape[:2]
    where = geometry(T, B, call.lengths, call.resets, call.reverse)
    noises = plan.noises
    noise = (draw_noise(call.cell, call.x) or {}) if noises else {}
    once = plan.once(*tensors.values())
    known: dict[str, Tensor] = dict(zip(plan.once_values, once, strict=True))
    x = where.rows(call.x)
    sequence: tuple[Tensor, ...] = ()
    spread: list[Tensor] = []
    if plan.sequence_values:
        per_call = [noise[n][1] for n, each in noises.items() if each == "call"]
        sequence = plan.sequence(B, *once, *per_call)
        spread = [where.of_rows(v) for v in sequence]
    if plan.before_values:
        per_step = [where.rows(noise[n][1]) for n, each in noises.items() if each == "step"]
        before = plan.before(where.N, *once, *spread, x, *per_step)
        known.update(zip(plan.before_values, before, strict=True))

    per_sequence = dict(zip(plan.sequence_values, sequence, strict=True))
    inputs: list[Tensor | None] = [
        f if f.dim() == 2 else flat(f, where.R)
        for _, f in fields(where.started(call.state, initial))
    ]
    inputs += [known[n] for n in plan.matrices]
    inputs += [known[n].reshape(-1) for n in plan.vectors]
    inputs += [flat(where.of_sequences(per_sequence[n]), where.R) for n in plan.sequences]
    if plan.reads is None:
        inputs += [flat(known[n], where.N) for n in plan.rows]
    else:
        inputs.append(x)
        for read in plan.reads:
            inputs += [known[read.matrix], None if read.bias is None else known[read.bias]]
    inputs = [t if t is None else plain(t) for t in inputs]
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs):
        results = Loop.apply(plan, where, execute, *inputs)
    else:
        results, _, _ = forward(plan, where, execute, inputs, keep=False)
    emits, finals = results[: len(plan.emits)], iter(results[len(plan.emits) :])

    def final(like: Tensor) -> Tensor:
        value = where.ended(next(finals))
        return value if value.shape == like.shape else value.reshape(like.shape)

    last = map_state(final, call.state)
    if plan.shows_emit:
        return where.spread(emits[0]), last
    known.update(zip(plan.sequence_values, spread, strict=True))
    for name, shape, emit in zip(plan.emitted, plan.emitted_shapes, emits, strict=True):
        known[name] = emit.reshape(where.N, *shape)
    (output,) = plan.after(where.N, *(known[n] for n in plan.after_inputs))
    return where.spread(output), last


def plain(value: Tensor) -> Tensor:
    """A view that only says that its numbers are negated has other numbers in memory."""
    return value.resolve_neg() if value.is_neg() else value


def flat(value: Tensor, rows: int) -> Tensor:
    return value.reshape(rows, -1) if rows else value.reshape(0, value[0:0].numel() or width(value))


def width(value: Tensor) -> int:
    return value.shape[1:].numel()


class Loop(torch.autograd.Function):
    """The recurrent part of a call: forward and backward by an executor."""

    @staticmethod
    def forward(
        ctx: Any, plan: Recipe, where: Geometry, execute: Executor, *inputs: Tensor | None
    ) -> Any:
        results, kept, rows = forward(plan, where, execute, inputs, keep=True)
        ctx.plan, ctx.where, ctx.execute = plan, where, execute
        ctx.names = list(kept)
        ctx.count = len(inputs)
        # what was read from x is kept only where the gradient looks at it
        ctx.rows = len(rows) if plan.reads is not None and plan.rows_saved else 0
        ctx.save_for_backward(*inputs, *kept.values(), *rows[: ctx.rows])
        ctx.mark_non_differentiable(*(r for r in results if not r.dtype.is_floating_point))
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        saved = ctx.saved_tensors
        inputs = saved[: ctx.count]
        wanted = ctx.needs_input_grad[3:]
        if any(g is not None and batched(g) for g in gradients):
            raise RuntimeError(
                "The compiled loop cannot take many gradients at once (vectorize=True or "
                'is_grads_batched=True). Run it with backend="loop", or one gradient at a time.'
            )
        if torch.is_grad_enabled():  # a second derivative is wanted: through the reference
            return (None, None, None, *by_reference(ctx.plan, ctx.where, inputs, gradients, wanted))
        kept = dict(zip(ctx.names, saved[ctx.count :], strict=False))
        rows = saved[len(saved) - ctx.rows :]
        found = backward(ctx.plan, ctx.where, ctx.execute, inputs, kept, rows, gradients, wanted)
        return (None, None, None, *found)


def batched(gradient: Tensor) -> bool:
    functorch = torch._C._functorch
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def split(plan: Recipe, inputs: Sequence[Tensor | None]) -> dict[str, list[Any]]:
    """The inputs of the loop by kind; "read" are x and what it is multiplied with."""
    at, given = 0, {}
    for kind, count in (
        ("state", len(plan.new_states)),
        ("matrix", len(plan.matrices)),
        ("vector", len(plan.vectors)),
        ("sequence", len(plan.sequences)),
    ):
        given[kind] = list(inputs[at : at + count])
        at += count
    given["rows" if plan.reads is None else "read"] = list(inputs[at:])
    return given


def read_rows(plan: Recipe, given: dict[str, list[Any]], multiply: Multiply) -> None:
    """Fill in what is read from x, in one product each."""
    if plan.reads is not None:
        x, *parts = given["read"]
        given["rows"] = [
            multiply(x, parts[2 * k].t() if read.turned else parts[2 * k], parts[2 * k + 1])
            for k, read in enumerate(plan.reads)
        ]


def forward(
    plan: Recipe, where: Geometry, execute: Executor, inputs: Sequence[Tensor | None], keep: bool
) -> tuple[list[Tensor], dict[str, Tensor], list[Tensor]]:
    """Emitted values [N, w], then final states [R, w]; what the backward reads; and the rows."""
    given = split(plan, inputs)
    read_rows(plan, given, execute.product)
    R, N = where.R, where.N
    tensors = named(given)
    like: Any = inputs[0]
    whole = plan.history if keep else plan.shown
    turning = plan.turning(keep)
    for k, start in enumerate(given["state"]):
        if k in whole:
            kept = start.new_empty(R + N, start.shape[1])
            (kept[:R] if where.first else kept[N:]).copy_(start)
        else:
            kept = start.new_empty(2 * R, start.shape[1])
            kept[:R] = start
            if where.lengths is not None:  # sequences of no steps keep their start
                kept[R:] = start
        tensors[plan.state_names[k]] = kept
    for name in (*plan.own_emits, *plan.saved_names) if keep else plan.own_emits:
        tensors[name] = empty(plan, name, N, like)
    scratch(plan.forward, tensors, R, like)
    if N:
        execute(plan, plan.forward, tensors, given["matrix"], where.forward, turning)

    emits = [
        tensors[f"emit:{k}"] if same is None else tensors[f"state:{same}"].narrow(0, where.first, N)
        for k, same in enumerate(plan.emit_is_state)
    ]
    finals = [
        final_rows(tensors[f"state:{k}"], where, k in whole) for k in range(len(given["state"]))
    ]
    kept = {n: tensors[n] for n in plan.kept_names} if keep else {}
    return [*emits, *finals], kept, given["rows"]


def final_rows(kept: Tensor, where: Geometry, whole: bool) -> Tensor:
    """The state after each sequence's own last step, [R, w]."""
    R, S = where.R, where.steps
    if where.lengths is None:
        if not whole:
            return kept[:R].clone() if S % 2 == 0 else kept[R:].clone()
        return kept.narrow(0, where.final, R).clone()
    sequence = torch.arange(R, device="cpu")
    if not whole:
        return kept.index_select(0, where.lengths % 2 * R + sequence)
    start = torch.cat([torch.zeros(1, dtype=torch.int64, device="cpu"), where.next])
    return kept.index_select(0, start[where.lengths] + sequence)


def backward(
    plan: Recipe,
    where: Geometry,
    execute: Executor,
    inputs: Sequence[Tensor],
    kept: Mapping[str, Tensor],
    rows: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients of the loop's inputs, None where not wanted."""
    program = plan.backward
    if program is None:
        raise RuntimeError("This plan was made without gradients.")
    given, R, N, S = split(plan, inputs), where.R, where.N, where.steps
    if plan.reads is not None:
        given["rows"] = list(rows)
    like = inputs[0]
    tensors = named(given) | dict(kept)
    for k in range(len(plan.emits)):
        tensors[f"d_emit:{k}"] = readable(gradients[k], N, plan.widths[f"emit:{k}"], like)
    for k, start in enumerate(given["state"]):
        if start.dtype.is_floating_point:
            final = gradients[len(plan.emits) + k]
            if final is None:
                carried = start.new_zeros(2 * R, start.shape[1])
            else:  # where a sequence ends, in a turn of either half
                carried = torch.cat([final, final])
            tensors[f"d_state:{k}"] = carried
    for name, partial in plan.found:
        tensors[name] = empty(plan, name, N, like)
        if partial:
            tensors[name].zero_()
    scratch(program, tensors, R, like)
    if N:
        execute(plan, program, tensors, given["matrix"], where.backward, frozenset())

    later = Later(plan, where, execute, tensors, given)
    half = slice(0, R) if S % 2 == 0 else slice(R, 2 * R)
    found: list[Tensor | None] = []
    needs = iter(wanted)
    for k, start in enumerate(given["state"]):
        got = tensors[f"d_state:{k}"][half] if start.dtype.is_floating_point else None
        found.append(got if next(needs) else None)
    found += [later.matrix(k) if next(needs) else None for k in range(len(plan.matrices))]
    found += [later.vector(k) if next(needs) else None for k in range(len(plan.vectors))]
    for k in range(len(plan.sequences)):
        each = later.rows("sequence", k) if next(needs) else None
        found.append(None if each is None else where.summed(each))
    if plan.reads is None:
        found += [later.rows("rows", k) if next(needs) else None for k in range(len(plan.rows))]
        return found
    x, *parts = given["read"]
    of_x = None
    wants_x = next(needs)
    rest: list[Tensor | None] = []
    for k, read in enumerate(plan.reads):
        of_matrix, of_bias = next(needs), next(needs)
        if not (wants_x or of_matrix or of_bias):
            rest += [None, None]
            continue
        d = later.rows("rows", k)
        matrix = parts[2 * k]
        if wants_x:
            term = execute.product(d, matrix if read.turned else matrix.t())
            of_x = term if of_x is None else of_x + term
        left, right = (d, x) if read.turned else (x, d)
        rest.append(execute.over_rows(left, right) if of_matrix else None)
        rest.append(d.sum(0) if of_bias else None)
    return [*found, of_x, *rest]


class Later:
    """The deferred gradients: each over all rows at once."""

    def __init__(
        self,
        plan: Recipe,
        where: Geometry,
        execute: Executor,
        tensors: Mapping[str, Tensor],
        given: Mapping[str, list[Tensor]],
    ) -> None:
        self.plan, self.where, self.tensors, self.given = plan, where, tensors, given
        self.execute = execute
        self.previous: dict[int, Tensor] = {}

    def value(self, node: Node, rows: slice = slice(None)) -> Tensor:
        """A value over all rows, [N, w], or some of them."""
        at_hand = self.at_hand(node)
        if at_hand is not None:
            return at_hand[rows] if node.rows else at_hand
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
                needed[n] = got[rows] if n.rows else got
        blocks = {b for n in ancestors([node], needed.__contains__) for b in n.blocks}
        parts = {b: b.of(self.given["matrix"]) for b in blocks if b.matrix >= 0}
        (result,) = evaluate([node], needed, parts, self.execute.product)
        return result

    def at_hand(self, node: Node) -> Tensor | None:
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
        owners = torch.cat([torch.arange(int(c), device="cpu") for c in self.where.counts])
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
        """The gradient of matrix k, in large products."""
        whole = self.given["matrix"][k]
        merged = self.plan.merged[k]
        if len(merged) == 1 and merged[0].whole(whole.shape):
            return self.outer(merged[0])
        gradient = torch.zeros_like(whole, memory_format=torch.contiguous_format)
        for m in merged:
            gradient[slice(*m.rows), slice(*m.columns)] += self.outer(m)
        return gradient

    def outer(self, merged: Merged) -> Tensor:
        """left.T @ right, some rows at a time so that what is computed for it stays small."""
        total: Tensor | None = None
        for first in range(0, max(self.where.N, 1), ROWS):
            rows = slice(first, first + ROWS)
            part = self.execute.over_rows(
                self.side(merged.left, rows), self.side(merged.right, rows)
            )
            total = part if total is None else total.add_(part)
        if total is None:
            raise RuntimeError("There is always a first part.")
        return total

    def side(self, side: Node | Buffer, rows: slice) -> Tensor:
        if isinstance(side, Node):
            return self.value(side, rows)
        return self.columns(side.tensor, side.lo, side.width, side.time)[rows]

    def vector(self, k: int) -> Tensor:
        whole = self.given["vector"][k]
        parts = self.plan.sums[k]
        if len(parts) == 1 and parts[0].width == len(whole):
            return self.sum(parts[0])
        gradient = torch.zeros_like(whole)
        for part in parts:
            gradient[part.lo : part.lo + part.width] += self.sum(part)
        return gradient

    def sum(self, part: Sum) -> Tensor:
        if isinstance(part.of, Node):  # a gradient is a sum over rows, so some at a time will do
            starts = range(0, max(self.where.N, 1), ROWS)
            parts = [self.value(part.of, slice(r, r + ROWS)).reshape(-1) for r in starts]
            return parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
        return self.columns(part.of.tensor, part.of.lo, part.of.width, part.of.time).sum(0)

    def rows(self, kind: str, k: int) -> Tensor:
        """The gradient of what was hoisted, for every row."""
        fused = self.tensors.get(f"d_{kind}:{k}")
        deferred = {s: n for s, n in self.plan.deferred.items() if s.kind == kind and s.index == k}
        if fused is not None and not deferred:
            return fused
        if fused is None:
            like = self.given["state"][0]
            fused = empty(self.plan, f"{kind}:{k}", self.where.N, like).zero_()
        gradient = fused
        for source, node in deferred.items():
            width = self.plan.inputs[source].width
            gradient[:, source.lo : source.lo + width] = self.value(node)
        return gradient


def by_reference(
    plan: Recipe,
    where: Geometry,
    inputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the loop once more, step by step."""
    # one input may have been made of another; through these views the gradients stay apart
    inputs = [t if t is None else t.view_as(t) for t in inputs]
    given = split(plan, inputs)
    read_rows(plan, given, lambda x, m, b: x @ m if b is None else x @ m + b)
    states, emitted = list(given["state"]), []
    blocks = {b for atoms in (*plan.new_states, *plan.emits) for b in blocks_of(atoms)}
    parts = {b: b.of(given["matrix"]) for b in blocks}
    finals: list[list[Tensor]] = [[] for _ in states]
    for s in range(where.steps):
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
                if source.kind == "state":
                    whole = states[source.index]
                elif source.kind == "rows":
                    whole = given["rows"][source.index][at : at + n]
                else:
                    whole = given["sequence"][source.index][:n]
                values[node] = whole[:, lo:hi]
        rows = [*plan.new_states, *plan.emits]
        atoms = iter(evaluate([a for row in rows for a in row], values, parts))
        new = [torch.cat([next(atoms).expand(n, a.width) for a in row], 1) for row in rows]
        states = new[: len(states)]
        emitted.append(new[len(states) :])
    outputs = []
    if where.steps and int(where.offset[0]) > 0:  # read from the end
        emitted.reverse()
    for k in range(len(plan.emits)):
        width = plan.widths[f"emit:{k}"]
        outputs.append(torch.cat([states[0].new_zeros(0, width), *(e[k] for e in emitted)]))
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
    return [
        (found_or_zero(next(found), t) if w else None) for t, w in zip(inputs, wanted, strict=True)
    ]


def found_or_zero(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def blocks_of(atoms: Sequence[Node]) -> set[Block]:
    return {b for n in ancestors(atoms) for b in n.blocks if b.matrix >= 0}


def named(given: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    return {
        f"{kind}:{k}": t.reshape(1, -1) if kind == "vector" else readable_rows(t)
        for kind in ("vector", "sequence", "rows")
        for k, t in enumerate(given.get(kind, ()))
    }


def empty(plan: Recipe, name: str, rows: int, like: Tensor) -> Tensor:
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
    t = plain(t)
    if t.stride(1) == 1 or t.shape[1] == 1:
        return t
    if t.stride(0) == 0 and t.shape[0] > 0:
        return t[:1].contiguous().expand(t.shape)
    return t.contiguous()
