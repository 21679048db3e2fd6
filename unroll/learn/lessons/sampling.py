"""What is computed in the lesson on sampling."""

from __future__ import annotations

from pathlib import Path

from unroll.learn.exercise import Code, Exercise, Number, OneOf
from unroll.learn.lessons.language_models import files as files

TWO, FOUR = (0.8, 0.2), (0.5, 0.3, 0.15, 0.05)


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    kept = sum(p > 0 for p in drawn(FOUR, top_p=0.7))
    cases = [([0.8, 0.2], 0.5), ([0.5, 0.3, 0.2], 2.0), ([0.25] * 4, 0.1)]
    return [
        Number(drawn(TWO, temperature=0.5)[0], within=0.006),
        OneOf(a=kept == 1, b=kept == 2, c=kept == 3),
        Code("with_temperature", with_temperature, cases),
    ]


def drawn(probabilities: tuple[float, ...], **sampling: float) -> list[float]:
    """The probabilities from which a token is drawn, by what `unroll generate` uses."""
    import torch

    from unroll.models.sampling import distribution

    found: list[float] = distribution(torch.tensor([probabilities]).log(), **sampling)[0].tolist()  # type: ignore[arg-type]
    return found


def with_temperature(probabilities: list[float], temperature: float) -> list[float]:
    """Every probability to the power 1 / temperature, divided by their sum."""
    raised = [p ** (1 / temperature) for p in probabilities]
    return [p / sum(raised) for p in raised]
