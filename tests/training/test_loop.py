"""The loop keeps its promises, shown on a linear model with noise and a carried state."""

import json
import math
import signal
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from unroll.errors import UserError
from unroll.settings import TrainingSettings
from unroll.training import clock, loop
from unroll.training.checkpoint import checkpoints, read_progress
from unroll.training.folder import RunFolder
from unroll.training.loop import Trainer
from unroll.training.objective import Objective, TrainingBatch
from unroll.training.report import QuietReport

PER_EPOCH = 12


class KeptReport(QuietReport):
    """Keeps the messages."""

    def __init__(self):
        self.messages = []

    def log(self, message):
        self.messages.append(message)

    def has(self, part):
        return any(part in message for message in self.messages)


class LinearObjective(Objective):
    """The linear model, whose batches, losses and metrics a fake run makes."""

    def __init__(self, fake):
        cpu = torch.device("cpu")
        super().__init__(
            fake.model, device=cpu, batches_per_epoch=PER_EPOCH, learning_rate=0.1, unit="numbers"
        )
        self.fake = fake

    def batch(self, number):
        x = self.fake.batch(number)
        return TrainingBatch(4, partial(self.fake.loss, x), number % PER_EPOCH == 0)

    def evaluate(self):
        return self.fake.evaluate()

    def initial_state(self):
        return (torch.zeros(1, 4, 1),)


class Fake:
    """A run of a linear model. validation: the losses that its evaluations give, then the last.
    at: called with (number of the call, step) before each batch. spoil: may change a loss."""

    def __init__(self, path, validation=(1.0,), at=None, spoil=None, seed=0, new=True, **settings):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
        self.validation, self.at, self.spoil = list(validation), at, spoil
        self.calls, self.seen, self.evaluated = -1, [], []
        self.report = KeptReport()
        folder = RunFolder(path) if new else RunFolder.open(path)
        options = {"schedule": "constant", "warm_up": 0.0, **settings}
        self.trainer = Trainer(
            LinearObjective(self), TrainingSettings(**options), folder, self.report
        )
        if new:
            with self.trainer.started({"config.json": b"{}"}):
                pass
        else:
            self.trainer.resume()
        self.train, self.path = self.trainer.train, path

    def batch(self, number):
        self.calls, self.step = self.calls + 1, number
        if self.at is not None:
            self.at(self.calls, number)
        generator = torch.Generator().manual_seed(number)
        return torch.randn(4, 3, generator=generator)

    def loss(self, x, state):
        assert self.model.training
        self.seen.append(state is None)
        h = 0.5 * (0.0 if state is None else state[0][0]) + self.model(x)
        loss = ((h - x.sum(1, keepdim=True)) ** 2).sum()
        if self.spoil is not None:
            loss = self.spoil(self.calls, self.step, loss)
        return loss, (h[None],)

    def evaluate(self):
        assert not self.model.training and not torch.is_grad_enabled()
        self.evaluated.append([p.clone() for p in self.model.parameters()])
        return {"loss": self.validation.pop(0) if len(self.validation) > 1 else self.validation[0]}

    @property
    def progress(self):
        return self.trainer.progress

    def lines(self, key):
        return [line for line in self.trainer.metrics.read() if key in line]


def when(calls, value=math.nan):
    """Spoil the losses of these calls."""
    return lambda call, step, loss: loss * value if call in calls else loss


def everything(fake):
    """All that a run is: weights, optimizer, carried state, progress, metrics."""
    slots = fake.trainer.optimizer.state_dict()["state"]
    tensors = [*fake.model.state_dict().values(), fake.trainer.state[0], torch.get_rng_state()]
    tensors += [slots[k][name] for k in sorted(slots) for name in sorted(slots[k])]
    numbers = {k: v for k, v in vars(fake.progress).items() if "seconds" not in k}
    lines = [
        {k: v for k, v in line.items() if "seconds" not in k}
        for line in fake.trainer.metrics.read()
    ]
    return tensors, numbers, lines


