"""check_cell fails on cells that break a promise about one step."""

import pytest
import torch
from torch import nn

import unroll
from unroll.testing import check_cell

from .right_cells import RightCell, RightClockCell


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


class StartsAtRandom(RightCell):
    def initial_state(self, batch_size, **like):
        return torch.randn_like(super().initial_state(batch_size, **like))


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


WRONG = [
    (RemembersOutsideItsState, "two results for the same input in eval mode"),
    (CountsItsCalls, "keeps something between calls outside its state"),
    (IgnoresTheState, "ignores the state that it is given"),
    (GrowsItsState, r"changes its state from Tensor\(h \[3, 4\].*to Tensor\(h \[3, 8\]"),
    (LosesTheNamesOfItsFields, r"from Memory\(h .* to tuple\(0 .*expected the same form"),
    (GivesOnlyItsState, r"returns Tensor; expected \(output, new state\)"),
    (SaysAnotherWidth, r"output \[3, 4\] of torch.float32; expected \[B=3, output_size=7\]"),
    (DetachesItsMemory, "a gradient that is not the derivative of its output"),
    (HasNoGradient, "an output without a gradient"),
    (StartsInOneDtype, "starts h as torch.float32 where torch.float64 was requested"),
    (StartsWithOneRow, r"starts h with shape \[1, 4\]; expected \[B=3"),
    (StartsFromAList, r"has list in its state \(h\), not a tensor"),
    (StartsAtInfinity, "starts h with values that are not finite"),
    (WritesIntoItsState, "changes its arguments in place"),
    (DrawsItself, r"draws random numbers itself; declare them in noise\(\)"),
    (StartsAtRandom, r"draws random numbers in initial_state; draw them before the call"),
    (DropsInEvalMode, "two results for the same input in eval mode"),
    (ForgetsToSaveAWeight, "after its state_dict was saved and loaded"),
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
