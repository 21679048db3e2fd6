import numpy as np
import torch

from unroll import RNNCell
from unroll.learn.lessons.unrolling import exercises, states_of_all_steps


def test_the_loop_of_the_exercise_is_that_of_torch():
    layer = torch.nn.RNN(3, 4).double()
    x = torch.randn(5, 3).double()
    bias = layer.bias_ih_l0 + layer.bias_hh_l0
    arrays = [v.detach().numpy() for v in (layer.weight_ih_l0, layer.weight_hh_l0, bias, x)]
    assert np.allclose(states_of_all_steps(*arrays), layer(x)[0].detach().numpy())


def test_answers(tmp_path):
    count, copies, loop = exercises(tmp_path)
    cell, output = RNNCell(8000, 100, bias=False), torch.nn.Linear(100, 8000, bias=False)
    weights = [*cell.parameters(), *output.parameters()]
    assert count.solution == sum(weight.numel() for weight in weights) == 1_610_000
    assert copies.solution == "b" and loop.name == "run"
