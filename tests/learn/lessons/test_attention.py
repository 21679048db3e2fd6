import numpy as np
import torch

from unroll.layers.attention import Attention
from unroll.learn.lessons.attention import attend, exercises, files


def test_the_context_of_the_exercise_is_that_of_the_layer():
    attention = Attention(4, 4, kind="dot").double()
    encoded, state = torch.randn(3, 1, 4).double(), torch.randn(1, 1, 4).double()
    context, _ = attention(state, attention.remember(encoded))
    assert np.allclose(attend(state[0, 0].numpy(), encoded[:, 0].numpy()), context[0, 0].numpy())


def test_every_target_is_its_source_backwards():
    head, *rows = files()["reversed.tsv"].splitlines()
    assert head == "source\ttarget" and len(rows) == len(set(rows)) == 3000
    pairs = [row.split("\t") for row in rows]
    assert all(source == target[::-1] for source, target in pairs)


def test_answers(tmp_path):
    share, direction, code = exercises(tmp_path)
    assert abs(share.value - 0.665) < 0.001 and direction.solution == "b"
    assert code.judge(code.solution).right and not code.judge(lambda s, e: e.mean(0)).right