def assert_same(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        assert torch.equal(a, b)
    assert one[1:] == other[1:]


OPTIONS = {"schedule": "cosine", "warm_up": 0.1, "evaluate_every": 10}


@pytest.mark.parametrize(
    "how", [{"optimizer": "adamw"}, {"optimizer": "sgd"}, {"average": 0.9}], ids=str
)
def test_forty_steps_equal_twenty_a_kill_and_twenty_more(tmp_path, how):
    options = OPTIONS | {"steps": 40, "validation": [3.0, 2.0, 2.5, 1.0], **how}
    whole = Fake(tmp_path / "whole", **options)
    assert whole.train() == "done"
    expected = everything(whole)

    def killed(call, step):
        if step == 27:
            raise RuntimeError("killed")

    first = Fake(tmp_path / "parts", at=killed, **options)
    with pytest.raises(RuntimeError, match="killed"):
        first.train()
    options["validation"] = [2.5, 1.0]
    second = Fake(tmp_path / "parts", seed=99, new=False, **options)
    assert second.progress.step == 20 and second.report.has("Resuming at step 20")
    assert second.train() == "done"
    assert_same(everything(second), expected)
    kept, of_whole = (
        load_file(tmp_path / name / "model.safetensors") for name in ("parts", "whole")
    )
    assert kept.keys() == of_whole.keys()
    assert all(torch.equal(tensor, of_whole[name]) for name, tensor in kept.items())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_between_two_steps_and_goes_on_exactly(tmp_path, number):
    whole = Fake(tmp_path / "whole", steps=40, **OPTIONS)
    whole.train()
    expected = everything(whole)
    before = signal.getsignal(number)

    def ask(call, step):
        if step == 16:
            signal.raise_signal(number)

    first = Fake(tmp_path / "parts", at=ask, steps=40, **OPTIONS)
    assert first.train() == {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert first.progress.step == 17 and signal.getsignal(number) == before
    assert not read_progress(checkpoints(first.path)[0]).finished
    second = Fake(tmp_path / "parts", seed=99, new=False, steps=40, **OPTIONS)
    assert second.train() == "done"
    assert_same(everything(second), expected)


def test_state_is_carried_within_an_epoch_and_starts_anew_with_each(tmp_path):
    fake = Fake(tmp_path / "run", steps=30)
    fake.train()
    assert [k for k, fresh in enumerate(fake.seen) if fresh] == [0, 12, 24]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_skipped_and_counted(tmp_path, value):
    weights = {}

    def note(call, step):
        weights[step] = [p.detach().clone() for p in fake.model.parameters()]

    fake = Fake(tmp_path / "run", at=note, spoil=when({5, 9}, value), steps=12)
    assert fake.train() == "done"
    for step in range(11):
        same = all(map(torch.equal, weights[step], weights[step + 1]))
        assert same == (step in (5, 9))
    assert (fake.progress.skipped, fake.progress.step, fake.progress.rollbacks) == (2, 12, 0)
    assert fake.report.has("Step 6 is skipped: its loss is not finite (1 so far).")
    assert [line["step"] for line in fake.lines("skipped")] == [6, 10]
    assert fake.seen[6] and fake.seen[10]  # the state may be ill too
    assert all(p.isfinite().all() for p in fake.model.parameters())


def test_a_gradient_that_is_not_finite_is_skipped_too(tmp_path):
    def spoil(call, step, loss):
        # finite itself, with the infinite slope of a root at zero
        return loss + (loss - loss.detach()).clamp(min=0).sqrt() if call == 3 else loss

    fake = Fake(tmp_path / "run", spoil=spoil, steps=10)
    fake.train()
    assert fake.progress.skipped == 1 and fake.report.has("its gradient is not finite")
    assert all(p.isfinite().all() for p in fake.model.parameters())


@pytest.mark.parametrize(("every", "back"), [(5, 10), (1, 12), (100, 0)])
def test_five_in_a_row_go_back_to_the_last_checkpoint_with_half_the_rate(tmp_path, every, back):
    steps = []
    fake = Fake(
        tmp_path / "run",
        at=lambda call, step: steps.append(step),
        spoil=when(range(12, 17)),
        steps=30,
        checkpoint_every=every,
    )
    assert fake.train() == "done"
    assert steps == [*range(17), *range(back, 30)]
    progress = fake.progress
    assert (progress.rollbacks, progress.skipped, progress.rate_scale) == (1, 5, 0.5)
    assert fake.report.has(
        f"5 steps in a row were not finite: back to step-{back:09d} with half the learning rate "
        "(0.05)."
    )
    (line,) = fake.lines("rollback")
    assert line["step"] == back and line["rate_scale"] == 0.5
    assert fake.lines("learning_rate")[-1]["learning_rate"] == 0.05
    seen = [line["step"] for line in fake.trainer.metrics.read()]
    assert seen == sorted(seen)


def test_a_halved_rate_survives_a_kill(tmp_path):
    def killed(call, step):
        if call == 18:
            raise RuntimeError("killed")

    options = {"steps": 30, "checkpoint_every": 5}
    fake = Fake(tmp_path / "run", at=killed, spoil=when(range(12, 17)), **options)
    with pytest.raises(RuntimeError, match="killed"):
        fake.train()
    again = Fake(tmp_path / "run", new=False, **options)
    assert (again.progress.step, again.progress.rate_scale) == (10, 0.5)
    assert again.progress.rollbacks == 1


def test_a_damaged_checkpoint_is_not_gone_back_to(tmp_path):
    def damage(call, step):
        if call == 12:
            path = checkpoints(fake.path)[0] / "model.safetensors"
            path.write_bytes(path.read_bytes()[:-1])

    fake = Fake(
        tmp_path / "run", at=damage, spoil=when(range(12, 17)), steps=20, checkpoint_every=5
    )
    fake.train()
    assert fake.report.has("step-000000010 is damaged") and fake.report.has(
        "back to step-000000005"
    )


def test_a_loss_that_stays_ill_ends_in_a_sentence(tmp_path):
    fake = Fake(tmp_path / "run", spoil=when(range(12, 1000)), steps=30, checkpoint_every=5)
    with pytest.raises(UserError, match=f"not finite after {loop.ROLLBACKS} returns"):
        fake.train()
    assert checkpoints(fake.path)


def test_resuming_without_a_whole_checkpoint_is_refused(tmp_path):
    fake = Fake(tmp_path / "run", steps=1)
    (checkpoints(fake.path)[0] / "training.json").unlink()
    with pytest.raises(UserError, match="no undamaged checkpoint to resume from"):
        fake.trainer.resume()
    assert fake.report.has("training.json is missing")


def test_the_plateau_schedule_halves_the_rate_when_the_loss_stops_falling(tmp_path):
    fake = Fake(
        tmp_path / "run",
        [3.0, 2.0, 2.5, 2.5, 1.0, 1.5, 1.5, 1.5, 1.5],
        schedule="plateau",
        steps=45,
        evaluate_every=5,
    )
    fake.train()
    assert fake.progress.rate_scale == 1 / 8 and fake.progress.waited == 4
    assert fake.report.has("has not fallen for 2 evaluations; the learning rate is halved")
    rates = {line["step"]: line["learning_rate"] for line in fake.lines("learning_rate")}
    assert rates == {1: 0.1, 10: 0.1, 20: 0.1, 30: 0.05, 40: 0.025}


def test_other_schedules_do_not_mind_a_plateau(tmp_path):
    fake = Fake(tmp_path / "run", steps=40, evaluate_every=5)
    fake.train()
    assert fake.progress.rate_scale == 1.0 and fake.progress.waited == 7


def test_patience_ends_a_run_early(tmp_path):
    fake = Fake(tmp_path / "run", [3.0, 2.0, 2.0], steps=100, evaluate_every=5, patience=3)
    assert fake.train() == "early"
    assert (fake.progress.step, fake.progress.best_step) == (25, 10)
    assert read_progress(checkpoints(fake.path)[0]).finished


def test_the_best_weights_are_kept_not_the_last(tmp_path):
    fake = Fake(tmp_path / "run", [3.0, 1.0, 2.0, math.nan], steps=20, evaluate_every=5)
    fake.train()
    saved = load_file(fake.path / "model.safetensors")
    best, last = fake.evaluated[1], fake.evaluated[3]
    assert torch.equal(saved["0.weight"], best[0]) and not torch.equal(best[0], last[0])
    assert (fake.progress.best, fake.progress.best_step) == (1.0, 10)
    assert [line["validation"]["loss"] for line in fake.lines("validation")] == [
        3.0,
        1.0,
        2.0,
        "nan",
    ]


def test_the_loss_decides_between_weights_of_the_same_metric(tmp_path):
    found = [(0.5, 1.0), (0.25, 0.9), (0.25, 0.7), (0.25, 0.8), (0.5, 0.1)]
    fake = Fake(tmp_path / "run", steps=25, evaluate_every=5)
    objective = fake.trainer.objective
    objective.decides = "error"
    objective.evaluate = lambda: dict(zip(("error", "loss"), found.pop(0), strict=True))
    fake.train()
    progress = read_progress(checkpoints(fake.path)[0])
    assert (progress.best, progress.best_loss, progress.best_step) == (0.25, 0.7, 15)
    progress.best_loss = None  # of a run before ties were decided so: the first is kept
    assert not progress.is_better(0.25, 0.1) and progress.is_better(0.2, 9.0)


def test_the_average_is_what_is_evaluated_and_kept_and_training_goes_on_without_it(tmp_path):
    alone = Fake(tmp_path / "alone", steps=4, evaluate_every=1)
    alone.train()
    fake = Fake(tmp_path / "run", [4.0, 3.0, 2.0, 1.0], steps=4, evaluate_every=1, average=0.2)
    fake.train()
    assert everything(alone)[0][0].equal(everything(fake)[0][0])
    raw = [weights[0] for weights in alone.evaluated]
    mean = fake.trainer.average.tensors[0]
    expected = Fake(tmp_path / "start", steps=1).model[0].weight.detach()
    for step, weight in enumerate(raw, 1):
        kept = min(0.2, step / (step + 9))
        expected = kept * expected + (1 - kept) * weight
        torch.testing.assert_close(fake.evaluated[step - 1][0], expected)
    assert torch.equal(load_file(fake.path / "model.safetensors")["0.weight"], mean)


def test_a_run_that_never_found_a_best_keeps_its_last_weights(tmp_path):
    fake = Fake(tmp_path / "run", [math.nan], steps=5)
    fake.train()
    saved = load_file(fake.path / "model.safetensors")
    assert torch.equal(saved["0.weight"], fake.model[0].weight)


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"clip_norm": 1.0}, 0.5),
        ({"clip_norm": None}, 100.0),
        ({"clip_norm": None, "clip_value": 0.1}, 0.1),
        ({"clip_norm": 1.0, "clip_value": 0.3}, 0.3),
        ({"clip_norm": 1000.0, "clip_value": 1000.0}, 100.0),
    ],
)
def test_gradients_are_clipped_by_norm_and_by_value(tmp_path, options, change):
    fake = Fake(
        tmp_path / "run", steps=1, optimizer="sgd", momentum=0.0, weight_decay=0.0, **options
    )
    weight = nn.Parameter(torch.zeros(4, dtype=torch.float64))

    class SumObjective(LinearObjective):
        def batch(self, number):
            return TrainingBatch(4, lambda state: (400.0 * weight.sum(), None))

        def evaluate(self):
            return {"loss": 1.0}

    objective = SumObjective(fake)
    objective.model, objective.learning_rate = nn.ParameterList([weight]), 1.0
    trainer = Trainer(objective, fake.trainer.settings, fake.trainer.folder, fake.report)
    trainer.train()
    torch.testing.assert_close(weight.detach(), torch.full_like(weight, -change), rtol=1e-5, atol=0)
    assert trainer.metrics.read()[0]["gradient_norm"] == pytest.approx(200.0)


