"""How far the gradient goes back in a trained language model, layer by layer.

T time, B batch, V vocabulary.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from unroll.cells import State, map_state
from unroll.data.encoded import Encoded
from unroll.data.table import find_line_columns
from unroll.data.text import text_source
from unroll.errors import UserError
from unroll.inspect.flow import flow_of
from unroll.inspect.gradients import Gradients
from unroll.inspect.noise_in import noise_through_layers
from unroll.inspect.trajectory import along, asking
from unroll.inspect.truncation import in_a_row
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.language import LanguageModel
from unroll.run import LanguageRun, Run
from unroll.tasks.language.reader import read_text

LENGTH = 100  # steps followed back, where nothing else is said
WARM_UP = 256  # tokens read before them, so that the state is one that the model knows


def gradients_of_run(
    run: Run,
    data: str | Path,
    *,
    length: int | None = None,
    batch: int = 8,
    noise: bool = False,
    seed: int = 1,
) -> Gradients:
    """Follow the gradient back through every layer of a run, in float64.

    When to use it: to see how far back a trained model can learn from, and what its block length
    throws away. The run is not changed.

    Of a language model it is the loss of one token that is followed, back through all layers. Of
    any other task, and with `noise`, white noise is put in at the last output of every layer, and
    followed through that layer alone.

    data: a file of the kind it was trained on. length: T, how many steps are followed; None: 100,
    or what the sequences have. batch: B places of a text, evenly spaced; of lines and sequences,
    the longest. seed: of the noise.
    Raises: UserError for data that the run cannot read, or that is too short.
    """
    if length is not None and length < 2:
        raise UserError(f"--length got {length}; expected at least 2 steps, to go back over one.")
    if batch < 1:
        raise UserError(f"--batch got {batch}; expected at least 1.")
    if noise or not isinstance(run, LanguageRun):
        return noise_through_layers(run, data, length=length, batch=batch, seed=seed)
    found = windows(read(run, str(data)), length, batch, str(data))
    model = copy.deepcopy(run.model).to("cpu", torch.float64).eval()
    start = initial_states(model, found)
    calls = followed(model, found, found.x, start)
    cross_entropy(calls.logits, found.y, reduction="sum").backward()
    trajectories = [
        along(call.layer.cells[0], call.x, map_state(lambda s: s[0], state), call.records[0])  # type: ignore[arg-type]
        for call, state in zip(calls.layers, start, strict=True)
    ]

    @cache
    def weight_gradients(window: int) -> list[Tensor]:
        first = found.steps - window
        states = [map_state(lambda s: s[None], t.before(first)) for t in trajectories]
        logits, _ = model(found.x[first:], tuple(states), category=found.category)
        loss = cross_entropy(logits[-1], found.y, reduction="sum")
        weights = [list(layer.parameters()) for layer in model.stack]
        flat = in_a_row(loss, [w for some in weights for w in some], torch.ones_like(loss))
        return list(flat.split([sum(w.numel() for w in some) for some in weights]))

    flows = [
        flow_of(
            f"layer {k + 1}" if len(trajectories) > 1 else run.settings.cell,
            trajectory,
            call.records[0],
            start=f"trained, {model.initialised}",
            weight_gradient=lambda window, k=k: weight_gradients(window)[k],  # type: ignore[misc]
        )
        for k, (trajectory, call) in enumerate(zip(trajectories, calls.layers, strict=True))
    ]
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


class Followed(NamedTuple):
    """logits: [B, V] after the last token. layers: what each layer did."""

    logits: Tensor
    layers: list[RecordedCall]


def initial_states(model: LanguageModel, found: Windows) -> list[State]:
    """The layers' states where the steps begin that are followed: what was read before is read."""
    state = model.initial_state(found.x.shape[1])
    if len(found.before):
        with torch.no_grad():
            _, state = model(found.before, state, category=found.category)
    return [asking(one) for one in state]


def followed(model: LanguageModel, found: Windows, x: Tensor, states: list[State]) -> Followed:
    """Read ids [T, B], every layer recorded."""
    with recorded(model) as calls:
        logits, _ = model(x, tuple(states), category=found.category)
    return Followed(logits[-1], calls)


def read(run: LanguageRun, path: str) -> Encoded:
    """The text in the run's vocabulary."""
    settings = run.settings
    source, columns = text_source(path, settings.text or "text"), None
    if settings.condition is not None:
        columns = find_line_columns(source, settings.condition, settings.text)
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
