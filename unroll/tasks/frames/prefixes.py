"""What a run says of a clip when it has seen only its first frames.

K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from unroll.tasks.frames.floor import clip_columns
from unroll.tasks.frames.probabilities import TrainedFrames, combine_with_floor


@torch.no_grad()
def prefix_probabilities(
    trained: TrainedFrames, values: np.ndarray, lengths: Sequence[int]
) -> np.ndarray:
    """The probabilities of a clip's classes after its first frames.

    After all frames they are those of the prediction.

    Args:
        trained: the model, of one label for each clip.
        values: what it reads of the clip: frames [T, C, H, W], or numbers [T, F].
        lengths: after how many frames, each at least 1.

    Returns:
        [len(lengths), K].
    """
    network, found = trained.model.eval(), []
    floor, shares = trained.preprocessor.floor, network.shares
    for length in lengths:
        part = np.ascontiguousarray(values[:length])
        x, count = torch.from_numpy(part).to(trained.device), torch.tensor([length])
        p = network(x, count.to(trained.device)).softmax(-1).double().cpu().numpy()
        if floor is not None and shares is not None:
            p = combine_with_floor(p, floor.scores(clip_columns(part), count.numpy()), shares)
        found.append(p[0])
    return np.stack(found)
