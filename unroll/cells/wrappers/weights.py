"""Weights of a cell replaced for one step: by another tensor, or by another product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell, shallow_copy

Multiply = Callable[[Tensor, Any, slice], Tensor]


def find_weights(cell: nn.Module, name: str, who: str, hint: str = "") -> dict[str, nn.Parameter]:
    """All parameters of this name by their paths, in the cell and in the cells inside it.

    Args:
        cell: where to look.
        name: such as weight_hh.
        who: the wrapper, for the error.
        hint: what else the user can do, for the error.

    Raises:
        ValueError: there is none.
    """
    found = {
        path: weight
        for path, weight in cell.named_parameters(remove_duplicate=False)
        if path.rpartition(".")[2] == name
    }
    if not found:
        names = ", ".join(path for path, _ in cell.named_parameters()) or "none"
        raise ValueError(
            f"{who} got {type(cell).__name__}, which has no parameter named {name}; its parameters "
            f"are: {names}. Wrap a cell with a weight of this name, as torch's cells have.{hint}"
        )
    return found


def find_matrices(cell: nn.Module, name: str, who: str, hint: str = "") -> dict[str, nn.Parameter]:
    """As `find_weights`, for parameters that a `WeightProduct` can replace.

    Raises:
        ValueError: there is none, or one of them is not a matrix.
    """
    found = find_weights(cell, name, who, hint)
    for path, weight in found.items():
        if weight.dim() != 2:
            raise ValueError(
                f"{who} got {type(cell).__name__}, whose {path} has shape {list(weight.shape)}; "
                f"expected a matrix [rows, H] for linear(h, {name}).{hint}"
            )
    return found


def weight_at(cell: nn.Module, path: str) -> Any:
    """The parameter at this path, or what replaces it at the moment."""
    module, _, name = path.rpartition(".")
    return getattr(cell.get_submodule(module), name)


def with_weights(cell: Cell, weights: Mapping[str, Any]) -> Cell:
    """The cell with other weights at these paths; everything else is shared.

    Raises:
        ValueError: a path leads to no parameter, as after `parametrize`.
    """
    other = shallow_copy(cell)
    for path, weight in weights.items():
        module, _, name = path.rpartition(".")
        parameters = other.get_submodule(module)._parameters
        if name not in parameters:
            raise ValueError(
                f"{path} is no parameter of {type(cell).__name__} any more (is it parametrized?). "
                "Parametrize the cell before it is wrapped, or not at all."
            )
        parameters[name] = weight
    return other


class WeightProduct:
    """Replaces a weight in a cell: `linear(h, product)` calls `multiply(h, weight, rows)`.

    The cell may first take some of its rows (`chunk`, `split`, `weight[a:b]`) and mask them
    (`weight * mask`, `torch.where(mask, weight, 0.0)`). Any other use is refused, because
    `multiply` would not see it.

    Attributes:
        path: of the weight in the cell, for errors.
        weight: the rows [rows, ...]; may itself be a `WeightProduct`: wrappers nest.
        multiply: called with h [B, ...], these rows, and where they are in the complete weight.
        first: the first of these rows in the complete weight.
    """

    def __init__(self, path: str, weight: Any, multiply: Multiply, first: int = 0) -> None:
        self.path, self.weight, self.multiply, self.first = path, weight, multiply, first

    @property
    def shape(self) -> torch.Size:
        return self.weight.shape

    def __getitem__(self, rows: slice) -> WeightProduct:
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            self.refuse("[...]")
        first, _, _ = rows.indices(self.shape[0])
        return WeightProduct(self.path, self.weight[rows], self.multiply, self.first + first)

    def split(self, sizes: int | Sequence[int], dim: int = 0) -> tuple[WeightProduct, ...]:
        if dim not in (0, -2):
            self.refuse("split")
        if isinstance(sizes, int):
            sizes = [min(sizes, self.shape[0] - first) for first in range(0, self.shape[0], sizes)]
        ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
        return tuple(self[end - size : end] for end, size in zip(ends, sizes, strict=True))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[WeightProduct, ...]:
        return self.split(-(-self.shape[0] // chunks), dim)

    def __mul__(self, mask: Any) -> WeightProduct:
        return self.masked(self.weight * mask)

    def masked(self, weight: Any) -> WeightProduct:
        """The same product with another weight of the same shape, for a mask of a cell further inside."""
        if weight.shape != self.shape:
            self.refuse("mul")
        return WeightProduct(self.path, weight, self.multiply, self.first)

    def __getattr__(self, name: str) -> NoReturn:
        self.refuse(name)

    def refuse(self, use: str) -> NoReturn:
        """Refuse a use of the weight other than `linear`.

        Args:
            use: what the cell's step asks for, for the error.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(
            f"A wrapper changes the products with {self.path}, so the cell may only multiply with "
            f"it, as linear(h, {self.path.rpartition('.')[2]}), all of it or some rows; its step "
            f"asks for {use}."
        )

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(keywords or {})
        if function is linear:
            names = dict(zip(("input", "weight", "bias"), args, strict=False)) | given
            it, bias = names["weight"], names.get("bias")
            if isinstance(it, cls) and isinstance(names["input"], Tensor):
                rows = slice(it.first, it.first + it.shape[0])
                product = it.multiply(names["input"], it.weight, rows)
                return product if bias is None else product + bias
        it = next(a for a in (*args, *given.values()) if isinstance(a, cls))
        if function is torch.where and len(args) == 3:
            weights = [a.weight if a is it else a for a in args]
            return it.masked(torch.where(*weights))
        if function in (torch.chunk, torch.split) and args and it is args[0]:
            return getattr(it, function.__name__)(*args[1:], **given)
        it.refuse(getattr(function, "__name__", str(function)))
