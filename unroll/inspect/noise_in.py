"""White noise put in at the last output of every layer of any run, and followed back through it.

What comes in at a layer's last step is what a loss at that step would send; how much of it is left
k steps further back is the layer's own doing, whatever stands above it and whatever the task is.

T time, B batch, I input, H hidden.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor

from unroll.cells import map_state
from unroll.engine import unroll
from unroll.errors import UserError
from unroll.inspect.experiment import measure
from unroll.inspect.flow import Flow
from unroll.inspect.gradients import Gradients
from unroll.inspect.of_data import objective_of, recorded_batches
from unroll.layers.recorded import RecordedCall, part_names
from unroll.models.initialisation import initialisation_in_words
from unroll.run import Run

LENGTH = 100  # steps followed back at most, where nothing else is said


def noise_through_layers(
    run: Run, data: str | Path, *, length: int | None, batch: int, seed: int
) -> Gradients:
    """Follow noise through every layer and direction of a run over its data, in float64."""
    calls = longest(next(recorded_batches(objective_of(run, data))))
    flows: list[Flow] = []
    for call in calls:
        flows += flows_of(call, length, batch, seed, initialisation_in_words(run.model))
    if not flows:
        reach = max(int(call.alive.sum(0).max()) for call in calls)
        raise UserError(
            f"The sequences of {data} have at most {reach} steps; --length {length or 2} are to be "
            "followed. Give longer ones, or a smaller --length of at least 2."
        )
    conditions = {
        "run": str(run.path),
        "data": str(data),
        "length": max(flow.steps for flow in flows),
        "batch": batch,
        "seed": seed,
        "at_the_loss": "white noise at the last output of every layer",
    }
    title = f"Gradients of {run.path.name}: white noise put in at each layer's end, followed back"
    return Gradients(title, conditions, tuple(flows))


def longest(calls: list[RecordedCall]) -> list[RecordedCall]:
    """Of each layer its longest call: a decoder may be called a step at a time."""
    found: dict[str, RecordedCall] = {}
    for call in calls:
        if call.name not in found or len(call.x) > len(found[call.name].x):
            found[call.name] = call
    return list(found.values())


def flows_of(
    call: RecordedCall, length: int | None, batch: int, seed: int, initialised: str
) -> list[Flow]:
    """The flow of every cell of a layer; none where its sequences are too short."""
    lengths = call.alive.sum(0).cpu()
    rows = lengths.argsort(descending=True, stable=True)[:batch]
    T = min(LENGTH, int(lengths[rows[-1]])) if length is None else length
    rows = rows[lengths[rows] >= T]
    if T < 2 or not len(rows):
        return []
    x = call.x[:T, rows].detach().cpu().double()
    generator, flows = torch.Generator().manual_seed(seed), []
    names, parts = iter(part_names(call.name, call.layer)), call.layer.parts()
    for layer, row in enumerate(parts):
        outputs: list[Tensor] = []
        for direction, part in enumerate(row):
            cell = copy.deepcopy(part.cell).cpu().double().eval()
            k = layer * len(row) + direction
            initial = cell.initial_state(len(rows), dtype=x.dtype)
            if call.state is not None:
                given = map_state(lambda s, k=k: s[k, rows].detach().cpu(), call.state)
                initial = map_state(lambda s, own: s.to(own), given, initial)
            read = x.flip(0) if direction else x  # each direction from its own end
            with torch.no_grad():
                output, _ = unroll(cell, read, initial, backend="loop")
            outputs.append(output.flip(0) if direction else output)
            shape = (len(rows), cell.output_size)
            noise = torch.randn(shape, generator=generator, dtype=x.dtype)
            start = f"trained, {initialised}" if initialised else "trained"
            flows.append(measure(next(names), cell, start, read, noise, True, initial=initial))
        x = torch.cat(outputs, -1)
    return flows
