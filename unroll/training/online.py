"""Gradients forward in time, for streams whose history cannot be kept: RTRL exactly, and SnAp-1.

B batch, S numbers in the state, P numbers in the cell's parameters, F fields of the state, k numbers
of the state that a parameter changes within one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call, vjp, vmap

from unroll.cells import Cell, State, fields, map_state
from unroll.errors import UserError

LARGEST = 2**28  # numbers in an influence, at most
TRIALS = 4, 32  # random steps that show what changes what: at least, and while some parameter rests
ROWS = 64  # of a derivative at a time, in the trial


class OnlineState(NamedTuple):
    """What goes from step to step.

    Attributes:
        state: of the cell.
        influence: how the parameters have changed it, [B, S, P] or [B, k, P].
    """

    state: State
    influence: Tensor


@dataclass(frozen=True)
class OnlineCost:
    """What learning online costs.

    Attributes:
        numbers: kept from step to step.
        working: further numbers while a step runs.
        products: multiplications per step that bring the influence forward.
        backward: multiplications per step of backpropagation through time.
    """

    numbers: int
    working: int
    products: int
    backward: int

    def __str__(self) -> str:
        return (
            f"{self.numbers:,} numbers kept ({megabytes(self.numbers)} in float32), "
            f"{megabytes(self.working)} more while a step runs, {self.products:,} multiplications "
            f"per step, {self.products / self.backward:,.0f} times backpropagation's"
        )


def megabytes(numbers: int) -> str:
    """The size of so many numbers in float32."""
    return f"{numbers * 4 / 1e6:,.1f} MB"


class Online:
    """The gradient of a cell's parameters, found as the steps go by; no step is kept.

    When to use it: for a stream without an end, with a cell that is small or diagonal. Memory does
    not grow with the number of steps, but with the size of the cell: see `cost`.

        influence_t = d state_t / d state_{t-1} influence_{t-1} + d' state_t / d' parameters
        gradient = sum_t  dL_t / d state_t  influence_t

    `"rtrl"` keeps the influence of every parameter on every number of the state and is exact.
    `"snap1"` keeps it only on the units that the parameter changes within one step: exact for cells
    whose units do not see each other (IndRNN, LRU), else an approximation. Layers before the cell
    learn nothing through the state. While a step runs, `"rtrl"` needs 2 B S P numbers more for its own
    derivatives; `"snap1"` about as many as it keeps, where a parameter changes one unit alone.

    Args:
        cell: an `unroll.Cell` without noise; its parameters stay the same while it is used.
        batch_size: B.
        mode: "rtrl" or "snap1".

    Attributes:
        state: after the last step, without a gradient.
        influence: [B, S, P], or [B, k, P] of the k numbers that a parameter changes.
        cost: in numbers, and in words.
        exact: whether every influence of a parameter is kept.

    Raises:
        UserError: for a cell with noise or whole numbers in its state, or whose step torch.func
            cannot differentiate; for an influence of more than 2^28 numbers; for another mode.

    Source: R. J. Williams and D. Zipser, A learning algorithm for continually running fully
    recurrent neural networks, 1989; J. Menick et al., A practical sparse approximation for real time
    recurrent learning, 2020 (https://arxiv.org/abs/2006.07232).

    Examples:
        >>> import torch, unroll
        >>> from unroll.training.online import Online
        >>> cell = unroll.IndRNNCell(3, 4)
        >>> online = Online(cell, batch_size=2, mode="snap1")
        >>> for x in torch.randn(100, 2, 3):
        ...     loss = online.step(x, lambda output: output.square().sum())
        >>> cell.weight_hh.grad is not None
        True
    """

    def __init__(
        self, cell: Cell, batch_size: int, mode: Literal["rtrl", "snap1"] = "rtrl"
    ) -> None:
        if mode not in ("rtrl", "snap1"):
            raise UserError(f'Online got mode={mode!r}; expected "rtrl" or "snap1".')
        if cell.noise():
            raise UserError(
                f"{type(cell).__name__} draws noise, which online learning does not support. Use a cell "
                "without noise."
            )
        self.cell, self.mode, self.B = cell, mode, batch_size
        self.names = [n for n, p in cell.named_parameters() if p.requires_grad]
        self.parameters = [p for p in cell.parameters() if p.requires_grad]
        if not self.parameters:
            raise UserError(f"{type(cell).__name__} has no trainable weights. Use another cell.")
        self.like = self.parameters[0]
        self.state: State = self._first_state()
        if not all(f.is_floating_point() for _, f in fields(self.state)):
            raise UserError(
                f"{type(cell).__name__} has whole numbers in its state, which have no gradient. Use "
                "another cell."
            )
        self.sizes = [f[0].numel() for _, f in fields(self.state)]
        self.S, self.P = sum(self.sizes), sum(p.numel() for p in self.parameters)
        self._refuse_more_than(LARGEST, batch_size if mode == "rtrl" else 1, self.S)
        self.reach = ParameterReach(self.S)
        if mode == "snap1":
            self.reach = self._find_reach()
            self._refuse_more_than(LARGEST, batch_size, self.reach.k)
        self.exact = mode == "rtrl" or self.reach.alone or self.reach.places is None
        self.state, self.influence = self.start()
        self.cost = self._measure_cost()

    def start(self) -> OnlineState:
        """The state before the first step, which no parameter has changed."""
        return OnlineState(self._first_state(), self.like.new_zeros(self.B, self.reach.k, self.P))

    @property
    def carried(self) -> OnlineState:
        """All that goes from step to step; set to an earlier value, learning continues from there."""
        return OnlineState(self.state, self.influence)

    @carried.setter
    def carried(self, carried: OnlineState) -> None:
        self.state, self.influence = carried

    def step(self, x: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Take one step, and add the gradient of its loss to `.grad` of the cell's parameters.

        Args:
            x: inputs of the step [B, I].
            loss: from the output of the cell [B, O] to a number; the parameters of what is between
                get their gradient too.

        Returns:
            The loss, without its gradient.
        """
        before = self._flat(self.state).detach()
        at_state, at_parameters = self._derivatives(x.detach(), before)
        of_state = before.requires_grad_()
        with torch.enable_grad():
            output, after = self.cell.step(x, self._rebuilt(before))
            value = loss(output)
        value.backward()  # through this step alone
        if of_state.grad is not None:
            self._add_gradient(of_state.grad)
        self._advance(at_state, at_parameters)
        self.state = map_state(Tensor.detach, after)
        return value.detach()

    @torch.no_grad()
    def _add_gradient(self, of_state: Tensor) -> None:
        """Add the gradient through the state, from all steps before."""
        places = self.reach.places
        if places is None:
            gradient = torch.einsum("bs,bsp->p", of_state, self.influence)
        else:
            gradient = (of_state[:, places] * self.influence).sum((0, 1))
        sizes = [p.numel() for p in self.parameters]
        for p, g in zip(self.parameters, gradient.split(sizes), strict=True):
            p.grad = g.view_as(p) if p.grad is None else p.grad + g.view_as(p)

    @torch.no_grad()
    def _advance(self, at_state: Tensor, at_parameters: Tensor) -> None:
        """The influence after one more step, from what `_derivatives` gave."""
        places, real, F = self.reach.places, self.reach.real, len(self.sizes)
        if places is None or real is None:
            self.influence = at_parameters.baddbmm_(at_state, self.influence)
            return
        if not self.reach.one_unit:
            at_parameters = at_parameters.gather(1, places.expand(self.B, -1, -1))
        rows = torch.arange(F, device=places.device)[:, None] if self.reach.alone else places
        grown = [
            (at_state[:, rows, places[j]] * self.influence[:, j, None]) for j in range(len(places))
        ]
        self.influence = torch.stack(grown).sum(0).add_(at_parameters).mul_(real)

    def _derivatives(self, x: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of the state after the step: [B, R, S] by the state, [B, R, P] by parameters.

        R: all S; or F, the sums over units, where every other unit's share is zero anyway.
        """
        every = torch.eye(self.S, dtype=flat.dtype, device=flat.device)
        if not self.reach.one_unit:
            return self._back(x, flat, every, every)
        sums = every.reshape(len(self.sizes), -1, self.S).sum(1)
        return self._back(x, flat, sums if self.reach.alone else every, sums)

    @torch.no_grad()
    def _back(
        self, x: Tensor, flat: Tensor, a: Tensor, b: Tensor, stirred: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Products of rows with the derivatives of the state after the step.

        Args:
            x: inputs of the step [B, I].
            flat: the state before it [B, S].
            a: rows [R, S] for the derivative by the state.
            b: rows [R, S] for the derivative by the parameters.
            stirred: draws noise that is added to the parameters, of which some may be zero by chance.
        """
        own = tuple(p.detach() for p in self.parameters)
        if stirred is not None:
            own = tuple(p + 0.1 * torch.randn(p.shape, generator=stirred).to(p) for p in own)
        step = DifferentiableStep(self.cell)

        def one(s: Tensor, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            """For one sequence, s [S] and x [I]: products [R, S], and [R, ...] of each parameter."""

            def after(s: Tensor, parameters: tuple[Tensor, ...]) -> Tensor:
                """The flat state [S] after the step, from that before it [S] and the parameters."""
                swapped = {f"cell.{n}": p for n, p in zip(self.names, parameters, strict=True)}
                _, new = functional_call(step, swapped, (x[None], self._rebuilt(s[None])))
                return self._flat(new)[0]

            by_state = vjp(lambda s: after(s, own), s)[1]
            by_parameters = vjp(lambda *p: after(s, p), *own)[1]
            return vmap(by_state)(a)[0], vmap(by_parameters)(b)

        at_state, each = vmap(one)(flat.detach(), x)
        return at_state, torch.cat([e.flatten(2) for e in each], 2)

    def _find_reach(self) -> ParameterReach:
        """Find which numbers of the state each parameter changes within one step, by trial."""
        generator = torch.Generator().manual_seed(0)
        every = torch.eye(self.S, dtype=self.like.dtype, device=self.like.device)
        sees = torch.zeros(self.S, self.S, dtype=torch.bool, device=self.like.device)
        moves = torch.zeros(self.S, self.P, dtype=torch.bool, device=self.like.device)
        for trial in range(TRIALS[1]):
            x = torch.randn(1, self.cell.input_size, generator=generator).to(self.like)
            flat = torch.rand(1, self.S, generator=generator).to(self.like) + 0.5
            for k in range(0, self.S, ROWS):
                rows = every[k : k + ROWS]
                at_state, at_parameters = self._back(x, flat, rows, rows, generator)
                sees[k : k + ROWS] |= at_state[0] != 0
                moves[k : k + ROWS] |= at_parameters[0] != 0
            # a relu that is at zero lets nothing through, which does not show what it sees
            if trial + 1 >= TRIALS[0] and moves.any(0).all():
                break
        return ParameterReach.of(moves, sees, self.sizes, self.like.dtype)

    def _first_state(self) -> State:
        """The initial state, without a gradient."""
        like = self.like
        state = self.cell.initial_state(self.B, dtype=like.dtype, device=like.device)
        return map_state(Tensor.detach, state)

    def _refuse_more_than(self, most: int, batch_size: int, rows: int) -> None:
        """Raise UserError where the influence would have more numbers than `most`."""
        numbers = batch_size * rows * self.P
        if numbers > most:
            raise UserError(
                f"The influence of {self.P:,} parameters on {rows:,} numbers of the state of "
                f"{batch_size} sequences is {numbers:,} numbers ({megabytes(numbers)}); expected at "
                f"most {most:,}. Use a smaller cell (--hidden) or batch (--set batch_size), "
                + ("snap1, " if self.mode == "rtrl" else "")
                + "or backpropagation in segments (segment_length=)."
            )

    def _measure_cost(self) -> OnlineCost:
        """What a step costs, in numbers kept and multiplied."""
        B, S, P, k, F = self.B, self.S, self.P, self.reach.k, len(self.sizes)
        at_state = F if self.reach.alone else S  # rows of derivatives, each a step backwards
        at_parameters = F if self.reach.one_unit else S
        forward = k * k * P
        products = B * (forward + (at_state + at_parameters) * P)
        working = B * (at_parameters * P * 2 + (0 if self.reach.places is None else 2 * k * P))
        return OnlineCost(self.influence.numel(), working, products, B * 2 * P)

    def _flat(self, state: State) -> Tensor:
        """The fields of a state side by side, [B, S]."""
        return torch.cat([f.flatten(1) for _, f in fields(state)], 1)

    def _rebuilt(self, flat: Tensor) -> State:
        """The state of these numbers [B, S]."""
        each = iter(flat.split(self.sizes, 1))
        return map_state(lambda f: next(each).reshape(len(flat), *f.shape[1:]), self.state)


@dataclass(frozen=True)
class ParameterReach:
    """Which numbers of the state each parameter changes within one step.

    Attributes:
        k: how many at most.
        places: their numbers, [k, P]; None: all.
        real: [k, P], 1 where a place counts, else 0; None: all count.
        one_unit: whether each parameter changes one unit alone, in every field of the state.
        alone: whether moreover no unit sees another, so that SnAp-1 is exact.
    """

    k: int
    places: Tensor | None = None
    real: Tensor | None = None
    one_unit: bool = False
    alone: bool = False

    @classmethod
    def of(
        cls, moves: Tensor, sees: Tensor, sizes: list[int], dtype: torch.dtype
    ) -> ParameterReach:
        """From what changes what.

        Args:
            moves: whether a parameter changes a number of the state, bool [S, P].
            sees: whether a number of the state depends on another of the step before, bool [S, S].
            sizes: of the fields of the state.
            dtype: of the state.
        """
        S, F = len(moves), len(sizes)
        if len(set(sizes)) == 1:  # of a unit all fields, as both parts of a complex number
            H = sizes[0]
            units = moves.reshape(F, H, -1).any(0)  # [H, P]
            if int(units.sum(0).max()) <= 1:
                own = units.int().argmax(0)  # [P]
                places = torch.arange(F, device=own.device)[:, None] * H + own
                real = units.any(0).to(dtype).expand(F, -1)
                between = sees.reshape(F, H, F, H).any(0).any(1)  # [H, H]
                alone = not bool(between.fill_diagonal_(False).any())
                return cls(F, places, real, True, alone)
            moves = units.repeat(F, 1)
        k = max(1, int(moves.sum(0).max()))
        if k == S:
            return cls(S)
        real, places = moves.to(dtype).topk(k, 0)
        return cls(k, places, real)


class DifferentiableStep(torch.nn.Module):
    """The step of a cell as a module, so that `functional_call` can swap its parameters."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x [B, I], state fields [B, ...] -> output [B, output_size], new state."""
        return self.cell.step(x, state)
