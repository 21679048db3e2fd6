"""A call in segments: states are kept at borders, and what lies between is computed again.

Around any backend. T time, B batch, n segments, numbered in the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.engine.call import Call
from unroll.engine.memory.bounded import Bound
from unroll.engine.memory.schedule import (
    Segmentation,
    kept_before,
    kept_whole,
    segments_by_length,
    segments_by_memory,
    segments_in_reverse,
)  # fmt: skip
from unroll.engine.noise import draw_by_parts
from unroll.errors import UserError

TRIAL = (2, 6)  # steps, of the two calls by which a step's memory is measured
NODE = 1024  # bytes of what autograd itself keeps beside each saved tensor
# of what a step saves: itself, what going back needs, and what an allocator does not give back
TIMES = 3


class RunnableBackend(Protocol):
    """A backend."""

    def run(self, call: Call) -> tuple[Tensor, State]: ...


def run_segmented(backend: RunnableBackend, call: Call, bound: Bound) -> tuple[Tensor, State]:
    """The same outputs, states and gradients as `backend.run(call)`, in bounded memory.

    Args:
        backend: what runs each segment.
        call: the call, checked.
        bound: the memory, or the length of a segment.

    Raises:
        UserError: where the memory is not enough for one step.
    """
    segmentation = segmentation_of(backend, call, bound)
    if segmentation.segments < 2 or not call.x.shape[1]:
        return backend.run(call)
    segments = Segments(backend, call, segmentation)
    inputs = [call.x, *segments.flat(call.state), *segments.parameters.values()]
    if torch.is_grad_enabled() and any(t.requires_grad for t in inputs):
        output, *last = Segmented.apply(segments, *inputs)
    else:
        output, *last = segments.sweep(call.x, call.state, Kept())
    return output, segments.state(last)


def segmentation_of(backend: RunnableBackend, call: Call, bound: Bound) -> Segmentation:
    """How the call is divided into segments.

    Raises:
        UserError: where the memory is not enough for one step and a kept state.
    """
    T = len(call.x)
    if bound.memory is None or T < 2:
        return segments_by_length(T, bound.length)
    step, state = bytes_per_step(backend, call), bytes_of_state(call)
    segmentation = segments_by_memory(T, step, state, bound.memory)
    if segmentation is None:
        raise UserError(
            f"memory={bound.memory:,} bytes is too little for {type(call.cell).__name__}: one step "
            f"of {call.x.shape[1]} sequences needs {step:,}, and a kept state {state:,}. Give more, "
            "or a smaller batch."
        )
    return segmentation


def bytes_of_state(call: Call) -> int:
    """Bytes of one state of a call."""
    return sum(f.numel() * f.element_size() for _, f in fields(call.state))


def bytes_per_step(backend: RunnableBackend, call: Call) -> int:
    """What a step takes, forward and back: by trial, from what it saves for its gradient."""

    def kept(steps: int) -> int:
        x = torch.zeros_like(call.x[:1]).expand(steps, *call.x.shape[1:]).clone()
        parts = draw_by_parts(call.cell, x, [steps])
        noise = None if parts is None else parts(0)
        trial = replace(
            call, x=x.requires_grad_(), lengths=None, resets=None, noise=noise, notes={}
        )
        saved: dict[int, Tensor] = {}
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            """Note a tensor `[*]` that is saved for the gradient; it stays as it is."""
            nonlocal count
            count += 1
            saved[tensor.untyped_storage().data_ptr()] = tensor.detach()
            return tensor

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            backend.run(trial)
        return NODE * count + sum(t.untyped_storage().nbytes() for t in saved.values())

    devices = [call.x.device] if call.x.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        few, more = (kept(steps) for steps in TRIAL)
    return TIMES * max(1, -(-(more - few) // (TRIAL[1] - TRIAL[0])))


@dataclass
class Tape:
    """A segment that was run with everything that its gradient needs.

    Attributes:
        inputs: x, the fields of the state and the parameters; None where no gradient is wanted.
        outputs: the outputs [T, B, H] and the fields of the final state.
    """

    inputs: list[Tensor | None]
    outputs: list[Tensor]


class Kept:
    """What is kept of a sweep: the states before some segments, and some segments whole."""

    def __init__(self, before: Iterable[int] = (), whole: Iterable[int] = ()) -> None:
        self.before, self.whole = frozenset(before), frozenset(whole)
        self.states: dict[int, State] = {}
        self.tapes: dict[int, Tape] = {}


class Segments:
    """A call and its segments."""

    def __init__(self, backend: RunnableBackend, call: Call, segmentation: Segmentation) -> None:
        self.backend, self.call, self.segmentation = backend, call, segmentation
        self.n, self.looked = segmentation.segments, False
        self.parameters = dict(call.cell.named_parameters()) | dict(call.parameters or {})
        T, length = segmentation.T, segmentation.length
        self.places = [(at, min(at + length, T)) for at in range(0, T, length)]
        if call.reverse:
            self.places.reverse()
        parts = [hi - lo for lo, hi in sorted(self.places)]
        self.noise = draw_by_parts(call.cell, call.x, parts)

    def flat(self, state: State) -> list[Tensor]:
        """The fields of a state."""
        return [field for _, field in fields(state)]

    def state(self, flat: Sequence[Tensor]) -> State:
        """The state of these fields, [B, ...] each."""
        each = iter(flat)
        return map_state(lambda _: next(each), self.call.state)

    def part(
        self, k: int, x: Tensor, state: State, parameters: Sequence[Tensor] | None = None
    ) -> Call:
        """The call of segment k. x: its steps, [t, B, I]. state: before it, fields [B, ...].

        parameters: in place of the call's, `[*]` each, or None.
        """
        call = self.call
        lo, hi = self.places[k]
        stand_ins = call.parameters
        if parameters is not None:
            stand_ins = dict(zip(self.parameters, parameters, strict=True))
        return replace(
            call,
            x=x,
            state=state,
            lengths=None if call.lengths is None else (call.lengths - lo).clamp(0, hi - lo),
            resets=None if call.resets is None else call.resets[lo:hi],
            parameters=stand_ins,
            noise=None if self.noise is None else self.noise(lo // self.segmentation.length),
            notes={},
        )

    def sweep(
        self, x: Tensor, start: State, kept: Kept, wanted: Sequence[bool] = ()
    ) -> list[Tensor]:
        """Run all segments, one after the other.

        Args:
            x: the inputs, [T, B, I].
            start: the state before the first segment, fields [B, ...].
            kept: which states and segments are to be kept; they are put there.
            wanted: whether gradients are wanted of x, of each field and of each parameter.

        Returns:
            The outputs [T, B, H] and the fields of the last state, [B, ...] each.

        Raises:
            RuntimeError: where there is no segment.
        """
        output, state = None, start
        for k, (lo, hi) in enumerate(self.places):
            if k in kept.before:
                kept.states[k] = state
            if k in kept.whole:
                tape = kept.tapes[k] = self.tape(k, x, state, wanted)
                shown, *last = (t.detach() for t in tape.outputs)
                state = self.state(last)
            else:
                shown, state = self.backend.run(self.part(k, x[lo:hi], state))
            if output is None:
                output = shown.new_empty(len(x), *shown.shape[1:])
            output[lo:hi] = shown
        if output is None:
            raise RuntimeError("There is always a first segment.")
        return [output, *self.flat(state)]

    def advance_of(self, x: Tensor) -> Callable[[State, int, int], State]:
        """Over x [T, B, I], from the state before segment `start` to that before `stop`."""

        @torch.no_grad()
        def advance(state: State, start: int, stop: int) -> State:
            for k in range(start, stop):
                lo, hi = self.places[k]
                _, state = self.backend.run(self.part(k, x[lo:hi], state))
            return state

        return advance

    def tape(self, k: int, x: Tensor, state: State, wanted: Sequence[bool]) -> Tape:
        """Segment k of x [T, B, I] from a state [B, ...] once more, with its graph.

        wanted: of x, of each field of the state and of each parameter.

        Raises:
            UserError: where a gradient would flow to a tensor that is no input.
        """
        lo, hi = self.places[k]
        given = [x[lo:hi], *self.flat(state), *self.parameters.values()]
        count = len(self.flat(state))
        wants = list(wanted)
        if k:  # what flows back through the state feeds everything before
            wants[1 : 1 + count] = [f.is_floating_point() for f in self.flat(state)]
        inner = [t.detach().requires_grad_(w) for t, w in zip(given, wants, strict=True)]
        with torch.enable_grad():
            own = self.state(inner[1 : 1 + count])
            output, last = self.backend.run(self.part(k, inner[0], own, inner[1 + count :]))
        if not self.looked:
            self.looked = True
            refuse_foreign([output, *self.flat(last)], inner, type(self.call.cell).__name__)
        inputs = [t if t.requires_grad else None for t in inner]
        return Tape(inputs, [output, *self.flat(last)])


class Segmented(torch.autograd.Function):
    """Forward segment by segment; backward by the schedule."""

    @staticmethod
    def forward(ctx: Any, segments: Segments, *inputs: Tensor) -> Any:
        """Inputs x [T, B, I], fields, parameters -> outputs [T, B, H], final fields [B, ...]."""
        kept = Kept(kept_before(segments.segmentation), kept_whole(segments.segmentation))
        x, count = inputs[0], len(segments.flat(segments.call.state))
        start = segments.state(inputs[1 : 1 + count])
        results = segments.sweep(x, start, kept, ctx.needs_input_grad[1:])
        given = {id(t) for t in inputs}
        results = [t.clone() if id(t) in given else t for t in results]
        kept.states[0] = None  # it is an input, which autograd keeps
        ctx.segments, ctx.kept, ctx.count = segments, kept, count
        ctx.save_for_backward(*inputs)
        ctx.mark_non_differentiable(*[r for r in results if not r.dtype.is_floating_point])
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        """Gradients of x [T, B, I], of the fields of the state [B, ...] and of the parameters.

        Raises:
            RuntimeError: where many gradients are given at once.
        """
        segments, kept, inputs = ctx.segments, ctx.kept, ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        refuse_many(gradients)
        if torch.is_grad_enabled():  # a second derivative is wanted: without segments
            return None, *second_derivatives(segments, inputs, gradients, wanted, ctx.count)
        x, states = inputs[0], dict(kept.states)
        states[0] = segments.state(inputs[1 : 1 + ctx.count])
        found = SegmentGradients(x, wanted, ctx.count, gradients)
        for k in segments_in_reverse(segments.segmentation, states, segments.advance_of(x)):
            # no name for the tape here: it must be gone before the next one is made
            found.through(
                kept.tapes.pop(k, None) or segments.tape(k, x, states[k], wanted),
                segments.places[k],
            )
            del states[k]
        return None, *found.gradients()


class SegmentGradients:
    """The gradients, as one segment after another is gone back through."""

    def __init__(
        self, x: Tensor, wanted: Sequence[bool], count: int, gradients: Sequence[Tensor | None]
    ) -> None:
        self.of_x = torch.empty_like(x) if wanted[0] else None
        self.of_output, *self.of_state = gradients
        self.of_parameters: list[Tensor | None] = [None] * (len(wanted) - 1 - count)
        self.wanted, self.count = wanted, count

    def through(self, tape: Tape, place: tuple[int, int]) -> None:
        """Go back through a segment, whose steps are place[0] to place[1]."""
        lo, hi = place
        of_output = None if self.of_output is None else self.of_output[lo:hi]
        pairs = [
            (output, gradient)
            for output, gradient in zip(tape.outputs, [of_output, *self.of_state], strict=True)
            if gradient is not None and output.requires_grad
        ]
        chosen = [t for t in tape.inputs if t is not None]
        got: Sequence[Tensor | None] = [None] * len(chosen)
        if pairs and chosen:
            got = torch.autograd.grad(
                [o for o, _ in pairs], chosen, [g for _, g in pairs], allow_unused=True
            )
        each = iter(got)
        of_x, *rest = (None if t is None else next(each) for t in tape.inputs)
        if self.of_x is not None:
            if of_x is None:
                self.of_x[lo:hi] = 0
            else:
                self.of_x[lo:hi] = of_x
        self.of_state = rest[: self.count]
        for k, gradient in enumerate(rest[self.count :]):
            total = self.of_parameters[k]
            if gradient is not None:  # a copy, since two may be one tensor
                self.of_parameters[k] = gradient.clone() if total is None else total.add_(gradient)

    def gradients(self) -> list[Tensor | None]:
        """Those of x, of the fields of the state, and of the parameters."""
        return [self.of_x, *self.of_state, *self.of_parameters]


def refuse_foreign(outputs: Sequence[Tensor], known: Sequence[Tensor], cell: str) -> None:
    """Refuse a call whose gradient would flow to a tensor that is no input of it.

    Such a tensor would get no gradient, and nobody would notice.

    Args:
        outputs: what the call returned, `[*]` each.
        known: its inputs, `[*]` each.
        cell: the name of its cell, for the message.

    Raises:
        UserError: where there is one.
    """
    own = {id(t) for t in known}
    waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        leaf = getattr(node, "variable", None)
        if leaf is not None and id(leaf) not in own:
            raise UserError(
                f"{cell} reads a tensor of shape {list(leaf.shape)} that wants a gradient and is "
                "neither its parameter nor its buffer; in segments it would get none. Make it a "
                "parameter, or run without memory= and segment_length=."
            )
        for before, _ in node.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                waiting.append(before)


def refuse_many(gradients: Sequence[Tensor | None]) -> None:
    """Refuse many gradients at once, where one that is stored as `[*]` represents several.

    Raises:
        RuntimeError: where there is such a gradient.
    """
    functorch = torch._C._functorch
    if any(
        g is not None and (functorch.is_batchedtensor(g) or functorch.is_legacy_batchedtensor(g))
        for g in gradients
    ):
        raise RuntimeError(
            "A call in segments cannot take many gradients at once (vectorize=True or "
            "is_grads_batched=True). Run it without memory= and segment_length=, or one gradient "
            "at a time."
        )


def second_derivatives(
    segments: Segments,
    inputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
    count: int,
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the call once more, in one piece.

    Args:
        segments: the call.
        inputs: x [T, B, I], the fields of the state [B, ...], and the parameters.
        gradients: of the outputs [T, B, H] and of the fields of the final state [B, ...]; or None.
        wanted: of each input, whether its gradient is wanted.
        count: how many fields the state has.

    Returns:
        Of each input its gradient, of the input's shape; None where it is not wanted, or zero.
    """
    # one input may have been made of another; through these views the gradients stay apart
    inputs = [t.view_as(t) for t in inputs]
    stand_ins = dict(zip(segments.parameters, inputs[1 + count :], strict=True))
    noise = None
    if segments.noise is not None:
        parts = [segments.noise(k) for k in range(segments.n)]
        noise = {
            name: (each, torch.cat([p[name][1] for p in parts]) if each == "step" else value)
            for name, (each, value) in parts[0].items()
        }
    call = replace(
        segments.call,
        x=inputs[0],
        state=segments.state(inputs[1 : 1 + count]),
        parameters=stand_ins,
        noise=noise,
        notes={},
    )
    output, last = segments.backend.run(call)
    outputs = [output, *segments.flat(last)]
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None]
    pairs = [(o, g) for o, g in pairs if o.requires_grad]
    chosen = [t for t, w in zip(inputs, wanted, strict=True) if w]
    got = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], chosen, [g for _, g in pairs], create_graph=True,
            allow_unused=True,
        )
    )  # fmt: skip
    return [next(got) if w else None for w in wanted]
