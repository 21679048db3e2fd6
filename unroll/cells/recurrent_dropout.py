"""Dropout inside the recurrence (Gal & Ghahramani 2016; Semeniuta et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell, Noise, changed, tapped
from unroll.cells.stand_in import Product, matrices_named, weight_at, with_weights
from unroll.cells.state import State, fields, map_state
from unroll.cells.wrapper import Drawn, Wrapper, checked_probability, share_of

Each = Literal["call", "step"]
HINT = " Or name the fields of its state to drop, with fields=."


class RecurrentDropoutCell(Wrapper):
    """Any cell, with dropout on what its recurrent weights read.

    When to use it: against overfitting, at moderate probabilities (0.1 to 0.3), often together
    with the same kind of dropout on the inputs. One mask for the whole sequence (`each="call"`)
    disturbs a memory of many steps less than a new one in each step.

    Equations, with m drawn once a sequence, or anew each step, and p the probability:

        m = 0 with probability p, else 1 / (1 - p)          m = 1 in eval mode
        W_hh h   becomes   W_hh (m * h)                     in every product with weight_hh

    Only the products read the dropped state. Where a cell carries h on besides (z * h of a GRU),
    it carries the whole of it: multiplied by m in each step it would vanish in the dropped units
    and grow by 1 / (1 - p) a step in the others. One mask is for all gates (the paper's "tied
    weights"). In a GRU whose reset gate comes before the product, m multiplies r * h.

    A cell without weight_hh can be given `fields` instead: these fields of the state are dropped
    as the step gets them, whatever it does with them. That is the same for a cell that only
    multiplies with the field, and loses memory in one that carries it on.

    Source: Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in recurrent
    neural networks, 2016 (https://arxiv.org/abs/1512.05287).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell. Each
            weight_hh in it, also in cells inside it, has a mask of its own.
        dropout: p, 0 <= p < 1.
        each: "call" draws a mask for the whole sequence, "step" anew in each step.
        fields: fields of the state to drop instead, by name ("h" where the state is a bare
            tensor). None: what weight_hh reads.

    Parameters: the inner cell's.
    Input: x [B, I]; the inner cell's state; in training the drawn noise, else None.
    Output: (output, new state), as the inner cell has them.
    Raises: ValueError for a probability outside of 0 <= p < 1, an unknown `each` or field, and a
        cell without weight_hh; AttributeError in the first step where a cell does anything with
        weight_hh but `linear(h, weight_hh)`, whole or some rows. TypeError for what is no cell.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.recurrent_dropout import RecurrentDropoutCell
        >>> layer = unroll.Recurrent(
        ...     lambda i, h: RecurrentDropoutCell(unroll.GRUCell(i, h), 0.2), 3, 4
        ... )
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(
        self,
        cell: nn.Module,
        dropout: float = 0.2,
        *,
        each: Each = "call",
        fields: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(cell)
        self.dropout = checked_probability("RecurrentDropoutCell", "dropout", dropout)
        self.each = checked_each("RecurrentDropoutCell", each)
        self.fields = [fields] if isinstance(fields, str) else fields
        self.shapes: dict[str, tuple[int, ...]]
        if self.fields is None:
            weights = matrices_named(self.cell, "weight_hh", "RecurrentDropoutCell", HINT)
            self.shapes = {path: tuple(weight.shape[1:]) for path, weight in weights.items()}
        else:
            self.shapes = shapes_of_fields(self.cell, self.fields)

    def noise(self) -> dict[str, Noise]:
        if self.dropout == 0:
            return super().noise()
        own = {
            f"mask.{name}": Noise(shape, each=self.each, keep=1 - self.dropout)
            for name, shape in self.shapes.items()
        }
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: Drawn = None) -> tuple[Tensor, State]:
        if noise is None or self.dropout == 0:
            return self.inner_step(x, state, noise)
        masks = {name: noise[f"mask.{name}"] / (1 - self.dropout) for name in self.shapes}
        if self.fields is None:
            return self.inner_step(x, state, noise, reading(self.cell, masks))
        names = (name for name, _ in fields(state))

        def dropped(field: Tensor) -> Tensor:
            name = next(names)
            return field * masks[name] if name in masks else field

        return self.inner_step(x, map_state(dropped, state), noise)


class UpdateDropoutCell(Wrapper):
    """Any cell that names its candidate, with dropout on what it would write into its memory.

    When to use it: against overfitting, where a memory must last: a dropped unit is not written
    to in this step, and forgets nothing by it.

    Equations, with m drawn anew for each step, or once a sequence, and p the probability:

        m = 0 with probability p, else 1 / (1 - p)          m = 1 in eval mode
        c' = f * c + i * (m * g)                            around an LSTM
        h' = (1 - z) * (m * n) + z * h                      around a GRU

    What is multiplied is the value that the cell names with `self.tap(candidate=...)`.

    Source: S. Semeniuta et al., Recurrent dropout without memory loss, 2016
    (https://arxiv.org/abs/1603.05118).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own LSTMCell or GRUCell.
        dropout: p, 0 <= p < 1.
        each: "step" draws a mask anew in each step, "call" one for the whole sequence.
        value: the name that the cell gives what is dropped. Where several values of a step have
            it (a stack of cells), each has a mask of its own.

    Parameters: the inner cell's.
    Input: x [B, I]; the inner cell's state; in training the drawn noise, else None.
    Output: (output, new state), as the inner cell has them.
    Raises: ValueError for a probability outside of 0 <= p < 1, an unknown `each`, and a cell that
        names no such value; TypeError for what is no cell.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.recurrent_dropout import UpdateDropoutCell
        >>> layer = unroll.Recurrent(lambda i, h: UpdateDropoutCell(unroll.LSTMCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(
        self,
        cell: nn.Module,
        dropout: float = 0.2,
        *,
        each: Each = "step",
        value: str = "candidate",
    ) -> None:
        super().__init__(cell)
        self.dropout = checked_probability("UpdateDropoutCell", "dropout", dropout)
        self.each = checked_each("UpdateDropoutCell", each)
        self.value = value
        named = named_values(self.cell)
        self.shapes = [tuple(v.shape[1:]) for name, v in named if name == value]
        if not self.shapes:
            names = ", ".join(dict.fromkeys(name for name, _ in named)) or "none"
            raise ValueError(
                f"UpdateDropoutCell got {type(cell).__name__}, which names no value {value!r}; it "
                f"names: {names}. Name it in the cell with self.tap({value}=...), or give the name "
                "that it has as value=."
            )

    def noise(self) -> dict[str, Noise]:
        if self.dropout == 0:
            return super().noise()
        own = {
            f"mask.{k}": Noise(shape, each=self.each, keep=1 - self.dropout)
            for k, shape in enumerate(self.shapes)
        }
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: Drawn = None) -> tuple[Tensor, State]:
        if noise is None or self.dropout == 0:
            return self.inner_step(x, state, noise)
        masks = (noise[f"mask.{k}"] / (1 - self.dropout) for k in range(len(self.shapes)))

        def dropped(name: str, value: Tensor) -> Tensor:
            return value * next(masks) if name == self.value else value

        with changed(dropped):
            return self.inner_step(x, state, noise)


def checked_each(who: str, each: Each) -> Each:
    if each not in ("call", "step"):
        raise ValueError(
            f"{who} got each={each!r}; expected 'call', a mask for the whole sequence, or 'step', "
            "a new one in each step."
        )
    return each


def shapes_of_fields(cell: Cell, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of these fields of the state, after the batch.

    Raises: ValueError for one that the state has not, or that holds whole numbers.
    """
    found = dict(fields(cell.initial_state(1)))
    smooth = [name for name, field in found.items() if field.is_floating_point()]
    for name in names:
        if name not in smooth:
            raise ValueError(
                f"RecurrentDropoutCell got fields={list(names)}; expected fields of the state of "
                f"{type(cell).__name__} that can be multiplied: {', '.join(smooth)}."
            )
    return {name: tuple(found[name].shape[1:]) for name in names}


def reading(cell: Cell, masks: Mapping[str, Tensor]) -> Cell:
    """The cell, with products that read `mask * h` in the place of the weights of these paths."""

    def product(path: str, mask: Tensor) -> Product:
        weight = weight_at(cell, path)
        return Product(path, weight, lambda h, weight, _: linear(h * mask, weight))

    return with_weights(cell, {path: product(path, mask) for path, mask in masks.items()})


@torch.no_grad()
def named_values(cell: Cell) -> list[tuple[str, Tensor]]:
    """What a cell names in a step, in order: its step is tried once, on zeros."""
    like = next(cell.parameters(), torch.zeros(()))
    x = like.new_zeros(1, cell.input_size)
    named: list[tuple[str, Tensor]] = []
    start = cell.initial_state(1, dtype=like.dtype, device=like.device)
    with tapped(lambda name, value: named.append((name, value))):
        cell.step(x, start, *share_of("", cell, None))
    return named
