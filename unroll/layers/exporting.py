"""What the layers do for torch's exporters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

Forward = TypeVar("Forward", bound=Callable[..., Any])
POSITIONAL = 2  # the input and the state


def exportable(forward: Forward) -> Forward:
    """A layer's forward that `torch.onnx.export(layer, ..., dynamo=False)` can call.

    That exporter gives every argument that has a default by position, also those that are keywords
    only.

    Args:
        forward: a method that takes the input and the state, and keywords whose defaults are None.

    Returns:
        The same method, which while it is traced passes over further arguments that are None.
    """

    @functools.wraps(forward)
    def run(self: Any, *given: Any, **options: Any) -> Any:
        """The layer's forward."""
        if len(given) > POSITIONAL and torch.jit.is_tracing():
            while len(given) > POSITIONAL and given[-1] is None:
                given = given[:-1]
        return forward(self, *given, **options)

    return cast(Forward, run)