@pytest.mark.parametrize("bad", [set(), {9, 10, 19, 29}])
def test_numbers_are_written_at_least_every_ten_steps(tmp_path, bad):
    fake = Fake(tmp_path / "run", spoil=when(bad), steps=55)
    fake.train()
    steps = sorted({0, *(line["step"] for line in fake.trainer.metrics.read()), 55})
    assert max(b - a for a, b in pairwise(steps)) <= 10
    wanted = {"step", "loss", "gradient_norm", "learning_rate", "tokens", "seconds"}
    assert all(set(line) == wanted for line in fake.lines("gradient_norm"))
    assert fake.lines("tokens")[-1]["tokens"] == 4 * 50
    for text in (fake.path / "metrics.jsonl").read_text().splitlines():
        json.loads(text, parse_constant=pytest.fail)


def test_ten_evaluations_a_run_where_nothing_else_is_asked(tmp_path):
    fake = Fake(tmp_path / "run", steps=50)
    fake.train()
    assert [line["step"] for line in fake.lines("validation")] == list(range(5, 51, 5))


@pytest.fixture
def now(monkeypatch):
    """A clock that only a test moves, 0.5 s with each step."""
    times = SimpleNamespace(time=1000.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: times.time))

    def tick(call, step):
        times.time += 0.5

    times.tick = tick
    return times


