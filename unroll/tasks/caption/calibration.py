"""The prior of the consensus, fitted after training: how much known captions count in it."""

from __future__ import annotations

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.caption.batches import CaptionSet
from unroll.tasks.caption.cider import CiderD
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.decoding import TrainedCaptioner, draw_captions, images_at_once

PRIORS = (0.0, 0.5, 0.9)  # that are tried
IMAGES = 200  # of the validation set, at most


def fit_prior(
    trained: TrainedCaptioner, valid: CaptionSet, progress: Progress
) -> tuple[float, dict[float, float]]:
    """Choose the prior of the consensus with the highest CIDEr-D on the validation set.

    Args:
        trained: the model.
        valid: the validation set.
        progress: called with the share that is done.

    Returns:
        The best prior, and the CIDEr-D of each that was tried.
    """
    places, references = valid.by_image()
    chosen = evenly_spread(len(places), IMAGES).tolist()
    truth, size = CiderD(references[k] for k in chosen), images_at_once(trained.settings)
    consensus, total = Consensus(trained.preprocessor.known), dict.fromkeys(PRIORS, 0.0)
    for at in range(0, len(chosen), size):
        batch = chosen[at : at + size]
        images = valid.images.take([places[k] for k in batch])
        drawn = draw_captions(
            trained.model, trained.preprocessor, images, trained.settings, trained.device
        )
        for k, hypotheses in zip(batch, drawn, strict=True):
            texts = [trained.preprocessor.vocabulary.decode(each.tokens) for each in hypotheses]
            for prior in PRIORS:
                expected = consensus.expected_scores(texts, prior)
                best = texts[expected.index(max(expected))]
                total[prior] += truth.score(best, references[k]) / len(chosen)
        progress(min(1.0, (at + size) / len(chosen)))
    return max(PRIORS, key=lambda prior: total[prior]), total


def describe_prior(prior: float, scores: dict[float, float]) -> str:
    """A sentence on the prior that was fitted, and the CIDEr-D of each that was tried."""
    tried = ", ".join(f"{score:.3f} with {share:.0%}" for share, score in scores.items())
    return (
        f"The choice among sampled captions gives agreement with the captions of the training set a "
        f"weight of {prior:.0%} (--set prior=N). CIDEr-D on the validation set: {tried}."
    )
