"""Embedding and stack as one cell do what the model does step by step."""

import torch

from unroll.models.language import LanguageModel


def test_its_outputs_are_those_of_the_model():
    torch.manual_seed(0)
    network = LanguageModel(9, 4, 6, 2).eval()
    cell, x = network.as_cell(), torch.randint(9, (5, 3))
    state, outputs = cell.initial_state(3), []
    for step in x:
        output, state = cell.step(step, state)
        outputs.append(output)
    logits, _ = network(x)
    found = torch.nn.functional.linear(torch.stack(outputs), network.weight, network.bias)
    torch.testing.assert_close(found, logits)


def test_its_parameters_are_those_of_the_model():
    network = LanguageModel(9, 4, 6)
    shared = {id(p) for p in network.as_cell().parameters()}
    assert shared <= {id(p) for p in network.parameters()}
