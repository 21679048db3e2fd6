"""Dropout inside the recurrence (Gal & Ghahramani 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell, Noise
from unroll.cells.state import State, fields, map_state
from unroll.cells.wrappers.weights import WeightProduct, find_matrices, weight_at, with_weights
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper, checked_probability

Each = Literal["call", "step"]
HINT = " Or name the fields of its state to drop, with fields=."


class RecurrentDropoutCell(Wrapper):
    """Any cell, with dropout of the state that its recurrent weights read.

    When to use it: against overfitting, at moderate probabilities (0.1 to 0.3), often together with
    the same kind of dropout on the inputs. One mask for the whole sequence (`each="call"`) disturbs
    a memory of many steps less than a new mask in each step.

    Equations, with m drawn once per sequence or in each step, and p the probability:

        m = 0 with probability p, else 1 / (1 - p)          m = 1 in eval mode
        W_hh h   becomes   W_hh (m * h)                     in every product with weight_hh

    Only the products read the dropped state. Where a cell carries h on besides (z * h of a GRU), it
    carries all of it: multiplied by m in each step, it would vanish in the dropped units and grow
    by 1 / (1 - p) per step in the others. One mask is for all gates (the paper's "tied weights").
    In a GRU whose reset gate comes before the product, m multiplies r * h.

    A cell without weight_hh can be given `fields` instead: these fields of the state are dropped
    before the step reads them, whatever it does with them. That is the same for a cell that only
    multiplies with the field, and loses memory in one that carries it on.

    Source: Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in recurrent
    neural networks, 2016 (https://arxiv.org/abs/1512.05287).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell. Each
            weight_hh in it, also in cells inside it, has a mask of its own.
        dropout: p, 0 <= p < 1.
        each: "call" draws one mask for the whole sequence, "step" a new mask in each step.
        fields: fields of the state to drop instead, by name ("h" where the state is a bare tensor).
            None: what weight_hh reads.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - noise: the drawn random numbers in training, else None.
        - returns: (output, new state), as the inner cell has them.

    Raises:
        ValueError: dropout is outside 0 <= p < 1, `each` or a field is unknown, or the cell has no
            weight_hh.
        AttributeError: in the first step, where the cell uses weight_hh for anything but
            `linear(h, weight_hh)`, with all or some of its rows.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(
        ...     lambda i, h: unroll.RecurrentDropoutCell(unroll.GRUCell(i, h), 0.2), 3, 4
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
            weights = find_matrices(self.cell, "weight_hh", "RecurrentDropoutCell", HINT)
            self.shapes = {path: tuple(weight.shape[1:]) for path, weight in weights.items()}
        else:
            self.shapes = field_shapes(self.cell, self.fields)

    def noise(self) -> dict[str, Noise]:
        if self.dropout == 0:
            return super().noise()
        own = {
            f"mask.{name}": Noise(shape, each=self.each, keep=1 - self.dropout)
            for name, shape in self.shapes.items()
        }
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        if noise is None or self.dropout == 0:
            return self.inner_step(x, state, noise)
        masks = {name: noise[f"mask.{name}"] / (1 - self.dropout) for name in self.shapes}
        if self.fields is None:
            return self.inner_step(x, state, noise, with_masked_reads(self.cell, masks))
        names = (name for name, _ in fields(state))

        def dropped(field: Tensor) -> Tensor:
            """A field of the state [B, ...], times its mask [B, ...] where it has one."""
            name = next(names)
            return field * masks[name] if name in masks else field

        return self.inner_step(x, map_state(dropped, state), noise)


def checked_each(who: str, each: Each) -> Each:
    """When a mask is drawn, checked.

    Args:
        who: the class, for the error.
        each: "call" or "step".

    Returns:
        `each`, unchanged.

    Raises:
        ValueError: where `each` is neither "call" nor "step".
    """
    if each not in ("call", "step"):
        raise ValueError(
            f"{who} got each={each!r}; expected 'call', a mask for the whole sequence, or 'step', "
            "a new mask in each step."
        )
    return each


def field_shapes(cell: Cell, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shapes of these fields of the state, after the batch axis.

    Raises:
        ValueError: a field is not in the state, or holds whole numbers.
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


def with_masked_reads(cell: Cell, masks: Mapping[str, Tensor]) -> Cell:
    """The cell, with weights at these paths that multiply `mask * h` instead of h.

    Args:
        cell: the cell; it is not changed.
        masks: the mask of each weight by its path, [B, H] for a weight [rows, H].

    Returns:
        A copy of the cell that shares everything but these weights.

    Raises:
        ValueError: where a path leads to no parameter, as after `parametrize`.
    """

    def product(path: str, mask: Tensor) -> WeightProduct:
        """The weight [rows, H] at this path as a product that reads h * mask, with mask [B, H]."""
        weight = weight_at(cell, path)
        return WeightProduct(path, weight, lambda h, weight, _: linear(h * mask, weight))

    return with_weights(cell, {path: product(path, mask) for path, mask in masks.items()})
