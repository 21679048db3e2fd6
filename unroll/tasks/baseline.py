"""The fitted baselines of a run: arrays in one file of the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from unroll.models.ngram import NGramModel
from unroll.training.checkpoint import pack_arrays
from unroll.training.folder import damaged_baseline, read_baseline

FILE = "baseline.safetensors"


def pack_baseline(arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The file of a run folder that holds these arrays, as `Task.baseline_files` returns it."""
    return {FILE: pack_arrays(arrays)}


def load_baseline(
    folder: Path, shapes: Mapping[str, tuple[int | None, ...]] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of a run folder's baselines.

    Args:
        folder: the run folder.
        shapes: that arrays have to have, by name; None: any size.

    Raises:
        UserError: where the file is damaged.
    """
    content = read_baseline(folder, FILE)
    try:
        arrays = dict(load(content))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise damaged_baseline(f"{folder / FILE} ({str(error)[:80]})") from error
    for name, shape in (shapes or {}).items():
        found = arrays[name].shape if name in arrays else None
        fits = found is not None and len(found) == len(shape)
        if not fits or any(n not in (None, m) for n, m in zip(shape, found or (), strict=True)):
            raise damaged_baseline(f"{folder / FILE} does not hold the {name} of this run")
    return arrays


def check_shares(folder: Path, shares: np.ndarray) -> None:
    """Refuse shares of the classes that are no shares.

    Args:
        folder: the run folder.
        shares: [K].

    Raises:
        UserError: where one is not between 0 and 1.
    """
    numbers = np.issubdtype(shares.dtype, np.floating)
    if not numbers or not bool(((shares >= 0) & (shares <= 1)).all()):
        raise damaged_baseline(f"{folder / FILE} holds a share that is not between 0 and 1")


def load_ngrams(folder: Path, vocabulary_size: int, arrays: dict[str, np.ndarray]) -> NGramModel:
    """The n-gram model of a run folder's baselines.

    Args:
        folder: the run folder.
        vocabulary_size: V.
        arrays: those of the model, as `load_baseline` returns them.

    Raises:
        UserError: where they are not those of such a model.
    """
    try:
        return NGramModel.from_arrays(vocabulary_size, arrays)
    except (KeyError, ValueError) as error:
        raise damaged_baseline(f"{folder / FILE} ({error})") from error
