"""The metrics of a model beside those of its baselines, as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def comparison_table(
    model: T, baselines: Mapping[str, T], format_metrics: Callable[[T], str]
) -> list[str]:
    """One line for the model and one for each baseline, their names padded to one width.

    When to use it: in the `summarise` of a task.

    Args:
        model: metrics of the model.
        baselines: metrics of each baseline, by its name.
        format_metrics: writes the metrics of one line.

    Returns:
        The lines, each indented by two spaces.

    Examples:
        >>> from unroll.tasks.comparison import comparison_table
        >>> comparison_table({"loss": 1.0}, {"uniform": {"loss": 2.5}}, lambda m: f"{m['loss']:.1f}")
        ['  this model  1.0', '  uniform     2.5']
    """
    rows = {"this model": model, **baselines}
    width = max(map(len, rows))
    return [f"  {name:{width}}  {format_metrics(metrics)}" for name, metrics in rows.items()]
