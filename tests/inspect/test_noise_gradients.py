import pytest
import torch

from unroll.errors import UserError
from unroll.inspect import gradients_of_run
from unroll.inspect.recorded_batches import data_objective, recorded_batches


def test_noise_is_followed_back_in_both_directions_as_plain_autograd_does(classifier, runs):
    data = runs["classify"].parent / "films.csv"
    found = gradients_of_run(classifier, data, batch=3, seed=5)
    assert [flow.name for flow in found.flows] == ["layer 1 forward", "layer 1 backward"]
    (call,) = next(recorded_batches(data_objective(classifier, data)))
    x = call.x[:, :3].double()
    generator = torch.Generator().manual_seed(5)
    for flow, cell, read in zip(found.flows, call.layer.cells, (x, x.flip(0)), strict=True):
        cell = type(cell)(8, 8).double().requires_grad_(True)
        cell.load_state_dict(call.layer.cells[found.flows.index(flow)].state_dict())
        h, kept = torch.zeros(3, 8, dtype=torch.float64), []
        for x_t in read:
            h, _ = cell.step(x_t, h)
            kept.append(h)
        noise = torch.randn(3, 8, generator=generator, dtype=torch.float64)
        gradients = torch.autograd.grad(kept[-1], kept, noise)
        expected = [float(g.norm()) / 3**0.5 for g in reversed(gradients)]
        assert flow.norms["h"] == pytest.approx(expected, rel=1e-9)
        assert flow.weight_norm > 0 and flow.steps == 4


def test_a_translator_has_three_parts_and_a_language_model_its_layers(translator, language, runs):
    folder = runs["language"].parent
    pairs = gradients_of_run(translator, folder / "pairs.tsv")
    assert [flow.name for flow in pairs.flows] == ["encoder forward", "encoder backward", "decoder"]
    assert list(pairs.flows[2].norms) == ["h", "c"]
    text = gradients_of_run(language, folder / "text.txt", noise=True, length=10)
    assert [flow.name for flow in text.flows] == ["layer 1", "layer 2"]
    assert text.flows[0].steps == 10 and "noise" in text.title
    assert language.model.bias.dtype == torch.float32  # the run is not changed


def test_sequences_that_are_too_short_are_refused(translator, runs):
    with pytest.raises(UserError, match=r"at most . steps, and --length is 50"):
        gradients_of_run(translator, runs["translate"].parent / "pairs.tsv", length=50)
