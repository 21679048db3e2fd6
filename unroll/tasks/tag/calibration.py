"""What is fitted on the validation set: how much network and simple model count, and the score outside.

N words of the validation set, K labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unroll.layers.crf import CRF
from unroll.models.linear_chain import ChainOrder, ChainWeights, chain_sums, label_sums
from unroll.tasks.base import Progress
from unroll.tasks.tag.combination import (
    CombinedTagger,
    Mixture,
    combined_crf,
    keep_mixtures,
)
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.floor import TagFloor
from unroll.tasks.tag.metrics import TrainedTagger, affordable, score_batches
from unroll.tasks.tag.network import OUTSIDE, Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.tuning import best_score

FloorScores = Callable[[Sequence[Sentence]], Tensor]

CALIBRATION_SENTENCES = 4000  # of the validation set that are used at most
AROUND = tuple(
    k / 4 for k in range(-6, 9)
)  # nats around the most likely score of words outside spans


@dataclass(frozen=True)
class Scored:
    """A validation set with the scores of network and simple model.

    Attributes:
        network: [N, K], in the order of `order`, as all that follows.
        floor: [N, K].
        labels: int64 [N].
        order: of the words.
        sentences: of the validation set.
        preprocessor: knows the labels.
        model: the simple model.
    """

    network: np.ndarray
    floor: np.ndarray
    labels: np.ndarray
    order: ChainOrder
    sentences: Sequence[Sentence]
    preprocessor: TagPreprocessor
    model: TagFloor


def calibrate_alone(
    trained: TrainedTagger,
    preprocessor: TagPreprocessor,
    sentences: Sequence[Sentence],
    progress: Progress,
) -> list[str]:
    """Lower the score of words outside spans by what gives the validation set its highest F1.

    Args:
        trained: the bias of its network is changed.
        preprocessor: says whether tags are spans.
        sentences: the validation set.
        progress: called with the share that is done.
    """
    if preprocessor.scheme is None:
        return []
    encoded = EncodedSentences(affordable(trained, sentences), preprocessor)
    order = ChainOrder(encoded.lengths)
    scores = network_scores(trained, encoded, progress).numpy()[order.order]
    given = (scores, chain_weights(trained.model.crf), order, encoded.sentences, preprocessor)
    before, _ = best_score(*given, penalties=[0.0])
    f1, penalty = best_score(*given)
    trained.model.output.bias.detach()[OUTSIDE] -= penalty
    return [
        f"Lowered the score of words outside spans by {penalty:g} nats, fitted on the validation "
        f"set: F1 {100 * before:.2f} -> {100 * f1:.2f}."
    ]


def calibrate_combination(
    trained: TrainedTagger,
    preprocessor: TagPreprocessor,
    floor: TagFloor,
    sentences: Sequence[Sentence],
    progress: Progress,
    unseen_scores: FloorScores | None = None,
) -> list[str]:
    """Fit how much network and simple model count, and keep it in the network.

    Their most likely weights come first. Where tags are spans, the score of words outside spans is then
    what gives the highest F1, of both together and of each alone. Either of them alone is taken where
    it is better than both together by more than the standard error of the figure.

    Args:
        trained: its network keeps the weights.
        preprocessor: knows words and labels.
        floor: the simple model.
        sentences: the validation set.
        progress: called with the share that is done.
        unseen_scores: what the simple model makes of the sentences where it has not learned from them.
            Default: its scores.
    """
    alone = {"network": Mixture(1.0, 0.0), "floor": Mixture(0.0, 1.0)}
    if not any(map(preprocessor.knows_tags, sentences)):
        keep_mixtures(trained.model, {"combined": alone["floor"], **alone})
        return [
            "No sentence of the validation set has only tags of the training set, so no weights can be "
            "fitted: the linear model is used alone (--set floor=none: the network alone)."
        ]
    scored = score_sentences(
        trained,
        preprocessor,
        floor,
        sentences,
        lambda share: progress(share / 2),
        unseen_scores or floor.scores,
    )
    fitted = most_likely_mixture(trained.model, scored)
    progress(0.6)
    found = {}
    for k, (name, mixture) in enumerate({"combined": fitted, **alone}.items()):
        reached, outside = tuned_outside(trained.model, scored, mixture)
        found[name] = reached, Mixture(mixture.network, mixture.floor, outside)
        progress(0.6 + 0.4 * (k + 1) / 3)
    best = max(found, key=lambda name: found[name][0])
    if found[best][0] - found["combined"][0] <= standard_error(found["combined"][0], scored):
        best = "combined"
    mixtures = {name: mixture for name, (_, mixture) in found.items()}
    mixtures["combined"] = mixtures[best]
    keep_mixtures(trained.model, mixtures)
    both = mixtures["combined"]
    lowered = f" and {both.outside:.2f} nats less for words outside spans" if both.outside else ""
    return [
        f"Weights of the scores, fitted on the validation set: {both.network:.2f} for the network, "
        f"{both.floor:.2f} for the linear model{lowered} (--set floor=none: the network alone)."
    ]


def standard_error(figure: float, scored: Scored) -> float:
    """Of an F1 of spans, about, or an accuracy. figure: the F1 or the accuracy."""
    count = len(scored.labels)
    if scored.preprocessor.scheme is not None:
        count = sum(len(find_spans(s.tags or ())) for s in scored.sentences)
    return math.sqrt(figure * (1 - figure) / max(1, count))


def score_sentences(
    trained: TrainedTagger,
    preprocessor: TagPreprocessor,
    floor_model: TagFloor,
    sentences: Sequence[Sentence],
    progress: Progress,
    floor_scores: FloorScores,
) -> Scored:
    """The scores of network and simple model for a validation set, or an even sample of a large one.

    Args:
        trained: with the network.
        preprocessor: knows words and labels.
        floor_model: the simple model.
        sentences: those with a tag that the training set does not have are left out.
        progress: called with the share that is done.
        floor_scores: of words end to end by the simple model.
    """
    known = [s for s in sentences if preprocessor.knows_tags(s)]
    chosen = affordable(trained, known, CALIBRATION_SENTENCES)
    encoded = EncodedSentences(chosen, preprocessor)
    order = ChainOrder(encoded.lengths)
    labels = np.concatenate([preprocessor.label_numbers(s.tags or ()) for s in chosen])
    return Scored(
        network=network_scores(trained, encoded, progress).numpy()[order.order],
        floor=floor_scores(chosen).numpy()[order.order],
        labels=labels[order.order],
        order=order,
        sentences=chosen,
        preprocessor=preprocessor,
        model=floor_model,
    )


def network_scores(
    trained: TrainedTagger, encoded: EncodedSentences, progress: Progress
) -> torch.Tensor:
    """The scores of the network for all words of sentences end to end, [N, K]."""
    own = torch.empty(encoded.tokens, trained.model.output.out_features)
    starts = np.cumsum(encoded.lengths) - encoded.lengths
    network = CombinedTagger(trained.model)
    for rows, batch, scores in score_batches(network, encoded, trained.device, progress):
        for b, row in enumerate(rows):
            length = int(batch.lengths[b])
            own[starts[row] : starts[row] + length] = scores[:length, b].cpu()
    return own


def most_likely_mixture(network: Tagger, scored: Scored) -> Mixture:
    """The weights with the highest likelihood, by a convex problem of three variables.

    A prior of the width 1 around the simple model alone decides where there are few sentences.

    Args:
        network: whose weights between labels count too.
        scored: the validation set.
    """
    from scipy.optimize import minimize

    chains = {
        name: chain_of(network, scored, mixture)
        for name, mixture in (("network", Mixture(1.0, 0.0)), ("floor", Mixture(0.0, 1.0)))
    }
    spans = scored.preprocessor.scheme is not None
    prior = np.array([0.0, 1.0, 0.0])

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        a, b, outside = values.tolist()
        scores = np.float64(a) * scored.network + np.float64(b) * scored.floor
        scores[:, OUTSIDE] -= outside
        own, other = chains["network"], chains["floor"]
        if own is None or other is None:
            total, into = label_sums(scores, scored.labels)
            slopes = np.zeros(2)
        else:
            parts = zip(vars(own).values(), vars(other).values(), strict=True)
            chain = ChainWeights(*(weighted_sum(a, x, b, y) for x, y in parts))
            sums = chain_sums(scores, scored.labels, scored.order, chain)
            total, into = sums.loss, sums.scores
            gradients = (sums.begin, sums.pairs, sums.end)
            slopes = np.array([inner(gradients, own), inner(gradients, other)])
        slopes += np.array([(into * scored.network).sum(), (into * scored.floor).sum()])
        slope = np.array([*slopes, -into[:, OUTSIDE].sum() if spans else 0.0])
        away = values - prior
        return total + (away @ away) / 2, slope + away

    bounds = [(0.0, None), (0.0, None), (None, None) if spans else (0.0, 0.0)]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    a, b, outside = found.x.tolist()
    return Mixture(a, b, outside)


def weighted_sum(a: float, x: np.ndarray, b: float, y: np.ndarray) -> np.ndarray:
    """a x + b y, minus infinity where one of them is, also for a weight of 0."""
    finite = np.isfinite(x) & np.isfinite(y)
    return np.where(finite, a * np.where(finite, x, 0) + b * np.where(finite, y, 0), -np.inf)


def inner(gradients: Sequence[np.ndarray], chain: ChainWeights) -> float:
    """The slope of a loss along the finite weights of a chain."""
    parts = zip(gradients, vars(chain).values(), strict=True)
    return float(sum((g * np.where(np.isfinite(w), w, 0)).sum() for g, w in parts))


def chain_of(network: Tagger, scored: Scored, mixture: Mixture) -> ChainWeights | None:
    """The weights between labels for weights of network and simple model; None where there are none."""
    return chain_weights(combined_crf(network, scored.model, mixture))


def chain_weights(crf: CRF | None) -> ChainWeights | None:
    """The weights between labels of a CRF; None where there is none."""
    if crf is None:
        return None
    return ChainWeights(*(part.detach().cpu().double().numpy() for part in crf.weights()))


def tuned_outside(network: Tagger, scored: Scored, mixture: Mixture) -> tuple[float, float]:
    """The highest F1, or the accuracy, and the score outside spans that reaches it, subtracted."""
    scores = mixture.network * scored.network + mixture.floor * scored.floor
    return best_score(
        scores,
        chain_of(network, scored, mixture),
        scored.order,
        scored.sentences,
        scored.preprocessor,
        [mixture.outside + step for step in AROUND],
        mixture.outside,
    )
