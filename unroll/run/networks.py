"""The networks of a run: each is drawn from its own seed, all are trained on the same data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.tasks.base import MakeCell
from unroll.training.loop import Trainer
from unroll.training.objective import Objective
from unroll.training.seeds import seed_of

if TYPE_CHECKING:
    from unroll.tasks import AnyTask


def network_maker(
    task: AnyTask,
    read: Any,
    settings: RecurrentSettings,
    make_cell: MakeCell,
    device: torch.device,
) -> Callable[[int], Objective]:
    """What makes the objective of network number k of a run, from 0.

    Weights, batches and noise follow from that network's seed; the data, its split and the simple model
    are those of the run.

    Args:
        task: of the run.
        read: the training set and the validation set.
        settings: of the run, resolved.
        make_cell: makes the cells.
        device: where the networks are.
    """

    def make(number: int) -> Objective:
        own = settings.model_copy(update={"seed": seed_of(settings, number)})
        torch.manual_seed(own.seed)
        network = task.network(own, read.preprocessor, make_cell).to(device)
        objective = task.objective(network, read, own, device)
        torch.manual_seed(own.seed)
        return objective

    return make


def check_same_budget(
    trainer: Trainer, recorded: RecurrentSettings, values: Mapping[str, object]
) -> None:
    """Networks of several seeds are compared after the same budget.

    Args:
        trainer: resumed.
        recorded: the settings that the run had.
        values: the given settings by name.

    Raises:
        UserError: where some of the networks of a run would be trained longer than others.
    """
    settings, progress, out = trainer.settings, trainer.progress, trainer.folder.path
    if settings.seeds == 1:
        return
    changed = (settings.steps, settings.epochs) != (recorded.steps, recorded.epochs)
    repeated = not changed and ("steps" in values or "epochs" in values)
    if progress.finished and (out / "result.json").exists() and not repeated:
        raise UserError(
            f"{out} has trained its networks of {settings.seeds} seeds to the end and kept the best one, "
            "so none is trained further. Start a new run by another --out."
        )
    if changed and progress.networks:
        raise UserError(
            f"{out} has networks of {settings.seeds} seeds, {len(progress.networks)} of them trained to "
            "the end with the budget of the run. Leave out --steps and --epochs, or start a new run by "
            "another --out."
        )
