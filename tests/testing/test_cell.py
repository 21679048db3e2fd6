"""check_cell is shown failing on cells that are wrong on purpose, before it is trusted."""

import logging
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import unroll
from unroll.cells.scan import scan
from unroll.testing import check_cell


class RightCell(unroll.Cell):
    """A leaky memory; each wrong cell below changes one thing of it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size + hidden_size, hidden_size)

    def candidate(self, x, h):
        return torch.tanh(self.read(torch.cat([x, h], 1)))

    def forward(self, x, h):
        h = 0.5 * h + 0.5 * self.candidate(x, h)
        return h, h


class Memory(NamedTuple):
    h: Tensor
    clock: Tensor


class RightClockCell(RightCell):
    """Every second step only, counted in a field of whole numbers; starts from a learned state;
    its output is wider than its memory."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.output_size = 2 * hidden_size
        self.start = nn.Parameter(torch.randn(hidden_size))

    def initial_state(self, batch_size, *, dtype=None, device=None):
        clock = torch.zeros(batch_size, dtype=torch.int64, device=device)
        start = self.start.to(device=device, dtype=dtype)
        return Memory(start.expand(batch_size, self.hidden_size), clock)

    def forward(self, x, state):
        now = (state.clock % 2 == 0)[:, None]
        h = torch.where(now, self.candidate(x, state.h), state.h)
        return torch.cat([h, -h], 1), Memory(h, state.clock + 1)


class MixesTheBatch(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, h - h.mean(0))
        return h, h


class RemembersOutsideItsState(RightCell):
    kept = 0.0

    def forward(self, x, h):
        h = self.candidate(x, h + self.kept)
        self.kept = h.detach().mean()
        return h, h


class CountsItsCalls(RightCell):
    steps = 0

    def forward(self, x, h):
        self.steps += 1
        h = self.candidate(x, h) * (1 + self.steps % 2)
        return h, h


class IgnoresTheState(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, torch.zeros_like(h))
        return h, h


class GrowsItsState(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, h)
        return h, torch.cat([h, h], 1)


class LosesTheNamesOfItsFields(RightClockCell):
    def forward(self, x, state):
        output, new = super().forward(x, state)
        return output, tuple(new)


class GivesOnlyItsState(RightCell):
    def forward(self, x, h):
        return self.candidate(x, h)


class SaysAnotherWidth(RightCell):
    output_size = 7


class DetachesItsMemory(RightCell):
    def forward(self, x, h):
        h = 0.5 * h.detach() + 0.5 * self.candidate(x, h)
        return h, h


class HasNoGradient(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, h).detach()
        return h, h


class StartsInOneDtype(RightCell):
    def initial_state(self, batch_size, **like):
        return torch.zeros(batch_size, self.hidden_size)


class StartsWithOneRow(RightCell):
    def initial_state(self, batch_size, **like):
        return torch.zeros(1, self.hidden_size, dtype=like["dtype"])


class StartsFromAList(RightCell):
    def initial_state(self, batch_size, **like):
        return [super().initial_state(batch_size, **like)]


class StartsAtInfinity(RightCell):
    def initial_state(self, batch_size, **like):
        return super().initial_state(batch_size, **like) - torch.inf


class WritesIntoItsState(RightCell):
    def forward(self, x, h):
        new = self.candidate(x, h)
        h.add_(1)
        return new, new


class DrawsItself(RightCell):
    def forward(self, x, h):
        h = self.candidate(x, nn.functional.dropout(h, 0.5, self.training))
        return h, h


class DropsInEvalMode(RightCell):
    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), keep=0.5)}

    def forward(self, x, h, noise):
        mask = torch.bernoulli(torch.full_like(h, 0.5)) if noise is None else noise["mask"]
        h = self.candidate(x, h * mask)
        return h, h


