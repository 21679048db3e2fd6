"""Kept weights learn from everything, or stay as they are."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from unroll.settings import TrainingSettings
from unroll.training.budget import rate_factor
from unroll.training.interrupt import Stopped
from unroll.training.objective import Objective, TrainingBatch
from unroll.training.refit import refit, refit_factor, refit_steps


class MeanObjective(Objective):
    """A number that shall be the mean of numbers; its loss is that of other numbers."""

    def __init__(self, model, numbers, valid, spoil=1.0):
        super().__init__(
            model, device=torch.device("cpu"), batches_per_epoch=1, learning_rate=0.5, unit="x"
        )
        self.numbers, self.valid, self.spoil = torch.tensor(numbers), torch.tensor(valid), spoil

    def batch(self, number):
        w = self.model.weight
        return TrainingBatch(
            len(self.numbers), lambda s: (self.spoil * ((w - self.numbers) ** 2).sum(), None)
        )

    def evaluate(self):
        return {"loss": float(((self.model.weight - self.valid) ** 2).mean())}


@pytest.fixture
def model():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    model.register_buffer("temperature", torch.tensor(1.5))
    return model


SETTINGS = TrainingSettings(weight_decay=0.0)
FACTOR = partial(refit_factor, "cosine", is_last_part=False)


def test_everything_is_learned_from_and_buffers_stay(model):
    valid = [1.0, 3.0]
    own, everything = (MeanObjective(model, n, valid) for n in ([0.0], [0.0, 1.0, 3.0]))
    found = refit(own, everything, SETTINGS, 50, FACTOR)
    assert found.steps == 50 and found.record()["kept"] and found.weights["temperature"] == 1.5
    assert float(found.weights["weight"]) == pytest.approx(4 / 3, abs=0.2)
    assert "50 steps learned from the validation set too" in found.sentence()
    nn.init.zeros_(model.weight)
    again = refit(own, everything, SETTINGS, 50, FACTOR)
    assert torch.equal(again.weights["weight"], found.weights["weight"])


@pytest.mark.parametrize(
    ("numbers", "spoil", "reason"),
    [([9.0], 1.0, "raised its loss from"), ([1.0], math.nan, "not finite")],
)
def test_a_refit_that_goes_wrong_leaves_the_weights(model, numbers, spoil, reason):
    own = MeanObjective(model, [0.0], [0.0])
    found = refit(own, MeanObjective(model, numbers, [0.0], spoil), SETTINGS, 20, FACTOR)
    assert found.weights is None and reason in found.sentence() and not model.training
    assert float(model.weight.detach()) == 0.0


def test_a_signal_leaves_the_weights(model):
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 3:
            raise Stopped("SIGTERM")

    own = MeanObjective(model, [0.0], [1.0])
    with pytest.raises(Stopped, match="SIGTERM"):
        refit(own, MeanObjective(model, [1.0], [1.0]), SETTINGS, 20, FACTOR, check=check)
    assert float(model.weight.detach()) == 0.0


def test_seconds_end_a_refit_after_one_step_at_least(model):
    own = MeanObjective(model, [0.0], [1.0])
    found = refit(own, MeanObjective(model, [1.0], [1.0]), SETTINGS, 1000, FACTOR, seconds=1e-9)
    assert found.steps == 1


def test_steps_are_in_proportion():
    assert [refit_steps(n) for n in (0, 1, 40, 1000)] == [1, 1, 10, 250]


@pytest.mark.parametrize("schedule", ["cosine", "constant", "plateau"])
@pytest.mark.parametrize("is_last_part", [True, False])
def test_the_rate_ends_at_zero_and_does_not_jump(schedule, is_last_part):
    shares = [k / 100 for k in range(101)]
    found = [refit_factor(schedule, share, is_last_part=is_last_part) for share in shares]
    assert found == sorted(found, reverse=True) and found[-1] == pytest.approx(0.0, abs=1e-12)
    if is_last_part:
        assert found[0] == pytest.approx(rate_factor(schedule, 0.8, 0.0))
