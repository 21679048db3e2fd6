"""What a run reports at its start, each choice with the flag that changes it."""

from __future__ import annotations

from pathlib import Path

from unroll.models.initialisation import initialisation_in_words
from unroll.settings import RecurrentSettings
from unroll.settings.training import BUDGETS
from unroll.training.objective import Objective


def describe_run(
    settings: RecurrentSettings, objective: Objective, threads: str, path: Path
) -> list[str]:
    """Sentences on the model, its training and where it runs.

    Args:
        settings: with every size and choice resolved.
        objective: its network, and whether it is solved in closed form.
        threads: how many, and why, in words.
        path: the run folder.
    """
    return [
        describe_model(settings, objective),
        describe_training(settings, objective),
        *describe_memory(settings),
        f"Runs on {settings.device}, {threads}, {settings.backend} backend, seed {settings.seed}.",
        f"Run folder: {path}",
    ]


def describe_model(settings: RecurrentSettings, objective: Objective) -> str:
    """The cell, its sizes, the number of parameters and how they were initialised."""
    parameters = sum(p.numel() for p in objective.model.parameters())
    options = f" {settings.cell_options}" if settings.cell_options else ""
    tied = " tied" if settings.ties_embedding else ""
    embedding = f", embedding {settings.embedding}{tied}" if settings.embedding else ""
    dropout = f", dropout {settings.dropout:g}" if settings.dropout is not None else ""
    start = initialisation_in_words(objective.model)
    return (
        f"Model: {settings.cell}{options} {settings.layers}x{settings.hidden} "
        f"(--cell --layers --hidden){embedding}{dropout}, {parameters:,} parameters"
        f"{f'; {start}' if start else ''}."
    )


def describe_training(settings: RecurrentSettings, objective: Objective) -> str:
    """The budget, the optimizer and its rate; or that the read-out is solved."""
    if objective.closed_form:
        return "Training: the read-out alone, in closed form (--readout gradient|ridge)."
    given = settings.model_dump(include=set(BUDGETS), exclude_none=True)
    budget = next(
        (f"{amount:g} {name}" for name, amount in given.items()),
        "300 seconds (--seconds, --steps or --epochs)",
    )
    if settings.seeds > 1:
        shared = (
            "shared by" if settings.steps is None and settings.epochs is None else "for each of"
        )
        budget += f" {shared} {settings.seeds} networks of the seeds from {settings.seed} (--seeds)"
    return (
        f"Training: {budget}, {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"{settings.schedule}, batches of {settings.batch_size}."
    )


def describe_memory(settings: RecurrentSettings) -> list[str]:
    """How the memory of backpropagation is bounded, where it is."""
    if settings.memory is not None:
        bound = (
            f"backpropagation through a layer takes at most {settings.memory} of tensors (--set "
            "memory=SIZE), beside some 30 MB of the libraries' own"
        )
    elif settings.segment_length is not None:
        length = settings.segment_length
        steps = "the square root of its length" if length == "auto" else f"{length} steps"
        bound = f"a layer keeps its state every {steps} (--set segment_length=N|auto)"
    else:
        return []
    return [f"Memory: {bound}, and computes the rest again; gradients stay exact."]
