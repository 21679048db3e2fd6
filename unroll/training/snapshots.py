"""What changes in a network while it is trained: norms of weights, gates, embeddings, at each evaluation.

Each is a line of snapshots.jsonl in the run folder. They are taken at the start and at evaluations, the later
the rarer, so that the file stays small however long a run is. Nothing of the training is touched, and a
resumed run writes the lines that an uninterrupted one would have written.

V rows, E embedding, T time, B batch, K outputs.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn

from unroll.layers.recorded import recorded
from unroll.layers.recurrent import Recurrent
from unroll.settings import TrainingSettings
from unroll.training.folder import RunFolder
from unroll.training.metrics_file import MetricsFile
from unroll.training.objective import Objective

FILE = "snapshots.jsonl"
APART = 1.05  # a snapshot's step is at least so many times that of the one before
MOST_TENSORS = 40  # of a network, the largest
MOST_NUMBERS = (
    50_000_000  # parameters of a network whose start is kept to measure the distance from it
)
TOKENS, AXES = 26, 32  # rows of an embedding, and to how many random directions they are projected
GATE_SHARE = 0.005  # of a budget of seconds, that gates of one snapshot may take
SHUT, OPEN = 0.1, 0.9


class Snapshots:
    """Takes the snapshots of one network.

    Args:
        objective: its network as it was drawn, before training or resuming, and its batches.
        folder: of the run.
        settings: `snapshots`: whether any are taken; `seconds`: what gates may cost.
    """

    def __init__(self, objective: Objective, folder: RunFolder, settings: TrainingSettings) -> None:
        self.objective, self.folder, self.settings = objective, folder, settings
        model = objective.model
        few = sum(p.numel() for p in model.parameters()) <= MOST_NUMBERS
        self._start: dict[str, Tensor] = {}
        if settings.snapshots and few:
            self._start = {name: tensor.detach().clone() for name, tensor in chosen_tensors(model)}
        self._last: int | None = None  # the step of the last snapshot; None: not known yet
        self._gates = True

    def take(self, step: int) -> None:
        """Take a snapshot, unless the last one is near; the weights may be an average of others.

        Args:
            step: of the network, as its evaluation counts it.
        """
        if not self.settings.snapshots or self.objective.closed_form:
            return
        file = MetricsFile(self.folder.path / FILE)
        if self._last is None:  # what a run wrote after the checkpoint that it goes on from
            if file.path.exists():
                file.truncate(step)
            self._last = max((line["step"] for line in file.read()), default=-1)
        if step <= self._last or step < self._last * APART:
            return
        self._last = step
        file.write(step=step, **snapshot(self.objective, self._start), gates=self._gate_numbers())

    def _gate_numbers(self) -> dict[str, list[float]] | None:
        """The gates over the first batch; None where measuring them takes too much of the seconds."""
        if not self._gates:
            return None
        begun = time.perf_counter()
        found = gates_of_batch(self.objective)
        seconds = self.settings.seconds
        if seconds is not None and time.perf_counter() - begun > GATE_SHARE * seconds:
            self._gates = False
        return found


def chosen_tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    """The parameters of a network by name, the largest `MOST_TENSORS` of them, in its own order."""
    every = [(name, p) for name, p in model.named_parameters() if p.is_floating_point()]
    kept = {name for name, _ in sorted(every, key=lambda item: -item[1].numel())[:MOST_TENSORS]}
    return [(name, p) for name, p in every if name in kept]


@torch.no_grad()
def snapshot(objective: Objective, start: dict[str, Tensor]) -> dict[str, Any]:
    """The numbers of a network now.

    Args:
        objective: with the network.
        start: its tensors before training, by name; empty: not kept.

    Returns:
        `norms`: of each tensor; `moved`: how far it is from its start, relative to the norm of the start;
        `embeddings`: some rows of each, in `AXES` fixed directions; `bias_entropy`: of the softmax of the
        bias of the output, nats, with its largest value ln K: what is predicted whatever is read.
    """
    model = objective.model
    tensors = chosen_tensors(model)
    found: dict[str, Any] = {"norms": {name: digits(t.norm()) for name, t in tensors}}
    moved = {}
    for name, tensor in tensors:
        if name in start:
            begun = float(start[name].norm())
            distance = float((tensor - start[name].to(tensor.device)).norm())
            moved[name] = digits(distance / begun) if begun > 0 else digits(distance)
    found["moved"] = moved
    found["embeddings"] = {
        name: projected_rows(module.weight)
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and module.weight.shape[0] > 2
    }
    bias = output_bias(model)
    if bias is not None:
        p = bias.double().softmax(0)
        entropy = -(p * p.clamp(min=1e-300).log()).sum()
        found["bias_entropy"] = [digits(entropy), digits(torch.tensor(math.log(len(p))))]
    return found


def digits(value: Tensor | float) -> float | None:
    """A number to four digits; None where it is not finite."""
    number = float(value)
    return float(f"{number:.3e}") if math.isfinite(number) else None


def projected_rows(weight: Tensor) -> list[list[float | None]]:
    """The first rows of an embedding [V, E], mostly frequent tokens, in fixed orthonormal directions."""
    rows = weight[:TOKENS].double().cpu()
    E = rows.shape[1]
    if E > AXES:
        random = torch.Generator().manual_seed(0)
        directions = torch.randn(E, AXES, generator=random, dtype=torch.float64)
        rows = rows @ torch.linalg.qr(directions).Q
    return [[digits(v) for v in row] for row in rows.tolist()]


def output_bias(model: nn.Module) -> Tensor | None:
    """The bias of the layer that predicts: of the network itself, else of its last linear layer."""
    own = getattr(model, "bias", None)
    if isinstance(own, Tensor) and own.dim() == 1 and len(own) > 1:
        return own
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1:]
    if last and last[0].bias is not None and len(last[0].bias) > 1:
        return last[0].bias
    return None


def gates_of_batch(objective: Objective) -> dict[str, list[float]]:
    """The mean of every gate over the first batch, and the shares of values that are shut and open.

    Nothing random of the training is touched, and the network is in eval mode while it reads.

    Args:
        objective: with the network and its batches.

    Returns:
        [mean, share under 0.1, share over 0.9] by `layer 1 forget_gate`; empty for cells without gates.
    """
    model, was_training = objective.model, objective.model.training
    if not any(isinstance(module, Recurrent) for module in model.modules()):
        return {}
    devices = [objective.device] if objective.device.type == "cuda" else []
    model.eval()
    try:
        with torch.random.fork_rng(devices), torch.no_grad(), recorded(model) as calls:
            objective.batch(0).loss(None)
    finally:
        model.train(was_training)
    values: dict[str, list[Tensor]] = {}
    for call in calls:
        for part, _, record in call.parts():
            for name, gate in record.values.items():
                if (
                    "gate" in name
                    and gate.is_floating_point()
                    and gate.shape[:2] == call.alive.shape
                ):
                    kept = gate.detach()[call.alive].flatten()
                    if bool(((kept >= 0) & (kept <= 1)).all()):
                        values.setdefault(f"{part} {name}", []).append(kept)
    found = {}
    for name, parts in values.items():
        every = torch.cat(parts).double()
        if len(every):
            numbers = (every.mean(), (every < SHUT).double().mean(), (every > OPEN).double().mean())
            found[name] = [round(float(v), 5) for v in numbers]
    return found
