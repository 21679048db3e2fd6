"""Recipes: what running a plan needs, as JSON."""

import json

import pytest
import torch

from unroll.engine.runtime.recipe import from_json, recipe_of, to_json

from ..plans import planned


@pytest.mark.parametrize("name", ["lstm", "projected", "written clockwork", "written stacked"])
def test_a_recipe_comes_back_from_its_text(name):
    text = to_json(recipe_of(planned(name)[1]))
    assert to_json(from_json(text)) == text


def test_nodes_that_are_shared_stay_shared():
    recipe = from_json(to_json(recipe_of(planned("lstm")[1])))
    assert set(recipe.saved) <= set(recipe.forward.stores)


@pytest.mark.parametrize(
    "harm", [lambda t: t[:-20], lambda t: "{}", lambda t: t.replace("Buffer", "B")]
)
def test_a_text_that_is_not_whole_is_refused(harm):
    text = to_json(recipe_of(planned("tanh")[1]))
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(harm(text))


def test_a_recipe_holds_names_and_no_tensors():
    text = to_json(recipe_of(planned("lstm")[1]))
    assert json.loads(text)["recipe"]["fields"]["x_width"] == 3
    recipe = from_json(text)
    assert recipe.dtypes["state:0"] == torch.float64
    assert recipe.own_emits == []
    assert recipe.kept_names == ["state:0", "state:1", "saved"]
