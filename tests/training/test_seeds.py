"""Networks of several seeds: each is trained as alone, the best is kept, a kill changes nothing."""

import signal
import statistics

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from unroll.settings import TrainingSettings
from unroll.training.folder import RunFolder
from unroll.training.loop import Trainer
from unroll.training.objective import Objective, TrainingBatch
from unroll.training.progress import TIMES, TrainedNetwork
from unroll.training.report import QuietReport
from unroll.training.seeds import (
    all_networks,
    describe_networks,
    kept_network,
    network_records,
    seed_of,
)

STEPS, SEEDS = 6, 3
SETTINGS = TrainingSettings(seed=7, seeds=SEEDS, steps=STEPS, evaluate_every=3, average=0.5)


class Noisy(Objective):
    """A linear model with dropout, whose weights, batches and noise follow from its seed."""

    def __init__(self, seed, at=lambda seed, number: None):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
        super().__init__(
            model, device=torch.device("cpu"), batches_per_epoch=9, learning_rate=0.1, unit="x"
        )
        self.seed, self.at = seed, at
        torch.manual_seed(seed)

    def batch(self, number):
        self.at(self.seed, number)
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(100 * self.seed + number))

        def loss(state):
            return ((self.model(x) - x.sum(1, keepdim=True)) ** 2).sum(), None

        return TrainingBatch(8, loss)

    def evaluate(self):
        x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
        return {"loss": float(((self.model(x) - x.sum(1, keepdim=True)) ** 2).mean())}


def start(path, at=lambda seed, number: None, new=True, settings=SETTINGS):
    """A trainer at the beginning of its run, or where it was killed."""

    def make(number):
        return Noisy(seed_of(settings, number), at)

    folder = RunFolder(path) if new else RunFolder.open(path)
    trainer = Trainer(make(0), settings, folder, QuietReport(), None, make)
    if new:
        with trainer.started({"config.json": b"{}"}):
            pass
    else:
        trainer.resume()
    return trainer


def outcome(trainer):
    """All that a run has come to."""
    numbers = {k: v for k, v in vars(trainer.progress).items() if k not in (*TIMES, "began")}
    lines = [
        {k: v for k, v in line.items() if "seconds" not in k} for line in trainer.metrics.read()
    ]
    kept = load_file(trainer.folder.path / "model.safetensors")
    tensors = {**trainer.objective.model.state_dict(), **{f"kept.{k}": t for k, t in kept.items()}}
    return numbers, lines, {k: t.tolist() for k, t in tensors.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    trainer = start(tmp_path_factory.mktemp("whole") / "run")
    assert trainer.train() == "done"
    return trainer


def test_each_network_is_that_of_a_run_with_its_seed_and_the_best_is_kept(whole, tmp_path):
    alone = {}
    for seed in (7, 8, 9):
        settings = SETTINGS.model_copy(update={"seed": seed, "seeds": 1})
        trainer = start(tmp_path / str(seed), settings=settings)
        trainer.train()
        (alone[seed],) = all_networks(settings, trainer.progress)
    networks = all_networks(SETTINGS, whole.progress)
    assert networks == list(alone.values())
    best = min(networks, key=lambda network: network.best)
    assert kept_network(networks) == best
    kept = load_file(whole.folder.path / "model.safetensors")
    expected = load_file(tmp_path / str(best.seed) / "model.safetensors")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in kept.items())
    assert [line["step"] for line in whole.metrics.read() if "validation" in line] == [
        3, 6, 9, 12, 15, 18,
    ]  # fmt: skip


@pytest.mark.parametrize("moment", [(s, k) for s in (7, 8, 9) for k in range(STEPS)], ids=str)
def test_a_kill_at_any_step_changes_nothing(whole, tmp_path, moment):
    def kill(*now):
        if now == moment:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        start(tmp_path / "run", kill).train()
    again = start(tmp_path / "run", new=False)
    assert again.train() == "done"
    assert outcome(again) == outcome(whole)


@pytest.mark.parametrize("saves", range(2 * SEEDS + 1))
def test_a_kill_while_a_checkpoint_is_made_changes_nothing(whole, tmp_path, monkeypatch, saves):
    class Killed(Trainer):
        count = 0

        def save(self):
            if self.count == saves:
                raise RuntimeError("killed")
            self.count += 1
            super().save()

    with monkeypatch.context() as patch:
        patch.setitem(globals(), "Trainer", Killed)
        trainer = start(tmp_path / "run")
        try:
            trainer.train()
        except RuntimeError:
            pass
    again = start(tmp_path / "run", new=False)
    again.has_ended = again.progress.finished
    assert again.train() == "done"
    assert outcome(again) == outcome(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [2, STEPS - 1])
def test_a_signal_ends_it_well_and_it_goes_on_exactly(whole, tmp_path, number, step):
    def ask(*now):
        if now == (8, step):
            signal.raise_signal(number)

    first = start(tmp_path / "run", ask)
    assert first.train() == {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert len(first.progress.networks) == 1 and not first.progress.finished
    networks = all_networks(SETTINGS, first.progress)
    assert "of 3 seeds" in describe_networks(networks, ["loss"], 3)
    again = start(tmp_path / "run", new=False)
    assert again.train() == "done"
    assert outcome(again) == outcome(whole)


def network(seed, accuracy, loss=1.0):
    error = None if accuracy is None else 1 - accuracy
    metrics = {} if accuracy is None else {"accuracy": accuracy, "loss": loss}
    return TrainedNetwork(seed, 10, error, loss, 5, metrics)


def test_how_networks_compare_is_a_sentence():
    values = [0.912, 0.915, 0.919]
    networks = [network(k + 1, value) for k, value in enumerate(values)]
    spread = statistics.stdev(values) * 100
    assert describe_networks(networks, ("accuracy",), 3) == (
        f"Validation accuracy of 3 seeds: 91.2, 91.5, 91.9 %, mean 91.5, standard deviation "
        f"{spread:.1f}; seed 3 is kept."
    )
    assert [record["kept"] for record in network_records(networks)] == [False, False, True]
    stopped = describe_networks([network(1, 0.5), network(2, None)], ("accuracy",), 3)
    assert stopped.startswith("Validation accuracy of 1 of 3 seeds: 50.0 %") and "seed 1" in stopped
    nothing = describe_networks([network(1, None), network(2, None)], ("accuracy",), 2)
    assert "No network" in nothing and kept_network([network(1, None), network(2, None)]).seed == 2


def test_the_loss_decides_between_equal_networks_and_then_the_first():
    same = [network(1, 0.9, 0.5), network(2, 0.9, 0.4), network(3, 0.9, 0.4)]
    assert kept_network(same).seed == 2


def test_after_the_last_seed_comes_the_first():
    assert seed_of(TrainingSettings(seed=2**32 - 1, seeds=2), 1) == 0
