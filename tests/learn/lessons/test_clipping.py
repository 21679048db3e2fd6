import numpy as np
import pytest
import torch

from unroll.learn.lesson import lesson_of
from unroll.learn.lessons.clipping import clip, exercises


def test_the_clipping_of_the_exercise_is_that_of_torch():
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    weights = [torch.nn.Parameter(torch.zeros(array.shape).double()) for array in arrays]
    for weight, array in zip(weights, arrays, strict=True):
        weight.grad = torch.tensor(array)
    torch.nn.utils.clip_grad_norm_(weights, 0.7)
    for ours, weight in zip(clip(arrays, 0.7), weights, strict=True):
        assert np.allclose(ours, weight.grad.numpy(), atol=1e-5)
    assert np.allclose(clip([np.array([3.0, 4.0])], 1.0)[0], [0.6, 0.8])


def test_answers(tmp_path):
    reach, share, code = exercises(tmp_path)
    assert reach.value == 60 - 51 and share.solution == "b"
    assert not code.judge(lambda gradients, limit: [g * limit for g in gradients]).right
    assert not code.judge(lambda gradients, limit: [np.clip(g, -1, 1) for g in gradients]).right
    assert code.solution([np.zeros(2)], 1.0)[0] == pytest.approx([0, 0])


@pytest.mark.slow
def test_what_the_text_says_of_the_picture():
    lines = lesson_of("clipping").python().replace("compare(\n", "found = compare(\n")
    names = {}
    exec(lines, names)
    without, clipped = names["found"].as_dict()["cells"].values()
    assert max(without["overall"]) < 0.3
    assert all(clipped["accuracy"][n] == 1 for n in (1, 2, 4, 6, 8, 10))
