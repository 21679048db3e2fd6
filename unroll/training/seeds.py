"""The networks of a run of several seeds: which one is kept, and how they compare."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from unroll.counting import counted
from unroll.settings import TrainingSettings
from unroll.training.progress import TrainedNetwork, TrainingProgress, is_better

SEEDS = 1 << 32  # as many as there are; after the last one comes 0
SHARES = ("accuracy", "f1")  # metrics that people read in percent


def seed_of(settings: TrainingSettings, number: int) -> int:
    """The seed of network `number` of a run, from 0.

    Examples:
        >>> from unroll.settings import TrainingSettings
        >>> [seed_of(TrainingSettings(seed=5, seeds=3), number) for number in range(3)]
        [5, 6, 7]
    """
    return (settings.seed + number) % SEEDS


def seed_in_words(settings: TrainingSettings, number: int) -> str:
    """ " of seed 6" in a run of several networks, else nothing."""
    return f" of seed {seed_of(settings, number)}" if settings.seeds > 1 else ""


def all_networks(settings: TrainingSettings, progress: TrainingProgress) -> list[TrainedNetwork]:
    """The networks of a run, that which was trained last as it is now."""
    return [*progress.networks, progress.network(seed_of(settings, len(progress.networks)))]


def kept_network(networks: list[TrainedNetwork]) -> TrainedNetwork:
    """The network whose weights are kept: the first of the best ones, or the last where none is finite."""
    kept = None
    for network in networks:
        if network.best is None:
            continue
        if kept is None or is_better(network.best, network.best_loss, kept.best, kept.best_loss):
            kept = network
    return networks[-1] if kept is None else kept


def network_records(networks: list[TrainedNetwork]) -> list[dict[str, object]]:
    """The networks as result.json has them, with the metrics of their best weights."""
    kept = kept_network(networks)
    return [
        {
            "seed": network.seed,
            "steps": network.steps,
            "best_step": network.best_step,
            "kept": network is kept,
            "validation": network.metrics,
        }
        for network in networks
    ]


def describe_networks(networks: list[TrainedNetwork], names: Sequence[str], asked: int) -> str:
    """How the networks compare, in a sentence.

    Args:
        networks: of the run.
        names: of metrics: the first one that the kept network has is told.
        asked: how many networks there should be.
    """
    kept = kept_network(networks)
    told = next((name for name in names if name in kept.metrics), "loss")
    values = [network.metrics[told] for network in networks if told in network.metrics]
    seeds = counted(asked, "seed")
    if len(values) < asked:
        seeds = f"{len(values)} of {seeds}"
    if not values:
        return f"No network of {seeds} has a validation metric that is a number."
    scale, digits, unit = (100, 1, " %") if told in SHARES else (1, 4, "")
    shown = ", ".join(f"{scale * value:.{digits}f}" for value in values)
    mean = f"{scale * statistics.fmean(values):.{digits}f}"
    spread = f"{scale * statistics.stdev(values):.{digits}f}" if len(values) > 1 else "unknown"
    name = told.replace("_", " ").replace("f1", "F1")
    return (
        f"Validation {name} of {seeds}: {shown}{unit}, mean {mean}, standard deviation {spread}; "
        f"seed {kept.seed} is kept."
    )
