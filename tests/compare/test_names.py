import torch

from unroll.compare.comparison import compare
from unroll.compare.names import SYMBOLS, PersonNames


def test_the_word_that_decides_is_as_far_after_the_name_as_it_says():
    problem = PersonNames()
    for distance in problem.tested:
        drawn = problem.sequences(distance, 40, torch.Generator().manual_seed(1))
        for row in range(40):
            words = [SYMBOLS[n] for n in drawn.x[:, row]]
            name = words.index("Teddy")
            decides = words[name + distance]
            assert drawn.scored[:, row].nonzero().item() == name
            assert drawn.targets[name, row] == {"Roosevelt": 1, "bears": 0}[decides]
        assert (drawn.targets >= 0).sum() == 40


def test_one_direction_guesses_and_both_know():
    found = compare(
        ["gru"], "names", directions=[1, 2], seeds=1, hidden=16, steps=120, learning_rate=0.03
    )
    one, both = found.learned
    assert (one, both) == ("gru directions 1", "gru directions 2")
    assert found.mean(one, 1) < 0.65 and found.mean(both, 1) > 0.95
    assert found.learned[both][0].parameters > found.learned[one][0].parameters
