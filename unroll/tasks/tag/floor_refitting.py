"""Fit the simple model of a tagger again, on training set and validation set.

N words of all sentences, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np
import torch
from torch import Tensor

from unroll.models.linear_chain import ChainOrder, chain_sums, label_sums
from unroll.tasks.base import Progress
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor import TagFloor
from unroll.tasks.tag.floor_features import hash_features
from unroll.tasks.tag.floor_fitting import QUICK, FloorFit, keep_features, make_chains
from unroll.tasks.tag.preprocessor import TagPreprocessor

ITERATIONS = 5  # from weights that have learned from most of the sentences
TEACHES = 0.02  # share by which half a validation set lowers the loss of the other half


@dataclass(frozen=True)
class RefittedFloor:
    """A simple model that has learned from the validation set too.

    Attributes:
        floor: the model.
        halves: of the sentences of the validation set, those that each of `crossed` has not learned from.
        crossed: two models, each of which has learned from one half of the validation set: what the
            refit makes of sentences that it has not seen. Empty where the validation set teaches the
            model little, so that the weights from before are right, and with few seconds.
    """

    floor: TagFloor
    halves: tuple[Sequence[Sentence], ...]
    crossed: tuple[TagFloor, ...]

    def unseen_scores(self, sentences: Sequence[Sentence]) -> Tensor:
        """The scores of the crossed models for sentences of the validation set, [N, K], as they come.

        Each is scored by the model that has not learned from it.
        """
        is_first = np.isin([id(s) for s in sentences], [id(s) for s in self.halves[0]])
        parts = [
            [s for s, first in zip(sentences, is_first, strict=True) if first == wanted]
            for wanted in (True, False)
        ]
        scores = [floor.scores(part) for floor, part in zip(self.crossed, parts, strict=True)]
        is_first = np.repeat(is_first, [len(s.words) for s in sentences])
        found = torch.empty(len(is_first), scores[0].shape[1])
        for own, wanted in zip(scores, (True, False), strict=True):
            found[torch.from_numpy(is_first == wanted)] = own
        return found


def refit_tag_floor(
    floor: TagFloor,
    train: Sequence[Sentence],
    valid: Sequence[Sentence],
    preprocessor: TagPreprocessor,
    progress: Progress,
    *,
    seconds: float | None = None,
) -> RefittedFloor:
    """The simple model of training set and validation set.

    Args:
        floor: that of the training set, from whose weights it starts.
        train: the training set.
        valid: the validation set; sentences with a tag that is not known are left out.
        preprocessor: knows the labels.
        progress: called with the share that is done.
        seconds: that it may take, about; with few of them nothing is crossed. Default: until it has
            converged.
    """
    ends = None if seconds is None else monotonic() + seconds
    known = [s for s in valid if preprocessor.knows_tags(s)]
    middle = len(known) // 2
    halves = (known[:middle], known[middle:])  # neighbours, often of one document, stay together
    sentences = [*train, *known]
    keys, rows = keep_features(hash_features(sentences), len(preprocessor.labels))
    borders = np.cumsum([sum(len(s.words) for s in part) for part in (train, *halves)])
    parts = np.split(rows, borders[:-1])

    def fitted(start: TagFloor, *which: int) -> TagFloor:
        chosen = [s for k in which for s in (train, *halves)[k]]
        own = np.concatenate([parts[k] for k in which])
        fit = FloorFit(make_chains(chosen, own, len(keys), preprocessor), preprocessor, ends)
        fit.start_from(start, keys)
        fit.run(floor.record.penalty, ITERATIONS)
        return fit.floor(keys, floor.record.penalty, refitted=True)

    crossed: tuple[TagFloor, ...] = ()
    start = floor
    is_quick = seconds is not None and np.count_nonzero(rows < len(keys)) > QUICK * seconds
    progress(0.1)
    if middle and not is_quick:
        start = fitted(floor, 0, 1)
        progress(0.4)
        before, after = (loss_of(each, halves[1], preprocessor) for each in (floor, start))
        if before - after > TEACHES * before:
            crossed = (fitted(floor, 0, 2), start)
            progress(0.7)
    last = fitted(start, 0, 1, 2)
    progress(1.0)
    return RefittedFloor(last, halves, crossed)


def loss_of(floor: TagFloor, sentences: Sequence[Sentence], preprocessor: TagPreprocessor) -> float:
    """The negative log-probability of the tags of sentences, in nats."""
    order = ChainOrder([len(s.words) for s in sentences])
    scores = floor.scores(sentences).numpy()[order.order]
    labels = np.concatenate([preprocessor.label_numbers(s.tags or ()) for s in sentences])
    if floor.chain is None:
        return label_sums(scores, labels[order.order])[0]
    return chain_sums(scores, labels[order.order], order, floor.chain).loss
