"""Looking inside: where gradients go, and how far.

Each name is loaded when it is first used, so that the command line's help costs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

PUBLIC = {
    "Flow": "unroll.inspect.flow",
    "Gradients": "unroll.inspect.gradients",
    "Trajectory": "unroll.inspect.trajectory",
    "gradients_of_cells": "unroll.inspect.experiment",
    "gradients_of_run": "unroll.inspect.of_run",
    "halving_distance": "unroll.training.halving",
    "jacobians": "unroll.inspect.jacobian",
    "largest_singular_values": "unroll.inspect.jacobian",
    "lyapunov_exponents": "unroll.inspect.lyapunov",
    "truncation_errors": "unroll.inspect.truncation",
}

__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'unroll.inspect' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


if TYPE_CHECKING:
    from unroll.inspect.experiment import gradients_of_cells as gradients_of_cells
    from unroll.inspect.flow import Flow as Flow
    from unroll.inspect.gradients import Gradients as Gradients
    from unroll.training.halving import halving_distance as halving_distance
    from unroll.inspect.jacobian import jacobians as jacobians
    from unroll.inspect.jacobian import largest_singular_values as largest_singular_values
    from unroll.inspect.lyapunov import lyapunov_exponents as lyapunov_exponents
    from unroll.inspect.of_run import gradients_of_run as gradients_of_run
    from unroll.inspect.trajectory import Trajectory as Trajectory
    from unroll.inspect.truncation import truncation_errors as truncation_errors
