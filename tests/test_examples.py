"""The examples run, and the network from scratch has the gradients of ours."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import unroll

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gradients_from_scratch_are_those_of_unroll():
    scratch, rng = load("from_scratch"), np.random.default_rng(3)
    weights = scratch.start(5, 4, rng)
    for name in ("b_h", "b_y"):
        weights[name] = rng.normal(size=weights[name].shape)
    letters = rng.integers(0, 5, 13)
    h = rng.normal(size=4)
    loss, states, probabilities = scratch.forward(weights, letters[:-1], letters[1:], h)
    gradients = scratch.backward(weights, letters[:-1], letters[1:], states, probabilities)

    cell = unroll.RNNCell(5, 4).double()
    read_out = torch.nn.Linear(4, 5).double()
    with torch.no_grad():
        cell.weight_ih[:] = torch.tensor(weights["W_xh"])
        cell.weight_hh[:] = torch.tensor(weights["W_hh"])
        cell.bias_ih[:], cell.bias_hh[:] = torch.tensor(weights["b_h"]), 0
        read_out.weight[:], read_out.bias[:] = map(torch.tensor, (weights["W_hy"], weights["b_y"]))
    x = functional.one_hot(torch.tensor(letters[:-1]), 5).double()[:, None]
    output, last = unroll.unroll(cell, x, torch.tensor(h)[None])
    ours = functional.cross_entropy(
        read_out(output[:, 0]), torch.tensor(letters[1:]), reduction="sum"
    )
    ours.backward()
    assert loss == pytest.approx(ours.item(), rel=1e-12)
    np.testing.assert_allclose(states[-1], last[0].detach(), rtol=1e-12)
    for name, tensor in {
        "W_xh": cell.weight_ih,
        "W_hh": cell.weight_hh,
        "b_h": cell.bias_ih,
        "W_hy": read_out.weight,
        "b_y": read_out.bias,
    }.items():
        np.testing.assert_allclose(gradients[name], tensor.grad, rtol=1e-10, atol=1e-12)


def test_the_network_from_scratch_learns_hello(capsys):
    scratch = load("from_scratch")
    letters, weights = scratch.train("hello", steps=300)
    rng = np.random.default_rng(1)
    assert [scratch.sample(weights, letters, letters.index("h"), 5, rng) for _ in range(3)] == [
        "hello"
    ] * 3
    assert capsys.readouterr().out.count("nats a letter") == 5


def test_from_scratch_needs_numpy_alone_and_a_hundred_lines():
    source = (EXAMPLES / "from_scratch.py").read_text()
    assert len(source.splitlines()) <= 100 and "torch" not in source