def test_a_budget_of_seconds_ends_when_they_are_spent_and_more_can_be_added(tmp_path, now):
    fake = Fake(tmp_path / "run", at=now.tick, seconds=100)
    assert fake.train() == "done"
    # a hundredth is kept for saving weights
    assert (fake.progress.step, fake.progress.seconds) == (198, 99.0)
    more = Fake(tmp_path / "run", at=now.tick, new=False, seconds=50)
    more.train()
    assert (more.progress.step, more.progress.seconds) == (297, 148.5)


def test_what_was_read_before_is_in_the_seconds(tmp_path, now):
    fake = Fake(tmp_path / "run", at=now.tick, seconds=100)
    now.time += 60
    fake.train()
    assert (fake.progress.step, fake.progress.seconds) == (78, 99.0)
    assert fake.progress.training_seconds == fake.progress.step_seconds == 39.0


def test_seconds_that_reading_used_up_leave_one_step_and_one_evaluation(tmp_path, now):
    fake = Fake(tmp_path / "run", at=now.tick, seconds=10)
    now.time += 60
    assert fake.train() == "done"
    assert fake.progress.step == 1 and len(fake.evaluated) == 1 and fake.progress.best == 1.0


def test_the_rate_reaches_zero_where_training_ends(tmp_path, now):
    fake = Fake(tmp_path / "run", at=now.tick, seconds=100, schedule="cosine")
    now.time += 40
    fake.train()
    rates = [line["learning_rate"] for line in fake.lines("learning_rate")]
    assert rates[1:] == sorted(rates[1:], reverse=True) and rates[-1] < 0.003


