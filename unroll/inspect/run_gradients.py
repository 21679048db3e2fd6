"""How far the gradient flows back in a trained language model, layer by layer.

T time, B batch, V vocabulary, W steps of warm-up.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from unroll.cells import State, map_state
from unroll.counting import counted, listed
from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.inspect.finding import network_alone
from unroll.inspect.flow import Flow, measure_flow
from unroll.inspect.gradients import Gradients
from unroll.inspect.noise_gradients import noise_gradients
from unroll.inspect.text_windows import TextWindows, read_encoded, text_windows, windows_before
from unroll.inspect.trajectory import Trajectory, recorded_trajectory, require_gradients
from unroll.inspect.truncation import flat_gradient
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.language import LanguageModel
from unroll.run import LanguageRun, Run
from unroll.terminal import shortened


def gradients_of_run(
    run: Run,
    data: str | Path,
    *,
    length: int | None = None,
    batch: int = 8,
    noise: bool = False,
    seed: int = 1,
    at: str | None = None,
) -> Gradients:
    """Follow the gradient back through every layer of a run, in float64.

    When to use it: to see how far back a trained model can learn from, and how large the error of
    its block length is. The run is not changed.

    For a language model the loss of one token is followed back through all layers. For any other
    task, and with `noise`, white noise is put in at the last output of every layer, and followed
    through that layer alone.

    Args:
        run: a trained run.
        data: a file of the kind that it was trained on.
        length: T, steps that are followed. Default: 100, or the length of shorter sequences.
        batch: B: places of a text, evenly spaced; of lines and sequences, the longest.
        noise: put white noise in at the last output of every layer.
        seed: of the noise.
        at: a token of the text, whose loss is taken at its last occurrences. Default: whatever token
            stands at the end of each place. Of a language model alone.

    Raises:
        UserError: for data that the run cannot read, or that is too short, and a token that it lacks.
    """
    if length is not None and length < 2:
        raise UserError(f"--length got {length}; expected at least 2.")
    if batch < 1:
        raise UserError(f"--batch got {batch}; expected at least 1.")
    if noise or not isinstance(run, LanguageRun):
        if at is not None:
            raise UserError(
                f"--at over DATA is for the loss of a language model, and {run.path} "
                f"{'gets noise' if noise else 'is of the task ' + run.task_name}. Give --text TEXT in place "
                "of DATA, without --noise."
            )
        return noise_gradients(run, data, length=length, batch=batch, seed=seed)
    encoded = read_encoded(run, str(data))
    if at is None:
        windows = text_windows(encoded, length, batch, str(data))
    else:
        token = chosen_token(run, at)
        windows = windows_before(encoded, token, length, batch, f"{data} before {at!r}")
    conditions = {
        "run": str(run.path),
        "data": str(data),
        "length": windows.steps,
        "batch": windows.x.shape[1],
        "warm_up": len(windows.before),
        "at_the_loss": f"the cross-entropy of {'the last token' if at is None else repr(at)}",
        **network_alone(run),
    }
    loss = "one token" if at is None else repr(at)
    title = f"Gradients of {run.path.name}: the loss of {loss}, followed {windows.steps} steps back"
    model = copy.deepcopy(run.model).to("cpu", torch.float64).eval()
    flows = tuple(token_loss_flows(model, windows, run.settings.cell))
    tokens = listed(sorted({repr(run.vocabulary.name(int(k))) for k in windows.y}))
    taken = (
        f"The loss is that of {at!r} at its last {counted(windows.x.shape[1], 'occurrence')}."
        if at is not None
        else f"The loss is that of the token after each place ({tokens}), whether or "
        "not it depends on what is far back; --at TOKEN takes that of one that does."
    )
    return Gradients(title, conditions, flows, taken)


def chosen_token(run: LanguageRun, at: str) -> int:
    """The id of one token.

    Raises:
        UserError: where the run has no such token.
    """
    ids = run.vocabulary.encode(at).tolist()
    if len(ids) != 1 or ids[0] == UNKNOWN:
        raise UserError(
            f"--at got {shortened(repr(at), 40)}, which is no single token of the run. Give a token as the run "
            "reads it, or --text TEXT in place of DATA, where a word of several tokens can be chosen."
        )
    return int(ids[0])


def token_loss_flows(model: LanguageModel, windows: TextWindows, cell: str) -> list[Flow]:
    """The flow of every layer of a language model from the loss of the last token.

    Args:
        model: in float64 and eval mode; its gradients are changed.
        windows: of a text.
        cell: the name of the flow where there is one layer.
    """
    start = warmed_up_states(model, windows)
    forward = record_forward(model, windows, start)
    cross_entropy(forward.logits, windows.y, reduction="sum").backward()
    trajectories = [
        recorded_trajectory(
            call.layer.cells[0],  # type: ignore[arg-type]
            call.x,
            map_state(lambda s: s[0], state),
            call.records[0],
        )
        for call, state in zip(forward.layers, start, strict=True)
    ]

    @cache
    def weight_gradients(window: int) -> list[Tensor]:
        return layer_weight_gradients(model, windows, trajectories, window)

    return [
        measure_flow(
            f"layer {k + 1}" if len(trajectories) > 1 else cell,
            trajectory,
            call.records[0],
            start=f"trained, {model.initialised}",
            weight_gradient=lambda window, k=k: weight_gradients(window)[k],  # type: ignore[misc]
        )
        for k, (trajectory, call) in enumerate(zip(trajectories, forward.layers, strict=True))
    ]


class RecordedForward(NamedTuple):
    """One recorded pass through a language model.

    Attributes:
        logits: after the last token, [B, V].
        layers: the call of each layer.
    """

    logits: Tensor
    layers: list[RecordedCall]


def warmed_up_states(model: LanguageModel, windows: TextWindows) -> list[State]:
    """The state of each layer after the warm-up, requiring gradients."""
    state = model.initial_state(windows.x.shape[1])
    if len(windows.before):
        with torch.no_grad():
            _, state = model(windows.before, state, category=windows.category)
    return [require_gradients(layer_state) for layer_state in state]


def record_forward(
    model: LanguageModel, windows: TextWindows, states: list[State]
) -> RecordedForward:
    """Run the model over the windows with every layer recorded. states: one per layer."""
    with recorded(model) as calls:
        logits, _ = model(windows.x, tuple(states), category=windows.category)
    return RecordedForward(logits[-1], calls)


def layer_weight_gradients(
    model: LanguageModel, windows: TextWindows, trajectories: Sequence[Trajectory], window: int
) -> list[Tensor]:
    """The gradient of the weights of each layer through a truncation window, as vectors.

    Args:
        model: a language model.
        windows: of a text.
        trajectories: one per layer.
        window: in steps; what came before it counts as a constant.
    """
    first = windows.steps - window
    states = [map_state(lambda s: s[None], t.state_before(first)) for t in trajectories]
    logits, _ = model(windows.x[first:], tuple(states), category=windows.category)
    loss = cross_entropy(logits[-1], windows.y, reduction="sum")
    weights = [list(layer.parameters()) for layer in model.stack]
    flat = flat_gradient(loss, [w for layer in weights for w in layer], torch.ones_like(loss))
    return list(flat.split([sum(w.numel() for w in layer) for layer in weights]))
