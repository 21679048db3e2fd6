import pytest
import torch

from unroll.learn.lessons.vanishing import exercises, flow


def test_the_flow_of_the_exercise_is_that_of_autograd():
    w, inputs = 1.3, [0.3, -0.2, 0.5]
    states = [torch.zeros((), dtype=torch.double, requires_grad=True)]
    for x in inputs:
        states.append(torch.tanh(w * states[-1] + x))
        states[-1].retain_grad()
    states[-1].backward()
    assert flow(w, inputs) == pytest.approx([s.grad.item() for s in states[1:]])


def test_answers(tmp_path):
    steps, outcome, code = exercises(tmp_path)
    assert 0.9**steps.value == pytest.approx(0.5)
    assert outcome.solution == "c" and code.name == "flow"
