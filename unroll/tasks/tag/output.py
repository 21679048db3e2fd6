"""How a tagger chooses tags from scores: all of a sentence together, or each alone.

T time, B batch, K labels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from unroll.layers.crf import CRF
from unroll.tasks.tag.encoded import TagBatch


class TagOutput:
    """A CRF over the scores of a sentence, or a softmax for each word.

    Args:
        crf: None: a softmax.
    """

    def __init__(self, crf: CRF | None) -> None:
        self.crf = crf

    def loss(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """Summed negative log-probability of the labels, in nats, a scalar.

        Args:
            scores: of the batch, [T, B, K].
            batch: with labels.

        Raises:
            ValueError: for a batch without labels.
        """
        if batch.labels is None:
            raise ValueError("The batch has no labels; expected some to compare with.")
        if self.crf is not None:
            return -self.crf.log_likelihood(scores, batch.labels, batch.lengths).sum()
        steps = torch.arange(len(batch.words), device=batch.lengths.device)
        is_word = steps.unsqueeze(1) < batch.lengths
        return cross_entropy(scores[is_word], batch.labels[is_word], reduction="sum")

    def most_likely_labels(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """The most likely labels, [T, B]; with a CRF the most likely sequence of labels."""
        if self.crf is not None:
            return self.crf.best(scores, batch.lengths)
        return scores.argmax(-1)

    def probabilities(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """The probability of each label for each word, [T, B, K]."""
        if self.crf is not None:
            return self.crf.marginals(scores, batch.lengths)
        return scores.softmax(-1)
