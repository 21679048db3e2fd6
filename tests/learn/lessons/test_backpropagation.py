import pytest
import torch

from unroll import RNNCell
from unroll.learn.lessons.backpropagation import exercises, summands, summands_of_linear


def test_the_table_of_the_text():
    assert summands_of_linear(0.5, [1.0] * 4) == [0, 0.25, 0.75, 1.75]


def test_the_summands_of_the_exercise_add_up_to_the_gradient_of_autograd():
    inputs, s = [0.3, -0.2, 0.5, 0.1], torch.zeros(()).double()
    w = torch.tensor(1.3, dtype=torch.double, requires_grad=True)
    for x in inputs:
        s = torch.tanh(w * s + x)
    s.backward()
    assert sum(summands(1.3, inputs)) == pytest.approx(w.grad.item())


def share_missing_after_two_steps():
    """|g - g_2| / |g|, by autograd, with the state before step 3 held fixed."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        cell = RNNCell(4, 3).double()
        output = torch.nn.Linear(3, 4).double()
    x, found = torch.eye(4).double()[[0, 1, 2, 2]], []
    for cut in (None, 2):
        h = torch.zeros(3).double()
        for t, x_t in enumerate(x):
            h = cell(x_t, h.detach() if t == cut else h)
        cell.zero_grad()
        torch.nn.functional.cross_entropy(output(h), torch.tensor(3)).backward()
        found.append(torch.cat([p.grad.flatten() for p in cell.parameters()]))
    return ((found[0] - found[1]).norm() / found[0].norm()).item()


def test_answers(tmp_path):
    number, missing, code = exercises(tmp_path)
    assert number.value == 0.75
    assert missing.value == pytest.approx(share_missing_after_two_steps(), abs=1e-6)
    assert not code.judge(lambda w, inputs: summands(w, inputs)[::-1]).right
