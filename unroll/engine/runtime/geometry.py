"""Where every step of every sequence lies: lengths, resets and direction turned into row numbers.

The loop knows no lengths, resets or directions. It sees sequences sorted from long to short, and
at step s the rows of those that are still running. A reset begins a new, shorter sequence. T
time, B batch, N rows of all steps together, R sequences, S steps.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unroll.cells import State, map_state


class Times:
    """The first row that each step touches of every kind of tensor, in the order of running.

    Attributes:
        at: by kind, [S]. "rows" of what has N rows; "previous" and "next" of a state whose every
            step is kept; "carried" and "carry" of a tensor with room for two steps, used in turn.
        needed: by kind, how many rows such a tensor must have.
        counts: sequences of each step, [S].
        sequences: how many sequences there are, R.
        steps: how many steps there are, S.
        total: how many rows there are, N.
        pointers: by kind, the address of the numbers in `at`.
    """

    def __init__(self, counts: Tensor, sequences: int, **at: Tensor) -> None:
        ring = torch.arange(len(counts) + 1, device="cpu") % 2 * sequences
        self.counts, self.sequences, self.steps = counts, sequences, len(counts)
        self.at = {**at, "carried": ring[:-1].contiguous(), "carry": ring[1:].contiguous()}
        ends = {k: int((a + counts).max()) if len(counts) else 0 for k, a in self.at.items()}
        self.needed = {**ends, "fixed": sequences}
        self.total = int(counts.sum())
        self.pointers = {k: a.data_ptr() for k, a in self.at.items()} | {"fixed": 0}


@dataclass(frozen=True, eq=False)
class Geometry:
    """Row numbers of one call.

    Those from `pick` on are None where every sequence has every step and nothing is reset.

    Attributes:
        T: steps of the call.
        B: sequences of the call.
        R: sequences of the loop: a reset begins another one.
        N: rows of all steps together.
        counts: sequences running at each step, [S].
        offset: the first of each step's rows among the N, [S].
        previous: the first of each step's rows among the kept states before it, [S]; the first or
            last R rows of the kept states are the initial ones.
        next: the same after it, [S].
        first: the first of the kept states that is not initial.
        pick: the rows of the [T * B] inputs, [N].
        batch_row: which of the B sequences each row belongs to, [N].
        before_row: the row of the state before it among the kept ones, [N].
        begins: b where sequence b begins, B + b where it begins again at a reset, [R].
        ends: the last of the sequences of the loop of each sequence of the call, [B].
        lengths: steps of each sequence of the loop, [R].
    """

    T: int
    B: int
    R: int
    N: int
    counts: Tensor
    offset: Tensor
    previous: Tensor
    next: Tensor
    first: int
    pick: Tensor | None = None
    batch_row: Tensor | None = None
    before_row: Tensor | None = None
    begins: Tensor | None = None
    ends: Tensor | None = None
    lengths: Tensor | None = None

    @property
    def steps(self) -> int:
        """How many steps there are, S."""
        return len(self.counts)

    @cached_property
    def final(self) -> int:
        """Where the states after the last step begin, of sequences that are all of one length."""
        if self.steps:
            return int(self.next[-1])
        return 0 if self.first else self.N

    @cached_property
    def owner(self) -> Tensor:
        """Which of the R sequences each row belongs to, [N]."""
        return (torch.arange(self.R, device="cpu") < self.counts[:, None]).nonzero()[:, 1]

    @cached_property
    def forward(self) -> Times:
        """The rows that each step touches, in the order of the forward."""
        return Times(self.counts, self.R, rows=self.offset, previous=self.previous, next=self.next)

    @cached_property
    def backward(self) -> Times:
        """The same in the order of the backward."""
        flipped = {"rows": self.offset, "previous": self.previous, "next": self.next}
        return Times(self.counts.flip(0), self.R, **{k: a.flip(0) for k, a in flipped.items()})

    def rows(self, x: Tensor) -> Tensor:
        """[T, B, ...] as the N rows of the loop, [N, ...]."""
        flat = x.reshape(self.T * self.B, *x.shape[2:])
        return flat if self.pick is None else flat.index_select(0, self.pick)

    def spread(self, rows: Tensor) -> Tensor:
        """N rows back as [T, B, ...], zero where there was no step."""
        if self.pick is None:
            return rows.reshape(self.T, self.B, *rows.shape[1:])
        whole = rows.new_zeros(self.T * self.B, *rows.shape[1:])
        return whole.index_copy(0, self.pick, rows).reshape(self.T, self.B, *rows.shape[1:])

    def of_rows(self, values: Tensor) -> Tensor:
        """[B, w] for each of the N rows, [N, w]."""
        if self.batch_row is None:
            return values.expand(self.T, *values.shape).reshape(self.N, *values.shape[1:])
        return values.index_select(0, self.batch_row)

    def of_sequences(self, values: Tensor) -> Tensor:
        """[B, w] for each of the R sequences."""
        return values if self.begins is None else values.index_select(0, self.begins % self.B)

    def summed(self, rows: Tensor) -> Tensor:
        """N rows summed over the steps of each sequence of the loop, [R, w]."""
        if self.batch_row is None:
            return rows.reshape(self.T, self.B, rows.shape[1]).sum(0)
        return rows.new_zeros(self.R, rows.shape[1]).index_add(0, self.owner, rows)

    def started(self, state: State, initial: State | None) -> State:
        """The state that each of the R sequences begins with."""
        begins = self.begins
        if begins is None:
            return state
        if initial is None:
            return map_state(lambda s: s.index_select(0, begins), state)
        return map_state(lambda s, i: torch.cat([s, i]).index_select(0, begins), state, initial)

    def ended(self, final: Tensor) -> Tensor:
        """The final state of each of the B, [B, ...], of those of the R sequences, [R, ...]."""
        return final if self.ends is None else final.index_select(0, self.ends)


def geometry(
    T: int, B: int, lengths: Tensor | None, resets: Tensor | None, reverse: bool
) -> Geometry:
    """The rows of one call.

    Args:
        T: its steps.
        B: its sequences.
        lengths: int64 [B], or None for all T.
        resets: bool [T, B], or None.
        reverse: whether each sequence is read from its own last step to its first.
    """
    if lengths is None and resets is None:
        return full_geometry(T, B, reverse)
    return ragged_geometry(T, B, lengths, resets, reverse)


@functools.lru_cache(maxsize=64)
def full_geometry(T: int, B: int, reverse: bool) -> Geometry:
    """Every sequence has every step."""
    steps = torch.arange(T, device="cpu") * B
    if reverse:
        steps = steps.flip(0)
    return Geometry(
        T, B, B, T * B, torch.full((T,), B, device="cpu"), steps,
        steps + B if reverse else steps, steps if reverse else steps + B, 0 if reverse else B,
    )  # fmt: skip


def ragged_geometry(
    T: int, B: int, lengths: Tensor | None, resets: Tensor | None, reverse: bool
) -> Geometry:
    """Sequences of different lengths, or with resets.

    Args:
        T: steps of the call.
        B: its sequences.
        lengths: int64 [B], or None for all T.
        resets: bool [T, B], or None.
        reverse: whether each sequence is read from its own last step to its first.
    """
    limit = torch.full((B,), T, device="cpu") if lengths is None else lengths.cpu()
    begin, length, begins = (
        torch.zeros(B, dtype=torch.int64, device="cpu"),
        limit,
        torch.arange(B, device="cpu"),
    )
    ends = torch.arange(B, device="cpu")
    if resets is not None:
        b, t = resets.cpu().t().nonzero(as_tuple=True)  # sorted by sequence, then by time
        inside = t < limit[b]
        b, t = b[inside], t[inside]
        # a piece runs from its start to the next one's start, in the direction of reading
        if reverse:  # read from the end: a reset at t begins a piece that goes down from t
            read = limit[b] - 1 - t
        else:
            read = t
        owner = torch.cat([torch.arange(B, device="cpu"), b])
        start = torch.cat([torch.zeros(B, dtype=torch.int64, device="cpu"), read])
        fresh = torch.cat([torch.zeros(B, dtype=torch.int64, device="cpu"), torch.ones_like(b)])
        order = torch.argsort(owner * (2 * T + 2) + start * 2 + fresh, stable=True)
        owner, start, fresh = owner[order], start[order], fresh[order]
        after = torch.cat([owner[1:], torch.tensor([-1], device="cpu")]) == owner
        stop = torch.where(
            after, torch.cat([start[1:], torch.tensor([0], device="cpu")]), limit[owner]
        )
        begin, length, begins = start, stop - start, owner + B * fresh
        ends = torch.nonzero(~after).squeeze(1)
    order = torch.argsort(length, descending=True, stable=True)
    begin, length, begins = begin[order], length[order], begins[order]
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device="cpu")
    ends = place[ends]

    R, S = len(length), int(length.max()) if len(length) else 0
    alive = torch.arange(S, device="cpu")[:, None] < length  # [S, R]
    counts = alive.sum(1)
    offset = counts.cumsum(0) - counts
    step, sequence = alive.nonzero(as_tuple=True)
    N = len(step)
    owner = begins[sequence] % max(B, 1)
    read = begin[sequence] + step
    time = limit[owner] - 1 - read if reverse else read
    previous = torch.cat([torch.zeros(1, dtype=torch.int64, device="cpu"), R + offset])[:S]
    return Geometry(
        T, B, R, N, counts, offset, previous, R + offset, R,
        pick=time * B + owner, batch_row=owner, before_row=previous[step] + sequence,
        begins=begins, ends=ends, lengths=length,
    )  # fmt: skip
