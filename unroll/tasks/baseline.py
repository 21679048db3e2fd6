"""The fitted baselines of a run: arrays in one file of the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline

FILE = "baseline.safetensors"


def pack_baseline(arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The file of a run folder that holds these arrays, as `Task.baseline_files` returns it."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    return {FILE: pack(tensors)}


def load_baseline(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a run folder's baselines.

    Raises:
        UserError: where the file is damaged.
    """
    check_baseline(folder, FILE)
    return dict(load_file(folder / FILE))
