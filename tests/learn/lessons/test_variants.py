import numpy as np
import pytest
import torch

import unroll
from unroll.learn.lessons.variants import exercises, gru_step


def test_the_step_of_the_exercise_is_that_of_the_cell():
    cell = unroll.GRUCell(3, 4, bias=False).double()
    x, h = torch.randn(3).double(), torch.randn(4).double()
    W, U = (m.detach().numpy().reshape(3, 4, -1) for m in (cell.weight_ih, cell.weight_hh))
    ours = gru_step(W, U, x.numpy(), h.numpy())
    assert np.allclose(ours, cell(x[None], h[None])[0].detach().numpy())


def test_answers(tmp_path):
    weights, kept, code = exercises(tmp_path)
    assert weights.solution == 3 * 200 * (100 + 200)
    assert kept.solution == "b" and code.name == "gru_step"
    assert code.judge(lambda W, U, x, h: h).right is False


@pytest.mark.parametrize("cell", ["lstm", "coupled_lstm", "peephole_lstm", "gru"])
def test_the_cells_of_the_lesson_are_in_the_zoo(cell):
    assert isinstance(unroll.Recurrent(cell, 2, 3), torch.nn.Module)