def test_epochs_are_of_the_data(tmp_path):
    fake = Fake(tmp_path / "run", epochs=2)
    fake.train()
    assert fake.progress.step == 2 * PER_EPOCH


def test_a_finished_run_does_nothing_more(tmp_path):
    Fake(tmp_path / "run", steps=10).train()
    again = Fake(tmp_path / "run", new=False, steps=10)
    assert again.train() == "done" and again.calls == -1


def test_checkpoints_come_as_often_as_asked_and_two_are_kept(tmp_path):
    found = []
    fake = Fake(
        tmp_path / "run",
        steps=12,
        checkpoint_every=3,
        at=lambda call, step: found.append([int(p.name[5:]) for p in checkpoints(fake.path)]),
    )
    fake.train()
    assert found[0] == [0] and found[4] == [3, 0] and found[8] == [6, 3]
    assert [int(p.name[5:]) for p in checkpoints(fake.path)] == [12, 9]


def test_weights_in_closed_form_are_set_once_evaluated_and_kept(tmp_path):
    fake = Fake(tmp_path / "run", validation=[0.25])

    def solve(progress):
        progress(0.5)
        for p in fake.model.parameters():
            p.fill_(0.125)
        return ["solved"]

    objective = fake.trainer.objective
    objective.closed_form, objective.solve = True, solve
    assert fake.train() == "done" and fake.report.has("solved")
    assert fake.trainer.progress.step == 1 and fake.trainer.progress.best == 0.25
    kept = load_file(tmp_path / "run" / "model.safetensors")
    assert all((value == 0.125).all() for value in kept.values())
    assert read_progress(checkpoints(tmp_path / "run")[0]).finished
