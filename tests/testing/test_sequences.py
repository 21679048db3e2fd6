"""check_cell fails on cells that break a promise about sequences."""

import pytest

import unroll
from unroll.testing import check_cell
from unroll.testing.sequences import (
    check_one_by_one,
    check_padding,
    check_resets,
    check_reverse,
    check_step_by_step,
    check_two_halves,
)

from .right_cells import RightCell, RightClockCell


class MixesTheBatch(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, h - h.mean(0))
        return h, h


class DividesByItsInput(RightCell):
    """Fine on real inputs; the zeros that stand in for padding make its gradient NaN."""

    def forward(self, x, h):
        h = self.candidate(x / x.norm(dim=1, keepdim=True), h)
        return h, h


WRONG = [
    (MixesTheBatch, "for a batch than for its sequences one by one: the numbers are up to"),
    (DividesByItsInput, "other gradients when padded.*NaN in the padding"),
]


@pytest.mark.parametrize(("cell", "sentence"), WRONG, ids=[cell.__name__ for cell, _ in WRONG])
def test_a_wrong_cell_is_caught_and_told_why(cell, sentence):
    with pytest.raises(AssertionError, match=f"(?s)^{cell.__name__} .*{sentence}"):
        check_cell(cell)


class StepsOtherwiseInEvalMode(RightCell):
    """Right over a sequence; its stepper, which copies the cell, loses what is not copied."""

    def __deepcopy__(self, memo):
        return RightCell(self.input_size, self.hidden_size).double()


def test_a_stepper_that_computes_something_else_is_caught():
    caught = pytest.raises(AssertionError, match=r"something else step by step \(layer\.stepper\)")
    with unroll.backend("loop"), caught:
        check_step_by_step(StepsOtherwiseInEvalMode, 3, 4)


@pytest.mark.parametrize(
    "check", [check_one_by_one, check_padding, check_resets, check_reverse, check_two_halves]
)
def test_right_cells_pass(check):
    with unroll.backend("loop"):
        for cell in (RightCell(3, 4), RightClockCell(3, 4)):
            check(cell.double().eval())


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (check_two_halves, "in two halves, with the state carried over"),
        (check_resets, "after a reset than from its initial state"),
        (check_reverse, "in reverse than on flipped sequences"),
    ],
)
def test_a_cell_that_counts_its_steps_is_caught(check, sentence):
    with unroll.backend("loop"), pytest.raises(AssertionError, match=sentence):
        check(CountsItsSteps(3, 4).double().eval())


class CountsItsSteps(RightCell):
    """Each step has another factor, wherever its sequence began."""

    steps = 0

    def forward(self, x, h):
        self.steps += 1
        h = self.candidate(x, h) * (1 + self.steps % 7)
        return h, h
