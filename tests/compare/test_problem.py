"""What holds for every problem."""

import pytest
import torch

from unroll.compare.problem import NO_TARGET, next_symbols
from unroll.compare.problems import PROBLEMS


def drawn(problem, distance, count=400, seed=3):
    return problem.sequences(distance, count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", PROBLEMS)
def test_sequences_follow_from_the_seed_and_fit_the_symbols(name):
    problem = PROBLEMS[name]()
    for distance in {*problem.trained, *problem.tested}:
        one, again = drawn(problem, distance, 5), drawn(problem, distance, 5)
        assert torch.equal(one.x, again.x) and torch.equal(one.targets, again.targets)
        assert one.x.shape[1] == 5
        if problem.symbols:
            assert one.x.shape == one.targets.shape == one.scored.shape
            assert 0 <= one.x.min() and one.x.max() < problem.inputs
            assert one.scored.any() and (one.targets[one.scored] != NO_TARGET).all()


@pytest.mark.parametrize("name", ["agreement", "copy", "reversal", "adding"])
def test_chance_is_what_guessing_reaches(name):
    problem, distance = PROBLEMS[name](), PROBLEMS[name].tested[-1]
    sequences = drawn(problem, distance, 4000)
    if name == "adding":
        guess = torch.ones(4000)
    else:
        letters = 8 if name != "agreement" else len(problem.symbols)
        guess = torch.zeros(*sequences.x.shape, problem.outputs)
        generator = torch.Generator().manual_seed(4)
        guess[..., :letters] = torch.rand(*sequences.x.shape, letters, generator=generator)
    share = problem.right(guess, sequences).double().mean()
    assert float(share) == pytest.approx(problem.chance(distance), abs=0.03)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_right_predictions_are_right(name):
    problem = PROBLEMS[name]()
    sequences = drawn(problem, problem.tested[-1], 20)
    if problem.symbols:
        targets = sequences.targets.clamp(min=0)
        predicted = torch.nn.functional.one_hot(targets, problem.outputs).float()
    else:
        predicted = sequences.targets + 0.09
    assert problem.right(predicted, sequences).all()
    assert not problem.right(-predicted - 1, sequences).all()


def test_next_symbols_are_one_step_ahead():
    ids = torch.arange(4)[:, None]
    found = next_symbols(ids, ids > 1)
    assert found.x[:, 0].tolist() == [0, 1, 2] and found.targets[:, 0].tolist() == [1, 2, 3]
    assert found.scored[:, 0].tolist() == [False, True, True]


def test_what_a_cell_from_the_end_would_read_is_known():
    told = {name for name in PROBLEMS if PROBLEMS[name]().predicts_what_follows}
    assert {"hello", "counting", "agreement"} <= told
    assert not told & {"names", "adding", "copy"}
