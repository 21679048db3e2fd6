"""What the exporter of a task gives: a model of ONNX, and what belongs to it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MODEL, ABOUT, PROGRAM = "model.onnx", "model.json", "predict.py"  # the files of an exported run


@dataclass(frozen=True)
class RunModel:
    """The model of a run, compared with its network.

    Attributes:
        content: of model.onnx.
        about: what model.json holds: what is needed to use the model.
        difference: the largest one to the network.
        nodes: what each recurrent layer became.
        files: further files by name.
    """

    content: bytes
    about: dict[str, Any]
    difference: float
    nodes: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)


def metadata(about: Mapping[str, Any]) -> dict[str, str]:
    """What the file of ONNX says of itself: the task, and all of model.json."""
    return {"unroll.task": str(about["task"]), "unroll.about": json.dumps(about)}


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as the content of a .npz file."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()
