import numpy as np
import torch

from unroll import RNNCell
from unroll.learn.lessons.sequences import elman_step, exercises, last_state


def test_the_step_of_the_exercise_is_that_of_the_cell():
    cell = RNNCell(3, 4).double()
    x, h = torch.randn(3).double(), torch.randn(4).double()
    weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih + cell.bias_hh]
    arrays = [value.detach().numpy() for value in [*weights, x, h]]
    assert np.allclose(elman_step(*arrays), cell(x[None], h[None])[0].detach().numpy())


def test_answers(tmp_path):
    count, order, step = exercises(tmp_path)
    assert count.solution == sum(p.numel() for n, p in RNNCell(4, 5).named_parameters() if "w" in n)
    assert order.solution == "b" and step.name == "step"
    states = last_state(np.eye(2), np.zeros((2, 2)), np.zeros(2), [np.ones(2)])
    assert np.allclose(states, np.tanh(1))
