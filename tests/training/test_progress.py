"""How far a run is, and which weights are better."""

import math

import pytest

from unroll.training.progress import TIMES, TrainingProgress


@pytest.mark.parametrize(
    ("best", "metric", "loss", "better"),
    [
        (None, 1.0, None, True),
        (0.5, 0.4, 9.0, True),
        (0.5, 0.6, 0.0, False),
        (0.5, 0.5, 0.9, True),  # the loss decides between equal ones
        (0.5, 0.5, 1.1, False),
        (0.5, 0.5, None, False),
        (None, math.nan, 0.0, False),
    ],
)
def test_the_metric_decides_and_then_the_loss(best, metric, loss, better):
    progress = TrainingProgress(best=best, best_loss=1.0)
    assert progress.is_better(metric, loss) is better


def test_times_are_fields_and_begin_at_zero():
    assert [getattr(TrainingProgress(), name) for name in TIMES] == [0.0] * len(TIMES)
