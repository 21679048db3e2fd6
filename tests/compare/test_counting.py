import torch

from unroll.compare.counting import Counting


def test_what_follows_the_first_b_is_measured_as_a_whole():
    problem = Counting()
    drawn = problem.sequences(3, 2, torch.Generator())
    assert drawn.x[:, 0].tolist() == [2, 0, 0, 0, 1, 1, 1]
    assert drawn.targets[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert drawn.scored[:, 0].tolist() == [False] * 4 + [True] * 3
    guess = torch.nn.functional.one_hot(drawn.targets, 3).float()
    guess[:4] = 0  # when the first b comes nobody knows
    guess[6, 1] = torch.tensor([0.0, 1.0, 0.0])  # an end that is missed
    assert problem.right(guess, drawn).tolist() == [True, False]
