import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.nn.utils import parametrizations

import unroll
from unroll.cells.wrappers.weights import (
    WeightProduct,
    find_matrices,
    find_weights,
    weight_at,
    with_weights,
)


def product(weight):
    """Twice the usual product, with the rows that were asked for."""
    asked = []

    def multiply(h, weight, rows):
        asked.append((rows.start, rows.stop))
        return 2 * linear(h, weight)

    return WeightProduct("cell.weight_hh", weight, multiply), asked


def test_weights_are_found_by_name_in_cells_inside_a_cell():
    cell = unroll.StackedCell([unroll.GRUCell(3, 4), unroll.RNNCell(4, 5)])
    found = find_weights(cell, "weight_hh", "SomeCell")
    assert {path: tuple(w.shape) for path, w in found.items()} == {
        "cells.0.weight_hh": (12, 4),
        "cells.1.weight_hh": (5, 5),
    }
    assert weight_at(cell, "cells.1.weight_hh") is cell.cells[1].weight_hh


def test_a_missing_weight_and_a_vector_are_refused():
    with pytest.raises(ValueError, match="SomeCell got MinGRUCell, which has no parameter named"):
        find_weights(unroll.MinGRUCell(3, 4), "weight_hh", "SomeCell")
    with pytest.raises(ValueError, match=r"weight_hh has shape \[4\]; expected a matrix"):
        find_matrices(unroll.IndRNNCell(3, 4), "weight_hh", "SomeCell")


def test_replaced_weights_leave_the_cell_as_it_was():
    cell = unroll.RNNCell(3, 4)
    other = with_weights(cell, {"weight_hh": torch.zeros(4, 4)})
    assert not other.weight_hh.any() and other.weight_ih is cell.weight_ih
    assert cell.weight_hh.any()


def test_a_parametrized_weight_cannot_be_replaced():
    cell = parametrizations.weight_norm(unroll.RNNCell(3, 4), "weight_hh")
    with pytest.raises(ValueError, match=r"weight_hh is no parameter of .* any more"):
        with_weights(cell, {"weight_hh": torch.zeros(4, 4)})


def test_a_product_multiplies_its_rows_and_adds_the_bias():
    weight, bias, h = torch.randn(12, 4), torch.randn(12), torch.randn(2, 4)
    replaced, asked = product(weight)
    torch.testing.assert_close(linear(h, replaced, bias), 2 * linear(h, weight) + bias)
    parts = [linear(h, part) for part in torch.split(replaced, [8, 4])]
    parts += [linear(h, part) for part in replaced.chunk(3)] + [linear(h, replaced[2:5])]
    torch.testing.assert_close(parts[-1], 2 * linear(h, weight[2:5]))
    assert asked == [(0, 12), (0, 8), (8, 12), (0, 4), (4, 8), (8, 12), (2, 5)]


def test_a_product_can_be_masked_and_nothing_else():
    weight, h = torch.randn(4, 4), torch.randn(2, 4)
    replaced, _ = product(weight)
    mask = torch.eye(4)
    torch.testing.assert_close(linear(h, replaced * mask), 2 * linear(h, weight * mask))
    masked = torch.where(mask > 0, replaced, 0.0)
    torch.testing.assert_close(linear(h, masked), 2 * linear(h, weight * mask))
    for use in (lambda: replaced.t(), lambda: torch.add(h, replaced), lambda: replaced[:, 0]):
        with pytest.raises((AttributeError, TypeError), match="weight_hh"):
            use()


def test_parameters_stay_parameters():
    cell = unroll.RNNCell(3, 4)
    with_weights(cell, {"weight_hh": torch.zeros(4, 4)})
    assert isinstance(cell.weight_hh, nn.Parameter) and len(list(cell.parameters())) == 4
