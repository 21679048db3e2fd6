"""How much the network and the known pairs count: weights fitted on the validation set.

V pairs of the validation set, C candidates of all of them, F features.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unroll.counting import counted
from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.translate.baseline import unigram_loss
from unroll.tasks.translate.decoding import TrainedTranslator, find_candidates, groups
from unroll.tasks.translate.metrics import corpus_quality, sentence_quality, token_metrics
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.reader import TranslateData, encode_pairs
from unroll.tasks.translate.rescoring import FEATURES, RatedCandidate, ranked

FITTED = 400  # pairs of the validation set that the weights are fitted on
SOME = 100  # of them, whose loss tells whether the network takes part
PART = 32  # of them at a time
FEWEST = 10  # pairs from which weights are fitted
USEFUL = 0.85  # loss of a network that takes part, over that of the frequencies of tokens
SHARPNESS = 10.0  # of the distribution over candidates that their quality makes
PRIOR = 0.01  # weight of the squares of the weights
FOLDS = 4

Rated = list[list[RatedCandidate]]


def fixed_weights(**weights: float) -> np.ndarray:
    """Weights [F] of these features, 0 of the others."""
    return np.array([weights.get(name.replace(" ", "_"), 0.0) for name in FEATURES])


NEIGHBOUR = fixed_weights(similarity=1.0, mended=-9.0, word_by_word=-9.0)  # the nearest, as it is
SEARCH = fixed_weights(searched=1e4, network=1.0)  # the best that the network found


@dataclass(frozen=True)
class RatedChoice:
    """A way to choose among candidates.

    Attributes:
        name: in words.
        weights: of the features [F].
        quality: the mean of BLEU and chrF of what it chooses for pairs that it was not fitted on.
    """

    name: str
    weights: np.ndarray
    quality: float


def calibrate(trained: TrainedTranslator, data: TranslateData, progress: Progress) -> list[str]:
    """Fit the weights of the candidates' features into the network; sentences on what was fitted.

    The weights are those of a linear score whose softmax over the candidates of a source is nearest,
    by cross-entropy, to a distribution that their quality makes: a convex problem. They are fitted
    with the network and without it. What chooses best for pairs that it was not fitted on is used:
    one of the two, the nearest neighbour, or the search alone.

    Args:
        trained: the model, with known pairs that the validation set is not among, and the seconds
            that this may take.
        data: whose validation set is read.
        progress: called with the share that is done.
    """
    begun, memory = time.perf_counter(), trained.preprocessor.floor
    if memory is not None:
        memory.candidates(())  # builds the index, so that it takes no time of the passes
    whole = math.inf if trained.seconds is None else trained.seconds
    seconds = max(0.0, whole - (time.perf_counter() - begun))
    pairs = [data.valid_pairs[row] for row in spread_order(len(data.valid_pairs), FITTED)]
    asked = is_useful(trained, data, pairs[:SOME])
    known = collect(trained, pairs, seconds / 4, progress, asked=False)
    references = [pair.target for pair in pairs]
    choices = [
        fixed_choice("the nearest neighbour", NEIGHBOUR, known, references),
        *fitted_choices("known pairs", known, references),
    ]
    alone = max(choices, key=lambda each: each.quality)
    # the network is asked about those that are best without it
    trained.model.candidate_weights[1] = torch.from_numpy(alone.weights)
    if asked:
        both = collect(trained, pairs[: len(known)], seconds / 2, progress, asked=True)
        choices += [
            fixed_choice("the search of the network", SEARCH, both, references),
            *fitted_choices("known pairs and network", both, references),
        ]
    best = max(choices, key=lambda each: each.quality)
    weights = np.stack([best.weights, alone.weights])
    trained.model.candidate_weights.copy_(torch.from_numpy(weights))
    shown = "; ".join(f"{each.name} {each.quality:.1f}" for each in choices)
    without = "" if asked else " The network takes no part: its loss is near that of frequencies."
    return [
        f"Translations are chosen by: {best.name}. Mean of BLEU and chrF on "
        f"{counted(len(known), 'validation pair')}: {shown} (--set floor=none: the network alone)."
        f"{without}"
    ]


def is_useful(trained: TrainedTranslator, data: TranslateData, pairs: list[Pair]) -> bool:
    """Whether the network predicts tokens clearly better than their frequencies do."""
    some = encode_pairs(pairs, trained.preprocessor)
    loss = token_metrics(trained.model, some, trained.device)["loss"]
    size = len(trained.preprocessor.target)
    return loss < USEFUL * unigram_loss(data.train.target, some.target, size)


def spread_order(count: int, most: int) -> list[int]:
    """At most `most` of `count` rows, evenly spread, in an order whose beginnings are spread too."""
    rows = evenly_spread(count, most)
    return [int(row) for row in rows[np.random.default_rng(0).permutation(len(rows))]]


def collect(
    trained: TrainedTranslator,
    pairs: Sequence[Pair],
    seconds: float,
    progress: Progress,
    *,
    asked: bool,
) -> Rated:
    """The rated candidates of these pairs, or of the first ones that the time suffices for.

    Args:
        trained: the model.
        pairs: of the validation set.
        seconds: that this may take.
        progress: called with the share that is done.
        asked: whether the network takes part.
    """
    settings = trained.settings.model_copy(update={"temperature": None})
    generator = torch.Generator().manual_seed(settings.seed)
    trained.model.eval()
    rated: Rated = []
    started = time.perf_counter()
    for part in groups(pairs, PART):
        sources = [pair.source for pair in part]
        rated += find_candidates(
            trained.model, trained.preprocessor, sources, settings, trained.device, generator,
            asked=asked,
        )  # fmt: skip
        progress(len(rated) / len(pairs))
        if time.perf_counter() - started > seconds:
            break
    return rated


def fixed_choice(
    name: str, weights: np.ndarray, rated: Rated, references: list[str]
) -> RatedChoice:
    """A choice by weights [F] that are not fitted; references: at least as many as sources."""
    texts = [best_text(own, weights) for own in rated]
    return RatedChoice(name, weights, corpus_quality(texts, references[: len(rated)]))


def fitted_choices(name: str, rated: Rated, references: list[str]) -> list[RatedChoice]:
    """The choice by fitted weights; none where there are too few pairs to fit any."""
    if len(rated) < FEWEST:
        return []
    references = references[: len(rated)]
    qualities = [
        np.array([sentence_quality(each.candidate.text, reference) for each in own])
        for own, reference in zip(rated, references, strict=True)
    ]
    texts = cross_fitted(rated, qualities)
    return [RatedChoice(name, fit_weights(rated, qualities), corpus_quality(texts, references))]


def best_text(rated: Sequence[RatedCandidate], weights: np.ndarray) -> str:
    """The text of the best candidate. weights: [F]."""
    return ranked(rated, weights)[0].candidate.text


def cross_fitted(rated: Rated, qualities: Sequence[np.ndarray]) -> list[str]:
    """The best candidate of each source by weights that were fitted on other sources."""
    chosen = [""] * len(rated)
    fold = np.arange(len(rated)) % FOLDS
    for k in range(FOLDS):
        others = np.flatnonzero(fold != k).tolist()
        weights = fit_weights([rated[n] for n in others], [qualities[n] for n in others])
        for n in np.flatnonzero(fold == k).tolist():
            chosen[n] = best_text(rated[n], weights)
    return chosen


def fit_weights(rated: Rated, qualities: Sequence[np.ndarray]) -> np.ndarray:
    """The weights [F] of a linear score that ranks candidates by their quality.

        minimise - sum_n sum_c q_nc log softmax_c(w . f_nc) / V + PRIOR |w * s|^2
        q_nc = softmax_c(SHARPNESS * quality_nc)           s: standard deviation of each feature

    Source: Z. Cao et al., Learning to rank: from pairwise approach to listwise approach, 2007.

    Args:
        rated: the candidates of V sources.
        qualities: of each candidate, 0 to 1.
    """
    from scipy.optimize import minimize

    sizes = np.array([len(each) for each in rated])
    starts = np.cumsum(sizes) - sizes
    features = np.array([each.features for own in rated for each in own])
    scale = features.std(0)
    used = scale > 1e-9
    scaled = features[:, used] / scale[used]
    wanted = softmax_of_parts(SHARPNESS * np.concatenate(qualities), starts, sizes)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        p = softmax_of_parts(scaled @ w, starts, sizes)
        gradient = scaled.T @ (p - wanted) / len(sizes) + 2 * PRIOR * w
        nats = -(wanted * np.log(np.maximum(p, 1e-300))).sum() / len(sizes)
        return float(nats + PRIOR * (w @ w)), gradient

    found = minimize(loss, np.zeros(int(used.sum())), jac=True, method="L-BFGS-B")
    weights = np.zeros(features.shape[1])
    weights[used] = found.x / scale[used]
    return weights


def softmax_of_parts(z: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The softmax of each part of z [C]. starts, sizes: of the parts."""
    z = np.exp(z - np.repeat(np.maximum.reduceat(z, starts), sizes))
    return z / np.repeat(np.add.reduceat(z, starts), sizes)
