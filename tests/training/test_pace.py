"""How a budget of seconds is spent, with a clock that only the test moves."""

from functools import partial
from types import SimpleNamespace

import pytest
from torch import nn

from unroll.settings import TrainingSettings
from unroll.training import refit
from unroll.training.objective import TrainingBatch
from unroll.training.pace import Pace
from unroll.training.progress import TrainingProgress


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


def spend(cost, samples=False, reading=0.0, step=0.1, floor=0.0, refits=False, end=1.0, **settings):
    """Let a run spend its budget as the loop does, but for a refit.

    Returns its pace, objective and number of evaluations.
    """
    clock = SimpleNamespace(
        seconds=reading + floor, exit_seconds=0.0, read_seconds=reading, floor_seconds=floor
    )
    objective, progress = TimedObjective(clock, cost, samples), TrainingProgress()
    pace = Pace(TrainingSettings(**settings), objective, progress, clock, refits=refits)
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
    progress.best_step = progress.step
    clock.seconds += end * 3 * cost  # calibration and metrics
    return pace, objective, count


@pytest.mark.parametrize("refits", [False, True])
def test_networks_of_several_seeds_share_what_is_left(refits):
    clock = SimpleNamespace(seconds=9.0, exit_seconds=0.0, read_seconds=5.0, floor_seconds=4.0)
    objective, progress = TimedObjective(clock, 0.2), TrainingProgress()
    pace = Pace(TrainingSettings(seconds=60, seeds=3), objective, progress, clock, refits=refits)
    steps, rates = [], []
    for number in range(3):
        if number:
            vars(progress).update(vars(progress.of_next_network(number)))
            pace.begin_network(objective)
        while (share := pace.share()) < 1:
            begun = pace.now
            clock.seconds += 0.1
            progress.step += 1
            pace.took_step(begun)
            rates.append(pace.schedule_share(share))
            if pace.evaluation_is_due(pace.share()):
                begun = pace.now
                objective.evaluate()
                pace.took_evaluation(begun)
        steps.append(progress.step)
        assert pace.share() == 1 and rates[-1] == pytest.approx(0.8 if refits else 1.0, abs=0.02)
    assert max(steps) - min(steps) < 0.1 * max(steps)
    assert progress.evaluation_seconds < 0.06 * 60
    # a quarter of a network's training, and the simple model again, are left, and the end
    left = 60 - pace.now - 3 * 0.2 - 0.6
    assert left == pytest.approx(pace.trained / 4 + 2 if refits else 4, abs=0.7)


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


def test_where_no_time_is_left_the_only_evaluation_reads_few_records_and_is_not_tried():
    pace, objective, count = spend(30.0, samples=True, reading=70.0, seconds=60)
    assert count == 1 and objective.share == 0.1 == pace.progress.evaluation_share
    assert pace.progress.evaluation_seconds == pytest.approx(3.0)


def test_steps_and_given_evaluations_are_as_asked():
    _, objective, count = spend(3.0, samples=True, steps=60)
    assert (count, objective.share) == (10, 1.0)
    _, objective, count = spend(0.1, samples=True, seconds=60, evaluate_every=50)
    assert count == 12 and objective.share == 1.0


def test_the_record_says_what_was_not_spent_on_steps():
    pace, _, count = spend(0.5, reading=10.0, floor=5.0, seconds=100)
    pace.floor_again = 2.0
    pace._clock.seconds += 2.0
    record = pace.record()
    assert record["reading"] == 10.0 and record["floor"] == 7.0 and record["floor_again"] == 2.0
    assert record["evaluations"] == pytest.approx(0.5 * count)
    assert record["ending"] == pytest.approx(1.5)
    assert record["rest"] == record["building"] == pytest.approx(0.0, abs=0.02)
    names = ("reading", "floor", "building", "steps", "evaluations", "ending", "rest")
    assert record["whole"] == pytest.approx(sum(record[name] for name in names), abs=0.05)
    whole, steps = record["whole"], record["steps"]
    assert record["share_outside_steps"] == pytest.approx(1 - steps / whole, abs=1e-3)
    assert record["share_outside_fitting"] == pytest.approx(1 - (steps + 7) / whole, abs=1e-3)


def refit_with(pace, monkeypatch, step):
    """Refit as `finish_run` does, on the clock of the pace. Returns what came of it."""
    clock, weight = pace._clock, nn.Linear(1, 1)

    class Everything(TimedObjective):
        model, learning_rate, decides = weight, 0.0, "loss"

        def batch(self, number):
            clock.seconds += step
            return TrainingBatch(1, lambda state: (weight.weight.sum() * 0, None))

        def evaluate(self):
            super().evaluate()
            return {"loss": 1.0}

    steps, seconds = pace.refit_limits()
    objective = Everything(clock, pace.objective.cost)
    monkeypatch.setattr(refit, "time", SimpleNamespace(perf_counter=lambda: clock.seconds))
    rate = partial(refit.refit_factor, "cosine", is_last_part=True)
    return refit.refit(objective, objective, pace.settings, steps, rate, seconds)


@pytest.mark.parametrize("again", [0.1, 0.5, 1.0])  # of the simple model's first fit
@pytest.mark.parametrize("end", [0.3, 1.0, 1.5])  # of what calibration was thought to take
@pytest.mark.parametrize("slower", [0.5, 1.0, 3.0])  # steps on a machine that others use too
def test_a_refit_takes_what_is_left_and_no_more(monkeypatch, again, end, slower):
    pace, _, _ = spend(0.4, reading=5.0, floor=9.0, refits=True, end=end, seconds=60)
    before = pace.progress.training_seconds
    pace._clock.seconds += again * 9.0
    found = refit_with(pace, monkeypatch, 0.1 * slower)
    assert 0.96 * 60 < pace.now < 1.01 * 60
    assert found.seconds == pytest.approx(before / 4, abs=0.5 * 9 + 2)


def test_weights_that_were_best_early_are_not_refitted_for_longer(monkeypatch):
    pace, _, _ = spend(0.1, floor=20.0, refits=True, seconds=60)
    pace.progress.best_step //= 2
    left = pace.left
    assert refit_with(pace, monkeypatch, 0.1).seconds == pytest.approx(left / 2, abs=0.6)
    pace, _, _ = spend(0.1, refits=True, seconds=60, patience=3)
    pace.progress.waited, pace.progress.best_step = 3, 40
    assert refit_with(pace, monkeypatch, 0.1).steps == 10
