import pytest
import torch

from unroll.inspect import gradients_of_cells
from unroll.learn.lessons.vanishing import exercises, flow


def test_the_flow_of_the_exercise_is_that_of_autograd():
    w, inputs = 1.3, [0.3, -0.2, 0.5]
    states = [torch.zeros((), dtype=torch.double, requires_grad=True)]
    for x in inputs:
        states.append(torch.tanh(w * states[-1] + x))
        states[-1].retain_grad()
    states[-1].backward()
    assert flow(w, inputs) == pytest.approx([s.grad.item() for s in states[1:]])


def test_what_the_text_says_of_the_picture():
    names = ["rnn", "lstm"]
    held_open = gradients_of_cells(names, length=100, forget_bias=3.0).flows
    fresh = gradients_of_cells(names, length=100).flows
    assert [flow.outcome for flow in held_open] == ["vanishes", "lasts"]
    assert [flow.outcome for flow in fresh] == ["vanishes", "vanishes"]
    assert fresh[0].halving == pytest.approx(1.5, abs=0.1) and fresh[1].halving > 3


def test_answers(tmp_path):
    steps, outcome, code = exercises(tmp_path)
    assert 0.9**steps.value == pytest.approx(0.5)
    assert outcome.solution == "c" and code.name == "flow"
