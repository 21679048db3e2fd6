"""The probabilities of clips: of the network, and of network and simple model together.

R records: clips, or frames; T time, K classes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import longest_first
from unroll.models.log_linear import combine_scores, fit_log_linear, scores_to_probabilities
from unroll.tasks.base import Progress, Trained
from unroll.tasks.frames.dataset import ClipDataset, make_batch
from unroll.tasks.frames.network import Framewise
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.settings import FramesSettings

TrainedFrames = Trained[FramesSettings, FramesPreprocessor, Framewise]

BATCH_SIZE = 64  # of evaluation
FLOOR_ALONE, NETWORK_ALONE = "simple model", "network"
EXPECTED = (0.5, 2.5)  # shares of network and simple model before any record is seen
SPREAD = 2.0  # how far they may be from it
SMALLEST = 1e-7  # probabilities nearer to 0 are noise of single precision


@torch.no_grad()
def predict_probabilities(
    network: Framewise,
    dataset: ClipDataset,
    device: torch.device,
    progress: Progress | None = None,
    rows: list[int] | None = None,
) -> list[np.ndarray]:
    """The probabilities of the classes of each clip, in order.

    Args:
        network: on its device; it is put in eval mode.
        dataset: the clips.
        device: of the network.
        progress: called with the share that is done.
        rows: which clips. Default: all.

    Returns:
        For each clip [1, K], or [T, K] where each frame has a label; float64.
    """
    network.eval()
    rows = list(range(len(dataset))) if rows is None else rows
    found: list[np.ndarray] = [np.zeros(0)] * len(rows)
    done = 0
    for places in longest_first(dataset.lengths[rows], BATCH_SIZE):
        batch = make_batch(dataset, [rows[k] for k in places]).to(device)
        p = network.probabilities(batch.x, batch.lengths).double().cpu().numpy()
        sizes = batch.lengths.tolist() if dataset.preprocessor.per_frame else [1] * len(places)
        for k, part in zip(places, np.split(p, np.cumsum(sizes)[:-1]), strict=True):
            found[k] = part
        done += len(places)
        if progress is not None:
            progress(done / len(rows))
    return found


def combined_probabilities(
    trained: TrainedFrames,
    dataset: ClipDataset,
    progress: Progress | None = None,
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The probabilities of network and simple model together, of each clip, in order.

    Args:
        trained: the model.
        dataset: the clips.
        progress: called with the share that is done.

    Returns:
        For each clip [1, K], or [T, K] where each frame has a label; and of each model alone, by name,
        all clips concatenated. Empty where the network is alone.
    """
    each = predict_probabilities(trained.model, dataset, trained.device, progress)
    floor, shares = trained.preprocessor.floor, trained.model.shares
    if floor is None or shares is None:
        return each, {}
    simple = floor.scores(dataset.frame_columns(), dataset.lengths)
    network = np.concatenate(each)
    both = combine_with_floor(network, simple, shares)
    sizes = [len(p) for p in each]
    alone = {NETWORK_ALONE: network, FLOOR_ALONE: scores_to_probabilities(simple, False)}
    return np.split(both, np.cumsum(sizes)[:-1]), alone


def combine_with_floor(network: np.ndarray, simple: np.ndarray, shares: Tensor) -> np.ndarray:
    """Probabilities of the network and scores of the simple model, each [R, K], as probabilities.

    Args:
        network: probabilities.
        simple: scores.
        shares: of both [2].
    """
    scores = np.stack([np.log(network.clip(SMALLEST)), simple], 1)
    return scores_to_probabilities(combine_scores(scores, shares.double().cpu().numpy()), False)


def fit_shares(
    trained: TrainedFrames,
    valid: ClipDataset,
    progress: Progress,
) -> np.ndarray | None:
    """How much network and simple model count, by the validation set [2]; None where one is alone."""
    floor = trained.preprocessor.floor
    if floor is None or not len(valid):
        return None
    each = predict_probabilities(trained.model, valid, trained.device, progress)
    simple = floor.scores(valid.frame_columns(), valid.lengths)
    scores = np.stack([np.log(np.concatenate(each).clip(SMALLEST)), simple], 1)
    return fit_log_linear(scores, valid.targets, EXPECTED, SPREAD)
