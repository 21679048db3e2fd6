import torch

from unroll.compare.spelling import Spelling


def test_hello_is_hello():
    problem = Spelling()
    drawn = problem.sequences(0, 2, torch.Generator())
    word = [problem.symbols[n] for n in [*drawn.x[:, 1].tolist(), drawn.targets[-1, 1].item()]]
    assert "".join(word) == "hello" and drawn.scored.all()
    assert problem.sequences(5, 1, torch.Generator()).scored[:, 0].tolist() == [False] * 3 + [True]
    assert [problem.chance(d) for d in problem.tested] == [1, 1, 0.5, 0.5]
