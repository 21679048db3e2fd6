"""The toy task: what is the last bit of a line of bits?"""

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypedDict

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from toy.settings import ToySettings
from unroll.errors import UserError
from unroll.layers import Recurrent
from unroll.tasks.base import Task
from unroll.training.objective import Objective, TrainingBatch


class ToyPreprocessor:
    """Bits to numbers; there is nothing to learn."""

    def files(self):
        return {}

    def encode(self, lines):
        """x [T, B, 1], lengths [B], y [B]."""
        x = nn.utils.rnn.pad_sequence([torch.tensor([float(b) for b in line]) for line in lines])
        lengths = torch.tensor([len(line) for line in lines])
        return x[..., None], lengths, x[lengths - 1, torch.arange(len(lines))]


@dataclass(frozen=True)
class ToyData:
    """Lines of bits in two sets."""

    train: list[str]
    valid: list[str]
    preprocessor: ToyPreprocessor
    sha256: str
    validation_set: str = "every tenth line"


class ToyNetwork(nn.Module):
    """A recurrent layer, and one number of its last output."""

    def __init__(self, cell, hidden):
        super().__init__()
        self.layer, self.head = Recurrent(cell, 1, hidden), nn.Linear(hidden, 1)

    def forward(self, x, lengths):
        output, _ = self.layer(x, lengths=lengths)  # [T, B, H]
        return self.head(output[lengths - 1, torch.arange(len(lengths))])[:, 0]


class ToyMetrics(TypedDict):
    loss: float
    accuracy: float
    baselines: dict[str, dict[str, float]]


class ToyPrediction(TypedDict):
    bits: str
    last: int


class ToyObjective(Objective):
    """Binary cross-entropy of the last bit."""

    def __init__(self, network, data, settings, device):
        self.data, self.size, self.settings = data, settings.batch_size, settings
        steps = max(1, len(data.train) // self.size)
        rate = settings.learning_rate
        super().__init__(
            network, device=device, batches_per_epoch=steps, learning_rate=rate, unit="lines"
        )

    def batch(self, number):
        start = number % self.batches_per_epoch * self.size
        lines = self.data.train[start : start + self.size]
        return TrainingBatch(len(lines), partial(self.loss, lines), ragged=True)

    def loss(self, lines, state):
        x, lengths, y = self.data.preprocessor.encode(lines)
        return binary_cross_entropy_with_logits(self.model(x, lengths), y, reduction="sum"), None

    def with_validation_set(self):
        data = replace(self.data, train=self.data.train + self.data.valid)
        return ToyObjective(self.model, data, self.settings, self.device)

    def evaluate(self):
        metrics = measure(self.model, self.data.preprocessor, self.data.valid)
        return {"loss": metrics["loss"], "accuracy": metrics["accuracy"]}


@torch.no_grad()
def measure(network, preprocessor, lines) -> ToyMetrics:
    x, lengths, y = preprocessor.encode(lines)
    logits, share = network(x, lengths), float(y.mean())
    return {
        "loss": float(binary_cross_entropy_with_logits(logits, y)),
        "accuracy": float(((logits > 0) == (y > 0)).float().mean()),
        "baselines": {"most frequent": {"accuracy": max(share, 1 - share)}},
    }


def read_lines(path):
    lines = Path(path).read_text().split()
    for number, line in enumerate(lines, 1):
        if set(line) - {"0", "1"}:
            raise UserError(f"{path}:{number}: got {line!r}; expected bits, 0 and 1.")
    return lines


class ToyTask(Task[ToySettings, ToyData, ToyPreprocessor, ToyNetwork, ToyMetrics, ToyPrediction]):
    """The last bit of a line, whatever its length."""

    name = "toy"

    def resolve_sizes(self, settings, make_cell):
        return settings.model_copy(update={"hidden": settings.hidden or 8})

    def read(self, path, settings, log, preprocessor=None):
        lines = read_lines(path)
        train = [line for k, line in enumerate(lines) if k % 10 != 9]
        sha256 = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return ToyData(train, lines[9::10], preprocessor or ToyPreprocessor(), sha256)

    def resolve(self, settings, data):
        return settings.model_copy(update={"batch_size": 8, "learning_rate": 0.05})

    def build_network(self, settings, preprocessor, make_cell):
        return ToyNetwork(make_cell, settings.hidden)

    def objective(self, network, data, settings, device):
        return ToyObjective(network, data, settings, device)

    def describe(self, data, settings, network):
        return [f"{len(data.train)} lines in the training set, {len(data.valid)} in the other."]

    def metadata(self, data):
        return {"lines": len(data.train)}

    def load_preprocessor(self, folder, config):
        return ToyPreprocessor()

    def validate(self, trained, data, progress):
        return measure(trained.model, trained.preprocessor, data.valid)

    def evaluate(self, trained, path, progress, columns):
        return measure(trained.model, trained.preprocessor, read_lines(path))

    def summarise(self, metrics, where):
        return [f"On {where}: accuracy {metrics['accuracy']:.2f}."]

    def check(self, path, settings, log):
        return {"lines": len(read_lines(path)), "problems": []}

    def predict(self, trained, inputs):
        for bits in inputs:
            x, lengths, _ = trained.preprocessor.encode([bits])
            yield {"bits": bits, "last": int(trained.model(x, lengths) > 0)}

    def read_inputs(self, trained, path):
        return iter(read_lines(path))

    def format_prediction(self, prediction):
        return str(prediction["last"])

    def usage(self, run, trained):
        return [f"  unroll predict {run} NEW.bits"]
