"""The smallest objective: what it may leave out, and what it then does."""

import pytest
import torch
from torch import nn

from unroll.training.objective import Objective, TrainingBatch


class SmallObjective(Objective):
    def batch(self, number):
        return TrainingBatch(2, lambda state: (self.model.weight.sum(), None))

    def evaluate(self):
        return {"loss": 1.0}


def test_optional_parts_have_defaults():
    cpu = torch.device("cpu")
    model = nn.Linear(2, 1)
    small = SmallObjective(model, device=cpu, batches_per_epoch=3, learning_rate=0.1, unit="rows")
    assert (small.decides, small.closed_form) == ("loss", False)
    assert small.initial_state() is None and small.sample() is None
    batch = small.batch(0)
    assert batch.fresh and not batch.ragged and batch.tokens == 2
    with pytest.raises(NotImplementedError, match="SmallObjective has no closed form"):
        small.solve(lambda share: None)


def test_batches_and_metrics_are_not_optional():
    with pytest.raises(TypeError, match="abstract"):
        Objective(nn.Linear(1, 1), device="cpu", batches_per_epoch=1, learning_rate=1, unit="x")
