"""How a budget of seconds is spent, with a clock that only the test moves."""

from types import SimpleNamespace

import pytest

from unroll.settings import TrainingSettings
from unroll.training.checkpoint import TrainingProgress
from unroll.training.pace import Pace


class TimedObjective:
    """Evaluations take `cost` seconds for everything, and a share of that where it samples."""

    batches_per_epoch, ending_evaluations = 10, 3.0

    def __init__(self, clock, cost, samples=False):
        self.clock, self.cost, self.samples, self.share = clock, cost, samples, 1.0

    def limit_evaluation(self, share):
        self.share = share if self.samples else 1.0
        return share if self.samples else 0.0

    def evaluate(self):
        self.clock.seconds += self.cost * self.share


def spend(cost, samples=False, reading=0.0, step=0.1, **settings):
    """Let a run spend its budget as the loop does. Returns its pace, objective and number of evaluations."""
    clock = SimpleNamespace(seconds=reading, exit_seconds=0.0, floor_seconds=0.0)
    objective, progress = TimedObjective(clock, cost, samples), TrainingProgress()
    pace = Pace(TrainingSettings(**settings), objective, progress, clock)
    count = 0
    while (share := pace.share()) < 1:
        begun = pace.now
        clock.seconds += step
        progress.step += 1
        pace.took_step(begun)
        share = pace.share()
        if pace.evaluation_is_due(share):
            pace.limit_records()
            begun = pace.now
            objective.evaluate()
            pace.took_evaluation(begun)
            count += 1
        pace.read()
    clock.seconds += 3 * cost  # calibration and metrics
    return pace, objective, count


@pytest.mark.parametrize("cost", [0.0, 0.05, 0.5, 2.0])
@pytest.mark.parametrize("reading", [0.0, 20.0])
@pytest.mark.parametrize("seconds", [40.0, 60.0, 300.0])
def test_a_run_ends_with_its_budget_whatever_evaluations_cost(cost, reading, seconds):
    pace, _, _ = spend(cost, reading=reading, seconds=seconds)
    assert 0.95 * seconds < pace.now < 1.02 * seconds


@pytest.mark.parametrize(("cost", "count"), [(0.0, 10), (0.25, 10), (0.55, 5), (1.4, 2)])
def test_costly_evaluations_are_fewer(cost, count):
    pace, _, found = spend(cost, seconds=60)
    assert found == count and pace.progress.evaluation_seconds == pytest.approx(count * cost)
    assert pace.record()["evaluations"] <= 0.05 * 60 + 1e-9


def test_costly_evaluations_read_fewer_records_where_the_task_can():
    pace, objective, count = spend(3.0, samples=True, seconds=60)
    assert count == 4 and objective.share == pytest.approx(0.25) == pace.progress.evaluation_share
    assert pace.progress.evaluation_seconds == pytest.approx(0.3 + 4 * 0.75)


def test_steps_and_given_evaluations_are_as_asked():
    _, objective, count = spend(3.0, samples=True, steps=60)
    assert (count, objective.share) == (10, 1.0)
    _, objective, count = spend(0.1, samples=True, seconds=60, evaluate_every=50)
    assert count == 12 and objective.share == 1.0


def test_the_record_says_what_was_not_spent_on_steps():
    pace, _, _ = spend(0.5, reading=10.0, seconds=100)
    record = pace.record()
    assert record["whole"] == pytest.approx(
        record["steps"] + record["evaluations"] + record["rest"]
    )
    assert record["share_outside_steps"] == pytest.approx(
        1 - record["steps"] / record["whole"], abs=1e-3
    )
    assert record["rest"] == pytest.approx(11.5)
