"""Gradients forward in time, for those who can keep no history: RTRL exactly, and SnAp-1.

B batch, S numbers of the state, P numbers of the cell's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from unroll.cells import Cell, State, fields, map_state
from unroll.errors import UserError

LARGEST = 2**28  # numbers of an influence that are still kept


@dataclass(frozen=True)
class Cost:
    """numbers: kept from step to step. products: multiplications a step to bring them forward."""

    numbers: int
    products: int

    def __str__(self) -> str:
        return (
            f"{self.numbers:,} numbers kept ({self.numbers * 4 / 1e6:,.1f} MB in float32), "
            f"{self.products:,} multiplications a step"
        )


class Online:
    """The gradient of a cell's parameters, found as the steps go by; no step is kept.

    When to use it: a stream without an end, whose cell is small or diagonal. Memory does not grow
    with the number of steps, but with the size of the cell: see `cost`.

        influence_t = d state_t / d state_{t-1} influence_{t-1} + d' state_t / d' parameters
        gradient = sum_t  dL_t / d state_t  influence_t

    `"rtrl"` keeps the influence of every parameter on every number of the state and is exact.
    `"snap1"` keeps it only on the units that the parameter moves within one step: exact for cells
    whose units do not see each other (IndRNN, LRU), else an approximation. What comes before the
    cell learns nothing through the state. While a step runs, both need B S P numbers for its own
    derivatives.

    Args:
        cell: an `unroll.Cell` without noise; its parameters stay the same while it is used.
        batch_size: B. mode: "rtrl" or "snap1".
    Attributes:
        state: the state after the last step, without a gradient. influence: [B, P, S], or
            [B, P, k] of the k numbers that a parameter moves. cost: in numbers, and in words.

    Raises: UserError for a cell with noise or whole numbers in its state, for an influence of more
        than 2^28 numbers, and for another mode.
    Source: R. J. Williams and D. Zipser, A learning algorithm for continually running fully
    recurrent neural networks, 1989; J. Menick et al., A practical sparse approximation for real time
    recurrent learning, 2020 (https://arxiv.org/abs/2006.07232).

    Example:
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
                f"{type(cell).__name__} draws noise, which Online has none for. Use a cell without."
            )
        self.cell, self.mode = cell, mode
        self.names = [n for n, p in cell.named_parameters() if p.requires_grad]
        self.parameters = [p for p in cell.parameters() if p.requires_grad]
        like = self.parameters[0]
        self.state: State = cell.initial_state(batch_size, dtype=like.dtype, device=like.device)
        self.state = map_state(Tensor.detach, self.state)
        if not all(f.is_floating_point() for _, f in fields(self.state)):
            raise UserError(
                f"{type(cell).__name__} has whole numbers in its state, which have no gradient. Use "
                "another cell."
            )
        self.sizes = [f[0].numel() for _, f in fields(self.state)]
        S, P = sum(self.sizes), sum(p.numel() for p in self.parameters)
        self.B, self.S, self.P = batch_size, S, P
        if batch_size * S * P > LARGEST:
            raise UserError(
                f"The influence of {P:,} parameters on {S} numbers of the state of {batch_size} "
                f"sequences is {batch_size * S * P:,} numbers; expected at most {LARGEST:,}. Use a "
                "smaller cell or batch, or backpropagation in segments (segment_length=)."
            )
        # which numbers of the state each parameter moves, [P, k], and which of those are real
        self.places: Tensor | None = None
        self.real: Tensor | None = None
        if mode == "snap1":
            self.places, self.real = self._places()
        k = S if self.places is None else self.places.shape[1]
        self.influence = like.new_zeros(batch_size, P, k)
        one_more = S if self.places is None else k
        self.cost = Cost(self.influence.numel(), self.influence.numel() * one_more)

    def step(self, x: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """One step. x: [B, I]. loss: of the output [B, O], a number; what it is made of learns too.

        Adds the gradient of this loss to `.grad` of the cell's parameters, and by backward to that
        of all else it is made of. returns: the loss, without its gradient.
        """
        before = self._flat(self.state)
        at_state, at_parameters = self._jacobians(x.detach(), before)
        of_state = before.requires_grad_()
        output, after = self.cell.step(x, self._rebuilt(before))
        value = loss(output)
        value.backward()  # what this step alone brings about
        if of_state.grad is not None:
            self._through(of_state.grad)
        self._go_on(at_state, at_parameters)
        self.state = map_state(Tensor.detach, after)
        return value.detach()

    @torch.no_grad()
    def _through(self, of_state: Tensor) -> None:
        """Add what all steps before brought about, through the state."""
        moved = of_state[:, None] if self.places is None else of_state[:, self.places]
        found = (moved * self.influence).sum((0, 2)).split([p.numel() for p in self.parameters])
        for p, g in zip(self.parameters, found, strict=True):
            p.grad = g.view_as(p) if p.grad is None else p.grad + g.view_as(p)

    def _go_on(self, at_state: Tensor, at_parameters: Tensor) -> None:
        """The influence after one more step. [B, S, S], [B, S, P]"""
        now = at_parameters.transpose(1, 2)  # [B, P, S]
        if self.places is None or self.real is None:
            self.influence = self.influence @ at_state.transpose(1, 2) + now
            return
        places = self.places
        among = at_state[:, places[:, :, None], places[:, None, :]]  # [B, P, k, k]
        grown = (among @ self.influence[..., None]).squeeze(-1)
        own = now.gather(2, places.expand(self.B, -1, -1))
        self.influence = (grown + own) * self.real

    def _jacobians(self, x: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
        """The derivatives of the state after the step: [B, S, S] and [B, S, P]."""
        own = {n: p.detach() for n, p in zip(self.names, self.parameters, strict=True)}

        def after(s: Tensor, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
            with_batch = self._rebuilt(s[None])
            _, new = functional_call(Step(self.cell), named(parameters), (x[None], with_batch))
            return self._flat(new)[0]

        with torch.no_grad():
            by_state, by_parameters = vmap(jacrev(after, (0, 1)), in_dims=(0, None, 0))(
                flat.detach(), own, x
            )
        joined = torch.cat([by_parameters[n].flatten(2) for n in self.names], 2)
        return by_state, joined

    def _places(self) -> tuple[Tensor, Tensor]:
        """Which numbers of the state each parameter moves within one step: found by trial."""
        like = self.parameters[0]
        generator = torch.Generator(like.device).manual_seed(0)
        shape = {"dtype": like.dtype, "device": like.device, "generator": generator}
        x = torch.rand(4, self.cell.input_size, **shape) + 0.5  # type: ignore[call-overload]
        flat = torch.rand(4, self.S, **shape) + 0.5  # type: ignore[call-overload]
        moves = (self._jacobians(x, flat)[1] != 0).any(0).t()  # [P, S]
        if len(set(self.sizes)) == 1:  # of a unit all fields, as both parts of a complex number
            units = moves.reshape(self.P, len(self.sizes), self.sizes[0]).any(1)
            moves = units.repeat(1, len(self.sizes))
        k = max(1, int(moves.sum(1).max()))
        real, places = moves.to(like.dtype).topk(k, 1)
        return places, real

    def _flat(self, state: State) -> Tensor:
        return torch.cat([f.flatten(1) for _, f in fields(state)], 1)

    def _rebuilt(self, flat: Tensor) -> State:
        each = iter(flat.split(self.sizes, 1))
        return map_state(lambda f: next(each).reshape(len(flat), *f.shape[1:]), self.state)


class Step(torch.nn.Module):
    """The step of a cell as a module, so that `functional_call` can swap its parameters."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.cell.step(x, state)


def named(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"cell.{name}": p for name, p in parameters.items()}