class ForgetsToSaveAWeight(RightCell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.scale = float(torch.rand(()))

    def forward(self, x, h):
        h = self.scale * self.candidate(x, h)
        return h, h


class DividesByItsInput(RightCell):
    """Fine on real inputs; the zeros that stand in for padding make its gradient NaN."""

    def forward(self, x, h):
        h = self.candidate(x / x.norm(dim=1, keepdim=True), h)
        return h, h


class RightLinearCell(unroll.Cell):
    """Linear in its state, with a form for all steps at once; each below has a wrong one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 2 * hidden_size)

    def keep_and_add(self, x):
        a, b = self.read(x).chunk(2, -1)
        return torch.sigmoid(a), b

    def forward(self, x, h):
        a, b = self.keep_and_add(x)
        h = a * h + b
        return h, h

    def parallel(self, x, h):
        h = scan(*self.keep_and_add(x), h)
        return h, h


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


class HasAnotherStepThanItsParallelForm(RightLinearCell):
    """The engine does not take the form of a base class for this, so it is no broken promise."""

    def forward(self, x, h):
        h = super().forward(x, h)[0] / 2
        return h, h


WRONG = [
    (MixesTheBatch, "for a batch than for its sequences one by one: the numbers are up to"),
    (RemembersOutsideItsState, "two answers to one question in eval mode"),
    (CountsItsCalls, "keeps something between calls outside its state"),
    (IgnoresTheState, "ignores the state it is given"),
    (GrowsItsState, r"turns its state from Tensor\(h \[3, 4\].*into Tensor\(h \[3, 8\]"),
    (LosesTheNamesOfItsFields, r"from Memory\(h .* into tuple\(0 .*expected the same form"),
    (GivesOnlyItsState, r"answers with Tensor; expected \(output, new state\)"),
    (SaysAnotherWidth, r"output \[3, 4\] of torch.float32; expected \[B=3, output_size=7\]"),
    (DetachesItsMemory, "a gradient that is not the slope of its output"),
    (HasNoGradient, "an output without a gradient"),
    (StartsInOneDtype, "starts h as torch.float32 when torch.float64 was asked for"),
    (StartsWithOneRow, r"starts h with shape \[1, 4\]; expected \[B=3"),
    (StartsFromAList, r"has list in its state \(h\), not a tensor"),
    (StartsAtInfinity, "starts h with numbers that are not finite"),
    (WritesIntoItsState, "changes its arguments in place"),
    (DrawsItself, r"draws random numbers itself; declare them in noise\(\)"),
    (DropsInEvalMode, "two answers to one question in eval mode"),
    (ForgetsToSaveAWeight, "after its state_dict was saved and loaded"),
    (DividesByItsInput, "other gradients when padded.*NaN in the padding"),
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


def test_a_cell_that_refuses_its_own_state_dict_is_caught():
    made = []

    def make(input_size, hidden_size):  # every second cell has other weights
        made.append(1)
        cell = RightCell(input_size, hidden_size)
        if len(made) % 2:
            cell.more = nn.Parameter(torch.zeros(1))
        return cell

    with pytest.raises(AssertionError, match="RightCell cannot load its own state_dict"):
        check_cell(make)


@pytest.mark.parametrize(
    "cell", [RightCell, RightClockCell, RightLinearCell, HasAnotherStepThanItsParallelForm]
)
@pytest.mark.parametrize("sizes", [(3, 4), (1, 1), (5, 2)])
def test_a_right_cell_passes(cell, sizes):
    check_cell(cell, input_size=sizes[0], hidden_size=sizes[1])


def test_the_random_state_is_left_as_it_was():
    before = torch.get_rng_state()
    check_cell(RightCell)
    assert torch.equal(before, torch.get_rng_state())


def test_every_backend_can_be_checked(caplog):
    caplog.set_level(logging.WARNING, logger="unroll")
    with unroll.backend("loop"):
        check_cell(unroll.LSTMCell)
    assert not caplog.records


def test_what_is_no_cell_is_refused():
    with pytest.raises(TypeError, match="Got Linear; expected a cell"):
        check_cell(nn.Linear)
