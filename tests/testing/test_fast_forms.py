"""check_cell fails on cells whose parallel form or compiled kernels compute something else."""

import pytest
import torch

from unroll.cells.scan import scan
from unroll.engine import cpu
from unroll.testing import check_cell
from unroll.testing.fast_forms import check_compiled

from .right_cells import RightCell, RightLinearCell


class ForgetsTheStateItIsGiven(RightLinearCell):
    def parallel(self, x, h):
        return super().parallel(x, torch.zeros_like(h))


class ForgetsBetweenBlocks(RightLinearCell):
    """Right for 64 steps, as in every other promise."""

    def parallel(self, x, h):
        blocks = [super(ForgetsBetweenBlocks, self).parallel(p, h)[0] for p in x.split(64)]
        return torch.cat(blocks), torch.cat(blocks)


class GivesTheStatesBefore(RightLinearCell):
    def parallel(self, x, h):
        states, _ = super().parallel(x, h)
        return states, torch.cat([h[None], states])[:-1]


class GivesTheLastStateAlone(RightLinearCell):
    def parallel(self, x, h):
        states, _ = super().parallel(x, h)
        return states, states[-1]


class CutsTheGradientInParallel(RightLinearCell):
    def parallel(self, x, h):
        a, b = self.keep_and_add(x)
        h = scan(a.detach(), b, h)
        return h, h


class NeedsTwoSteps(RightLinearCell):
    """Right but for sequences of one step, which stepping through a text gives."""

    def parallel(self, x, h):
        h = super().parallel(x, h)[0] if len(x) > 1 else x.new_zeros(1, *h.shape)
        return h, h


WRONG = [
    (ForgetsTheStateItIsGiven, "something else in its parallel form than by steps: the numbers"),
    (ForgetsBetweenBlocks, "something else in its parallel form than by steps: the numbers"),
    (GivesTheStatesBefore, "something else in its parallel form than by steps: the numbers"),
    (GivesTheLastStateAlone, r"parallel form than by steps: .*1 \[3, 4\].* instead of .*\[130,"),
    (CutsTheGradientInParallel, "other gradients in its parallel form: the numbers are up to"),
    (NeedsTwoSteps, "something else in its parallel form in two parts, with the state"),
]


@pytest.mark.parametrize(("cell", "sentence"), WRONG, ids=[cell.__name__ for cell, _ in WRONG])
def test_a_wrong_cell_is_caught_and_told_why(cell, sentence):
    with pytest.raises(AssertionError, match=f"(?s)^{cell.__name__} .*{sentence}"):
        check_cell(cell)


class HasAnotherStepThanItsParallelForm(RightLinearCell):
    """The engine does not take the form of a base class for this, so it is no broken promise."""

    def forward(self, x, h):
        h = super().forward(x, h)[0] / 2
        return h, h


def test_the_form_of_a_base_class_is_not_taken_for_another_step():
    check_cell(HasAnotherStepThanItsParallelForm)


def test_kernels_that_compute_something_else_are_caught(monkeypatch):
    run_together = cpu.run_together

    def slightly_wrong(calls):
        return [(output + 1e-6, final) for output, final in run_together(calls)]

    monkeypatch.setattr(cpu, "run_together", slightly_wrong)
    monkeypatch.setattr(cpu, "run", lambda call: slightly_wrong([call])[0])
    with pytest.raises(AssertionError, match=r"RightCell .*in compiled kernels than in the loop"):
        check_compiled(RightCell(3, 4).double().eval())
