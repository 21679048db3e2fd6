"""The network's output for each record of a data set, in batches of similar lengths.

S steps, V tokens with the blank.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import longest_first
from unroll.tasks.base import Progress
from unroll.tasks.transcribe.batches import TranscribeDataset, make_batch
from unroll.tasks.transcribe.network import Transcriber

BATCH_SIZE = 32


@torch.no_grad()
def network_outputs(
    network: Transcriber,
    dataset: TranscribeDataset,
    device: torch.device,
    rows: list[int] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Tensor, float]]:
    """The row of each record, its log p [S, V] and its loss in nats; the longest records first.

    Args:
        network: on its device; it is put in eval mode.
        dataset: the records.
        device: of the network.
        rows: which records. Default: all.
        progress: called with the share that is done.
    """
    network.eval()
    chosen = np.arange(len(dataset)) if rows is None else np.asarray(rows)
    done = 0
    for places in longest_first(dataset.lengths[chosen], BATCH_SIZE):
        own = chosen[places].tolist()
        batch = make_batch(dataset, own).to(device)
        log_p, steps = network(batch.x, batch.lengths)
        losses = network.losses(log_p, steps, batch.y, batch.y_lengths)
        for b, row in enumerate(own):
            yield row, log_p[: steps[b], b].cpu(), float(losses[b])
        done += len(own)
        if progress is not None:
            progress(done / len(chosen))
