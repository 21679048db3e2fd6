"""White noise put in at the last output of every layer of any run, and followed back through it.

The noise stands for the gradient that a loss at the last step would send into the layer. How much of
it remains k steps back depends on that layer alone, not on the layers above it or on the task.

T time, B batch, I input, H hidden.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor

from unroll.cells import Cell, State, map_state
from unroll.engine import unroll
from unroll.errors import UserError
from unroll.inspect.cell_gradients import measure_cell
from unroll.inspect.flow import Flow
from unroll.inspect.gradients import Gradients
from unroll.inspect.recorded_batches import data_objective, recorded_batches
from unroll.layers.recorded import RecordedCall, part_names
from unroll.models.initialisation import initialisation_in_words
from unroll.run import Run

LENGTH = 100  # steps followed back at most, by default


def noise_gradients(
    run: Run, data: str | Path, *, length: int | None, batch: int, seed: int
) -> Gradients:
    """Follow noise back through every layer and direction of a run, in float64.

    Args:
        run: a trained run, which is not changed.
        data: of the kind that it was trained on; its first batch is used.
        length: T. Default: 100, or the length of shorter sequences.
        batch: B, the longest sequences of the first batch.
        seed: of the noise.

    Raises:
        UserError: for data that the run cannot read, and sequences that are too short.
    """
    calls = longest_calls(next(recorded_batches(data_objective(run, data))))
    flows: list[Flow] = []
    for call in calls:
        flows += layer_flows(call, length, batch, seed, initialisation_in_words(run.model))
    if not flows:
        longest = max(int(call.alive.sum(0).max()) for call in calls)
        raise UserError(
            f"The sequences of {data} have at most {longest} steps, and --length is {length or 2}. "
            "Give longer sequences, or a smaller --length of at least 2."
        )
    conditions = {
        "run": str(run.path),
        "data": str(data),
        "length": max(flow.steps for flow in flows),
        "batch": batch,
        "seed": seed,
        "at_the_loss": "white noise at the last output of every layer",
    }
    title = f"Gradients of {run.path.name}: white noise put in at the end of each layer"
    return Gradients(title, conditions, tuple(flows))


def longest_calls(calls: list[RecordedCall]) -> list[RecordedCall]:
    """The longest call of each layer: a decoder may be called once per step."""
    longest: dict[str, RecordedCall] = {}
    for call in calls:
        if call.name not in longest or len(call.x) > len(longest[call.name].x):
            longest[call.name] = call
    return list(longest.values())


def layer_flows(
    call: RecordedCall, length: int | None, batch: int, seed: int, initialised: str
) -> list[Flow]:
    """The flow of every cell of a layer; none where its sequences are too short.

    Args:
        call: of the layer.
        length: T. Default: 100, or the length of shorter sequences.
        batch: B.
        seed: of the noise.
        initialised: how the weights were initialised, in words; may be empty.
    """
    lengths = call.alive.sum(0).cpu()
    rows = lengths.argsort(descending=True, stable=True)[:batch]
    T = min(LENGTH, int(lengths[rows[-1]])) if length is None else length
    rows = rows[lengths[rows] >= T]
    if T < 2 or not len(rows):
        return []
    x = call.x[:T, rows].detach().cpu().double()
    generator, flows = torch.Generator().manual_seed(seed), []
    start = f"trained, {initialised}" if initialised else "trained"
    names = iter(part_names(call.name, call.layer))
    for layer, directions in enumerate(call.layer.parts()):
        outputs: list[Tensor] = []
        for direction, part in enumerate(directions):
            cell = copy.deepcopy(part.cell).cpu().double().eval()
            initial = initial_state(call, cell, layer * len(directions) + direction, rows)
            inputs = x.flip(0) if direction else x  # each direction from its own end
            with torch.no_grad():
                output, _ = unroll(cell, inputs, initial, backend="loop")
            outputs.append(output.flip(0) if direction else output)
            shape = (len(rows), cell.output_size)
            noise = torch.randn(shape, generator=generator, dtype=x.dtype)
            flows.append(
                measure_cell(next(names), cell, start, inputs, noise, True, initial=initial)
            )
        x = torch.cat(outputs, -1)
    return flows


def initial_state(call: RecordedCall, cell: Cell, part: int, rows: Tensor) -> State:
    """The state in which some sequences of a call begin, in float64.

    Args:
        call: of the layer.
        cell: of the part, in float64.
        part: the place among layers and directions.
        rows: the sequences, [B].
    """
    zero = cell.initial_state(len(rows), dtype=torch.float64)
    if call.state is None:
        return zero
    given = map_state(lambda s: s[part, rows].detach().cpu(), call.state)
    return map_state(lambda s, own: s.to(own), given, zero)
