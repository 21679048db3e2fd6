"""The gradient monitor: how much of a gradient is left, going back through each layer, while a network trains.

White noise is put in at the last output of every recurrent layer and followed back through that
layer alone, on the batch that comes next, by the engine's own backward (`unroll.Recording`). This is
a pass of its own, in eval mode and with a random generator of its own, so a monitored run takes the
same steps to the bit as one that is not monitored.

T time, B batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unroll.cells import State
from unroll.engine.backends import requested_backend
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.initialisation import initialisation_in_words
from unroll.training.flow_pieces import straight_pieces
from unroll.training.gradient_flow import classify_flow, flow_in_words, judged_step
from unroll.training.halving import halving_distance
from unroll.training.objective import Objective, TrainingBatch

NORMS_KEPT = 256  # norms that are written down at most, from the end of the sequences backwards


@dataclass(frozen=True)
class LayerGradient:
    """What the gradient monitor found in one layer and direction.

    Attributes:
        name: of the layer and direction, for people.
        cell: the class of its cell.
        norms: |d state| by steps back, the root mean square over the sequences that are as long.
        forget: the mean of a forget gate, where the cell names one.
    """

    name: str
    cell: str
    norms: list[float]
    forget: float | None

    @property
    def far(self) -> int:
        """The step back at which the gradient is classified; see `judged_step`."""
        return judged_step(straight_pieces(self.norms), len(self.norms))

    @property
    def left(self) -> float | None:
        """What is left there of the gradient at the end; None where there is none at the end."""
        return self.norms[self.far] / self.norms[0] if self.norms[0] > 0 else None

    @property
    def flow(self) -> str:
        """`vanishes`, `lasts` or `explodes`."""
        return classify_flow(self.left)

    def sentence(self, start: str, clip: float | None) -> str:
        """What happens to the gradient and what to try, with the numbers.

        Args:
            start: how the weights were initialised, in words.
            clip: what the norm of the weights' gradient is clipped to already; None where it is not.
        """
        sentence = flow_in_words(self.name, {"state": self.norms}, self.cell, start, clip)
        if self.forget is not None and self.flow == "vanishes" and 0 < self.forget < 1:
            alone = math.log(0.5) / math.log(self.forget)
            sentence += (
                f" Its forget gate is {self.forget:.2f} on average, which alone would halve the "
                f"gradient every {alone:.3g} steps."
            )
        return sentence

    def record(self) -> dict[str, object]:
        """The numbers as metrics.jsonl keeps them."""
        halving = halving_distance(self.norms)
        norms = self.norms[:NORMS_KEPT]
        return {
            "norms": [float(f"{n:.3e}") if math.isfinite(n) else None for n in norms],
            "steps": len(self.norms),
            "halves_every": None if halving is None or math.isinf(halving) else round(halving, 4),
            "left": self.left if self.left is None or math.isfinite(self.left) else None,
            "steps_back": self.far,
            "flow": self.flow,
            "forget_gate": self.forget,
        }


def monitor_gradients(
    objective: Objective, batch: TrainingBatch, state: State | None
) -> list[LayerGradient]:
    """Follow a gradient back through every recurrent layer; nothing random of training is touched.

    Args:
        objective: whose network is monitored.
        batch: what the network reads.
        state: carried into the batch; None: zeros.

    Returns:
        What is left of the gradient, one entry per layer and direction; layers whose sequences have
        one step, or through which nothing flows, are absent.
    """
    model, was_training = objective.model, objective.model.training
    devices = [objective.device] if objective.device.type == "cuda" else []
    # torch's kernels show no steps
    backend = "loop" if requested_backend(None) == "torch" else "auto"
    model.eval()
    try:
        with torch.random.fork_rng(devices), torch.enable_grad(), recorded(model, backend) as calls:
            batch.loss(state)
    finally:
        model.train(was_training)
    gradients: list[LayerGradient] = []
    seen: set[str] = set()
    for call in calls:
        if call.name not in seen and len(call.x) > 1:
            seen.add(call.name)
            gradients += layer_gradients(call)
    return gradients


def changed_flows(
    layers: list[LayerGradient], flows: dict[str, str], model: nn.Module, clip_norm: float | None
) -> list[str]:
    """Sentences on the layers whose gradients flow in another way than last time.

    Args:
        layers: as `monitor_gradients` found them.
        flows: how they flowed last time, by layer; they become those of this time.
        model: whose initialisation is told.
        clip_norm: of the training.
    """
    start, messages = initialisation_in_words(model), []
    for layer in layers:
        if flows.get(layer.name) != layer.flow:
            messages.append(layer.sentence(start, clip_norm))
        flows[layer.name] = layer.flow
    return messages


def layer_gradients(call: RecordedCall) -> list[LayerGradient]:
    """Put noise in at the end of one layer, and take what arrives at its top cells' states."""
    weights = [p for p in call.layer.parameters() if p.requires_grad]
    if not call.output.requires_grad or not weights:
        return []
    D, lengths = call.layer.directions, call.alive.sum(0)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(call.output.shape[1:], generator=generator).to(call.output)
    at_output = torch.zeros_like(call.output)
    rows = torch.arange(len(lengths), device=noise.device)
    width = noise.shape[1] // D
    at_output[(lengths - 1).clamp(min=0), rows, :width] = noise[:, :width]
    if D == 2:  # the other direction ends at the first step
        at_output[0, :, width:] = noise[:, width:]
    torch.autograd.grad(call.output, weights, at_output, allow_unused=True)
    parts = call.parts()[-D:]  # lower layers get what the upper ones hand down
    entries = []
    for direction, (name, cell, record) in enumerate(parts):
        gradients = list(record.gradients.values())
        if gradients:
            gate = record.values.get("forget_gate")
            forget = None if gate is None else float(gate[call.alive].mean())
            norms = norms_back(gradients, lengths, reverse=direction == 1)
            entries.append(LayerGradient(name, type(cell).__name__, norms, forget))
    return entries


def norms_back(gradients: list[Tensor], lengths: Tensor, reverse: bool) -> list[float]:
    """The norm over all fields [T, B, ...] by steps back from each sequence's own end."""
    squares = sum(g.double().flatten(2).square().sum(2) for g in gradients)  # [T, B]
    norms = []
    for k in range(int(lengths.max())):
        rows = (lengths > k).nonzero()[:, 0]
        at = torch.full_like(rows, k) if reverse else lengths[rows] - 1 - k
        norms.append(float(squares[at, rows].mean().sqrt()))  # type: ignore[index]
    return norms
