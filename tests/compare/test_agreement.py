import torch

from unroll.compare.agreement import SYMBOLS, Agreement


def test_sentences_agree_and_the_verb_is_as_far_as_it_says():
    problem = Agreement()
    for distance in (0, 1, 3, 8, 24):
        drawn = problem.sequences(distance, 50, torch.Generator().manual_seed(1))
        for row in range(50):
            words = [SYMBOLS[n] for n in drawn.x[:, row]]
            verb = drawn.scored[:, row].nonzero().item() + 1
            assert words[:2] == [".", "the"] and verb - 3 == distance
            plural = words[2].endswith("s")
            assert words[verb] == ("were" if plural else "was")
            assert SYMBOLS[drawn.targets[verb - 1, row]] == words[verb]
    assert words[3:8] == ["which", "already", "ate", words[6], "and"]
    both = {SYMBOLS[n] for n in drawn.targets[drawn.scored]}
    assert both == {"was", "were"}
