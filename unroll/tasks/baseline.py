"""The fitted baselines of a run: arrays in one file of the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load

from unroll.training.checkpoint import pack
from unroll.training.folder import damaged_baseline, read_baseline

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
    content = read_baseline(folder, FILE)
    try:
        return dict(load(content))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise damaged_baseline(f"{folder / FILE} ({str(error)[:80]})") from error
