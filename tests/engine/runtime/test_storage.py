"""What the recurrent part is given, and room for what it makes."""

import torch

from unroll.engine.runtime.recipe import recipe_of
from unroll.engine.runtime.storage import (
    add_scratch,
    empty_rows,
    flat_rows,
    inputs_by_kind,
    readable,
    readable_rows,
    resolved,
    tensors_by_name,
)

from ..plans import planned


def test_inputs_are_divided_by_kind():
    recipe = recipe_of(planned("lstm")[1])
    given = inputs_by_kind(recipe, [torch.zeros(2, 8)] * recipe.inputs_of_loop)
    assert [len(given[kind]) for kind in ("state", "matrix", "vector", "read")] == [2, 1, 0, 3]


def test_tensors_have_the_names_of_the_plan():
    found = tensors_by_name({"vector": [torch.zeros(4)], "rows": [torch.zeros(3, 2)]})
    assert {name: tuple(t.shape) for name, t in found.items()} == {
        "vector:0": (1, 4), "rows:0": (3, 2),
    }  # fmt: skip


def test_rows_lie_in_one_piece_each():
    assert readable_rows(torch.randn(4, 3).t()).stride(1) == 1
    constant = readable_rows(torch.randn(1, 3).expand(5, 3))
    assert constant.stride(0) == 0  # not written out
    assert readable(None, 5, 3, torch.ones(1)).shape == (5, 3)


def test_a_negated_view_has_its_own_numbers():
    numbers = torch.randn(3, dtype=torch.complex64).conj().imag
    assert numbers.is_neg()
    assert not resolved(numbers).is_neg()
    assert torch.equal(resolved(numbers), numbers)


def test_a_value_of_several_axes_is_flat_also_without_rows():
    assert flat_rows(torch.zeros(2, 3, 4), 2).shape == (2, 12)
    assert flat_rows(torch.zeros(0, 3, 4), 0).shape == (0, 12)


def test_room_has_the_widths_and_types_of_the_plan():
    recipe = recipe_of(planned("written clockwork")[1])
    like = torch.zeros(1)
    for name in recipe.widths:
        room = empty_rows(recipe, name, 3, like)
        assert (tuple(room.shape), room.dtype) == ((3, recipe.widths[name]), recipe.dtypes[name])
    tensors = {}
    add_scratch(recipe.forward, tensors, 2, like)
    assert set(tensors) == set(recipe.forward.scratch)
