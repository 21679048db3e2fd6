"""How far the gradient goes back in a trained language model, layer by layer.

T time, B batch, V vocabulary.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from unroll.cells import State, map_state
from unroll.data.corpus import read_text
from unroll.data.encoded import Encoded
from unroll.data.table import find_columns
from unroll.data.text import text_source
from unroll.engine import Recording
from unroll.errors import UserError
from unroll.inspect.flow import flow_of
from unroll.inspect.gradients import Gradients
from unroll.inspect.trajectory import Trajectory, along, asking
from unroll.inspect.truncation import in_a_row
from unroll.models.language import LanguageModel
from unroll.run import LanguageRun, Run

LENGTH = 100  # steps followed back, where nothing else is said
WARM_UP = 256  # tokens read before them, so that the state is one that the model knows


def gradients_of_run(
    run: Run, data: str | Path, *, length: int | None = None, batch: int = 8
) -> Gradients:
    """Follow the gradient of the last token's loss back through every layer, in float64.

    When to use it: to see how far back a trained model can learn from, and what its block length
    throws away. The run is not changed.

    data: a text. length: T, how many steps are followed; None: 100, or of a run on lines what its
    lines have. batch: B places of the text, evenly spaced; of lines, the longest.
    Raises: UserError for a run of another task and a text that is too short.
    """
    if not isinstance(run, LanguageRun):
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}; gradients are followed in language "
            "models. For its cell alone: unroll inspect gradients --cells "
            f"{run.settings.cell}"
        )
    if length is not None and length < 2:
        raise UserError(f"--length got {length}; expected at least 2 steps, to go back over one.")
    if batch < 1:
        raise UserError(f"--batch got {batch}; expected at least 1.")
    found = windows(read(run, str(data)), length, batch, str(data))
    model = copy.deepcopy(run.model).to("cpu", torch.float64).eval()
    network = Network(model, found)
    records = [Recording() for _ in model.stack]
    logits, inputs = network.forward(found.x, network.start, records)
    cross_entropy(logits, found.y, reduction="sum").backward()
    flows = []
    trajectories = network.trajectories(inputs, records)

    @cache
    def weight_gradients(window: int) -> list[Tensor]:
        first = found.steps - window
        states = [map_state(lambda s: s[None], t.before(first)) for t in trajectories]
        logits, _ = network.forward(found.x[first:], states)
        loss = cross_entropy(logits, found.y, reduction="sum")
        weights = [list(layer.parameters()) for layer in model.stack]
        flat = in_a_row(loss, [w for some in weights for w in some], torch.ones_like(loss))
        return list(flat.split([sum(w.numel() for w in some) for some in weights]))

    for k, (trajectory, record) in enumerate(zip(trajectories, records, strict=True)):
        name = f"layer {k + 1}" if len(records) > 1 else run.settings.cell
        flows.append(
            flow_of(
                name,
                trajectory,
                record,
                start=f"trained, {model.initialised}",
                weight_gradient=lambda window, k=k: weight_gradients(window)[k],  # type: ignore[misc]
            )
        )
    conditions = {
        "run": str(run.path),
        "data": str(data),
        "length": found.steps,
        "batch": found.x.shape[1],
        "warm_up": len(found.before),
        "at_the_loss": "the cross-entropy of the last token",
    }
    title = (
        f"Gradients of {run.path.name}: the loss of one token, followed {found.steps} steps back"
    )
    return Gradients(title, conditions, tuple(flows))


@dataclass(frozen=True)
class Windows:
    """before: ids that are only read [W, B]. x: ids [T, B]. y: the token after the last, [B].
    category: [B] or None."""

    before: Tensor
    x: Tensor
    y: Tensor
    category: Tensor | None

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)


class Network:
    """A language model layer by layer, so that each can be recorded."""

    def __init__(self, model: LanguageModel, found: Windows) -> None:
        self.model, self.category = model, found.category
        initial = list(model.initial_state(found.x.shape[1]))
        with torch.no_grad():
            self.start = self.read(found.before, initial) if len(found.before) else initial
        self.start = [asking(state) for state in self.start]

    def read(self, x: Tensor, states: list[State]) -> list[State]:
        """The states after these ids."""
        _, after = self.model(x, tuple(states), category=self.category)
        return list(after)

    def forward(
        self, x: Tensor, states: list[State], records: list[Recording] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits [B, V] after the last of the ids [T, B], and what each layer read."""
        h, inputs = self.model._embed(x, self.category), []
        for k, layer in enumerate(self.model.stack):
            inputs.append(h)
            records_of = None if records is None else [records[k]]
            h, _ = layer(h, states[k], records=records_of, backend="loop")
        return linear(h[-1], self.model._softmax_weight(), self.model.bias), inputs

    def trajectories(self, inputs: list[Tensor], records: list[Recording]) -> list[Trajectory]:
        """The way of every layer's one cell."""
        return [
            along(layer.cells[0], x, map_state(lambda s: s[0], start), record)  # type: ignore[index, arg-type]
            for layer, x, start, record in zip(
                self.model.stack, inputs, self.start, records, strict=True
            )
        ]


def read(run: LanguageRun, path: str) -> Encoded:
    """The text in the run's vocabulary."""
    settings = run.settings
    source, columns = text_source(path, settings.text or "text"), None
    if settings.condition is not None:
        columns = find_columns(source, settings.condition, settings.text)
    return read_text(
        source,
        run.vocabulary,
        columns=columns,
        per_line=settings.per_line,
        categories=run.categories,
    )


def windows(encoded: Encoded, length: int | None, batch: int, name: str) -> Windows:
    """Where the losses stand, and what comes before each.

    Raises: UserError where the text is shorter than the steps that were asked for.
    """
    if encoded.starts is not None:
        return windows_of_lines(encoded, length, batch, name)
    N, T = encoded.tokens, LENGTH if length is None else length
    if T > N and length is None and N >= 2:
        T = N
    if T > N:
        raise UserError(
            f"{name} has {N} tokens, and --length asks for {T} before the loss. Give a longer text, "
            f"or --length {max(2, N)}."
        )
    warm = min(WARM_UP, N - T)
    B = max(1, min(batch, (N - warm) // T))
    starts = warm + np.linspace(0, N - T - warm, B).round().astype(int)
    ids = encoded.ids[starts[None, :] + np.arange(-warm, T + 1)[:, None]].astype(np.int64)
    tokens = torch.from_numpy(ids)
    return Windows(tokens[:warm], tokens[warm:-1], tokens[-1], None)


def windows_of_lines(encoded: Encoded, length: int | None, batch: int, name: str) -> Windows:
    """The beginnings of the longest lines, each with the token that follows."""
    starts = np.asarray(encoded.starts)
    lengths = np.diff(np.append(starts, len(encoded.ids) - 1))
    order = np.argsort(-lengths, kind="stable")[:batch]
    T = min(LENGTH, int(lengths[order[-1]])) if length is None else length
    order = order[lengths[order] >= T]
    if not len(order) or T < 2:
        raise UserError(
            f"The longest line of {name} has {int(lengths.max())} tokens; --length {T} steps are to "
            "be followed in it. Give longer lines, or a smaller --length of at least 2."
        )
    ids = encoded.ids[starts[order][None, :] + np.arange(T + 1)[:, None]].astype(np.int64)
    tokens, category = torch.from_numpy(ids), None
    if encoded.categories is not None:
        category = torch.from_numpy(np.asarray(encoded.categories)[order].astype(np.int64))
    return Windows(tokens[:0], tokens[:-1], tokens[-1], category)
