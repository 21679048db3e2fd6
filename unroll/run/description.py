"""What a run says at its start, each choice with the flag that changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from unroll.settings import RecurrentSettings

BUDGETS = ("seconds", "steps", "epochs")


def header(settings: RecurrentSettings, network: nn.Module, threads: str, path: Path) -> list[str]:
    """The model, its training and where it runs, each choice with the flag that changes it."""
    parameters = sum(p.numel() for p in network.parameters())
    budget = next(
        (f"{getattr(settings, n):g} {n}" for n in BUDGETS if getattr(settings, n) is not None),
        "300 seconds (--seconds, --steps or --epochs)",
    )
    options = f" {settings.cell_options}" if settings.cell_options else ""
    tied = " tied" if getattr(settings, "tie", False) else ""
    embedding = f", embedding {settings.embedding}{tied}" if settings.embedding else ""
    dropout = f", dropout {settings.dropout:g}" if settings.dropout is not None else ""
    training = (
        f"{budget}, {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"{settings.schedule}, batches of {settings.batch_size}"
    )
    if getattr(settings, "readout", "gradient") == "ridge":
        training = "none but the read-out, in closed form (--readout gradient|ridge)"
    initialised = getattr(network, "initialised", "")
    return [
        f"Model: {settings.cell}{options} {settings.layers}x{settings.hidden} "
        f"(--cell --layers --hidden){embedding}{dropout}, {parameters:,} parameters"
        f"{f'; {initialised}' if initialised else ''}.",
        f"Training: {training}.",
        *bound_in_words(settings),
        f"Runs on {settings.device}, {threads}, {settings.backend} backend, seed {settings.seed}.",
        f"Run folder: {path}",
    ]


def bound_in_words(settings: RecurrentSettings) -> list[str]:
    """How the memory of backpropagation is bounded, where it is."""
    if settings.memory is not None:
        kept = f"each layer's backpropagation takes at most {settings.memory} of tensors (--set "
        kept += "memory=SIZE), beside some 30 MB of the libraries' own"
    elif settings.segment_length is not None:
        length = settings.segment_length
        steps = "the square root of its length" if length == "auto" else f"{length} steps"
        kept = f"a layer keeps its state every {steps} (--set segment_length=N|auto)"
    else:
        return []
    return [f"Memory: {kept}, and computes the rest again; gradients stay exact."]


def facts_in_words(found: dict[str, Any]) -> list[str]:
    """What `unroll data check` found, a line each; of its problems a line for each sentence."""
    lines = []
    for name, value in found.items():
        if name == "problems" and isinstance(value, list) and value:
            lines += ["problems:", *(f"  {sentence}" for sentence in value)]
        else:
            lines.append(f"{name.replace('_', ' ')}: {in_words(value)}")
    return lines


def in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(one)}" for name, one in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
