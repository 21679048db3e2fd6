import math
import random

import pytest

from unroll.training.flow_pieces import longest_piece, straight_pieces


def test_one_factor_is_one_piece_and_its_rate_is_the_logarithm():
    (piece,) = straight_pieces([0.8**k for k in range(300)])
    assert piece.rate == pytest.approx(math.log(0.8)) and (piece.first, piece.last) == (0, 299)
    assert not piece.is_level and piece.steps == 299


def test_a_plateau_and_its_end_are_two():
    plateau, end = straight_pieces([0.2] * 18 + [1e-3, 2e-4, 5e-5, 1e-5])
    assert plateau.is_level and (plateau.first, plateau.last) == (0, 17)
    assert end.rate < -1 and longest_piece([plateau, end]) is plateau


def test_a_steep_start_and_two_slopes_are_three():
    norms = [0.1**k for k in range(5)] + [1e-5 * 0.9**k for k in range(40)]
    norms += [1e-7 * 0.3**k for k in range(20)]
    rates = [piece.rate for piece in straight_pieces(norms)]
    assert rates == pytest.approx([math.log(0.1), math.log(0.9), math.log(0.3)], rel=0.1)


def test_noise_is_no_border():
    noise = random.Random(1)
    norms = [0.9**k * math.exp(noise.gauss(0, 0.3)) for k in range(200)]
    assert len(straight_pieces(norms)) == 1


def test_zero_and_overflow_end_the_curve():
    assert [p.last for p in straight_pieces([1.0, 0.5, 0.25, 0.0, 0.1])] == [2]
    assert [p.last for p in straight_pieces([1.0, 2.0, math.inf])] == [1]
    assert straight_pieces([1.0]) == [] and straight_pieces([0.0, 1.0]) == []
