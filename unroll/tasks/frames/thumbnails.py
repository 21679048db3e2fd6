"""Frames at a small size, which baselines and simple models read."""

from __future__ import annotations

import numpy as np
import torch

THUMBNAIL = 8  # pixels of a side of a thumbnail


def make_thumbnails(values: np.ndarray) -> np.ndarray:
    """Frames at a size of at most 8 x 8, uint8 [T, C*h*w]; numbers [T, F] as they are."""
    if values.ndim == 2:
        return values
    sides = (min(THUMBNAIL, values.shape[2]), min(THUMBNAIL, values.shape[3]))
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(values).float(), sides)
    return pooled.round().to(torch.uint8).flatten(1).numpy()
