import torch

from unroll.compare.copying import Copying, Reversal
from unroll.compare.problem import NO_TARGET


def test_letters_are_asked_for_after_the_signal():
    drawn = Copying().sequences(4, 1, torch.Generator().manual_seed(1))
    x, targets = drawn.x[:, 0].tolist(), drawn.targets[:, 0].tolist()
    assert x[3:7] == [8] * 4 and x[7:] == [9, 8, 8]
    assert targets == [NO_TARGET] * 7 + x[:3]


def test_reversal_asks_for_the_last_letter_first():
    drawn = Reversal().sequences(3, 1, torch.Generator().manual_seed(1))
    x, targets = drawn.x[:, 0].tolist(), drawn.targets[:, 0].tolist()
    assert x[3:] == [9, 8, 8] and targets == [NO_TARGET] * 3 + x[2::-1]
