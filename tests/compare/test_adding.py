import torch

from unroll.compare.adding import Adding


def test_one_number_of_each_half_is_marked():
    for distance in (2, 7, 50):
        drawn = Adding().sequences(distance, 200, torch.Generator().manual_seed(1))
        numbers, marks = drawn.x.unbind(-1)
        half = distance // 2
        assert (marks[:half].sum(0) == 1).all() and (marks[half:].sum(0) == 1).all()
        torch.testing.assert_close((numbers * marks).sum(0), drawn.targets)
