"""Fit, on the validation set, how much the network and the simple model of closed texts count."""

from __future__ import annotations

import numpy as np
import torch

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.combination import (
    NEVER,
    SPARE,
    TRUSTED,
    ClosedTexts,
    CombinationWeights,
    fit_weights,
)
from unroll.tasks.transcribe.ctc import greedy
from unroll.tasks.transcribe.decoding import TrainedTranscriber
from unroll.tasks.transcribe.outputs import network_outputs

MOST = 1000  # recordings, which are plenty for three numbers


def calibrate(
    trained: TrainedTranscriber, valid: TranscribeDataset, progress: Progress
) -> list[str] | None:
    """Fit the weights of the combination into the network; None where it has no simple model.

    Args:
        trained: the run.
        valid: the validation set.
        progress: called with the share that is done.
    """
    model = trained.preprocessor.floor
    if model is None:
        return None
    closed = ClosedTexts(model, trained.preprocessor)
    weights = fit_combination(trained, closed, valid, progress)
    kept = [weights.network, weights.floor, weights.margin]
    trained.model.combination.copy_(torch.tensor(kept))
    return [
        f"The network's log-probabilities count {weights.network:.2g}, the scores of the simple "
        f"model {weights.floor:.2g} (--set floor=none)."
    ]


def fit_combination(
    trained: TrainedTranscriber,
    closed: ClosedTexts,
    valid: TranscribeDataset,
    progress: Progress,
) -> CombinationWeights:
    """The weights of lowest cross-entropy, and the margin that no recording of a closed text exceeds.

    Where the network reads less than half of the recordings right by itself, it is never believed
    that a text is none of the closed ones.
    """
    rows = evenly_spread(len(valid), MOST).tolist()
    network, floor, y, excess, right = [], [], [], [], 0
    for row, log_p, _ in network_outputs(trained.model, valid, trained.device, rows, progress):
        k = closed.number(valid.records[row].text)
        if k is None:
            continue
        reading, scores = greedy(log_p[:, None])[0], closed.network_scores(log_p)
        network.append(scores)
        floor.append(closed.model.scores(valid.statistics(row))[0])
        y.append(k)
        excess.append(closed.excess(log_p, reading, scores))
        right += tuple(reading.tokens) == closed.labellings[k]
    K = len(closed.labellings)
    one, other = fit_weights(
        np.reshape(network, (-1, K)),
        np.reshape(floor, (-1, K)),
        np.array(y, dtype=np.int64),
        closed.model.sharpness,
    )
    trusted = bool(y) and one > 0 and right >= TRUSTED * len(y)
    return CombinationWeights(one, other, max(0.0, *excess) + SPARE if trusted else NEVER)
