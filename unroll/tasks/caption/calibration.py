"""What counts in the choice of a caption, fitted after training: drawn, similar and known captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from unroll.counting import counted
from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.caption.batches import CaptionSet, groups_in_time
from unroll.tasks.caption.cider import CiderD
from unroll.tasks.caption.consensus import CaptionPool, Consensus
from unroll.tasks.caption.decoding import TrainedCaptioner, draw_captions, images_at_once
from unroll.tasks.caption.neighbours import (
    MOST,
    KnownImages,
    Similarity,
    image_features,
    make_thumbnails,
    neighbour_captions,
)

PRIORS = (0.0, 0.5, 0.9)  # shares of the known captions that are tried
WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)  # of similar images, first those that trust them
COUNTS = (1, 3, 8, MOST)  # of similar images
IMAGES = 200  # of the validation set, at most


@dataclass(frozen=True)
class Choice:
    """How the caption of an image is chosen.

    Attributes:
        prior: the share of the known captions, 0 to 1.
        weight: of the captions of similar images beside the drawn ones, 0 to 1.
        by: what similarity is measured on.
        count: how many similar images count.
    """

    prior: float
    weight: float = 0.0
    by: Similarity = "thumbnails"
    count: int = 1


def fit_choice(
    trained: TrainedCaptioner, valid: CaptionSet, progress: Progress
) -> tuple[Choice, dict[Choice, float]]:
    """Find the choice with the highest CIDEr-D on the validation set.

    A prior that the settings give is kept.

    Args:
        trained: the model; where its preprocessor knows images, with their features.
        valid: the validation set.
        progress: called with the share that is done.

    Returns:
        The best choice, and the CIDEr-D of each that was tried.
    """
    places, references = valid.by_image()
    chosen = evenly_spread(len(places), IMAGES).tolist()
    truth, size = CiderD(references[k] for k in chosen), images_at_once(trained.settings)
    consensus, total = trained.preprocessor.consensus, dict.fromkeys(choices(trained), 0.0)
    done = 0
    for batch in groups_in_time(chosen, size, trained.seconds):
        images = valid.images.take([places[k] for k in batch])
        drawn = draw_captions(
            trained.model, trained.preprocessor, images, trained.settings, trained.device
        )
        similar = similar_images(trained, valid, [places[k] for k in batch])
        for row, (k, hypotheses) in enumerate(zip(batch, drawn, strict=True)):
            texts = [trained.preprocessor.vocabulary.decode(each.tokens) for each in hypotheses]
            near = {by: rows[row] for by, rows in similar.items()}
            scores: dict[str, float] = {}  # many choices give the same caption
            for choice, text in chosen_captions(trained, consensus, texts, near, list(total)):
                if text not in scores:
                    scores[text] = truth.score(text, references[k])
                total[choice] += scores[text]
        done += len(batch)
        progress(done / len(chosen))
    means = {choice: score / max(1, done) for choice, score in total.items()}
    return max(means, key=lambda choice: means[choice]), means


def choices(trained: TrainedCaptioner) -> list[Choice]:
    """Every choice that is tried, first those that trust similar images."""
    floor, given = trained.preprocessor.floor, trained.settings.prior
    priors = PRIORS if given is None else (given,)
    alone = [Choice(prior) for prior in priors]
    if floor is None:
        return alone
    together = [
        Choice(prior, weight, by, count)
        for weight, by, count, prior in product(WEIGHTS, floor.measures, COUNTS, priors)
        if weight
    ]
    return together + alone


def similar_images(
    trained: TrainedCaptioner, valid: CaptionSet, places: list[int]
) -> dict[Similarity, list[list[int]]]:
    """The known images that are similar to each of the images at these places, by each measure."""
    floor = trained.preprocessor.floor
    if floor is None:
        return {}
    thumbnails = make_thumbnails(valid.images.take(places))
    features = None
    if len(floor.features):
        features = image_features(valid.images, places, trained.model, trained.device)
    return {by: floor.nearest(thumbnails, MOST, features, by).tolist() for by in floor.measures}


def chosen_captions(
    trained: TrainedCaptioner,
    consensus: Consensus,
    drawn: Sequence[str],
    near: dict[Similarity, list[int]],
    tried: Sequence[Choice],
) -> list[tuple[Choice, str]]:
    """The caption of one image by each choice.

    Args:
        trained: the model.
        consensus: of the captions of the training set.
        drawn: captions that the network wrote.
        near: known images that are similar, the most similar first, by each measure.
        tried: the choices.
    """
    floor = trained.preprocessor.floor
    shares: dict[tuple[Similarity, int], np.ndarray] = {}
    if floor is None:
        pool = consensus.pool(drawn)
    else:
        pool = consensus.pool(drawn, all_captions(floor, near))
        shares = near_shares(floor, pool, near)
    found = []
    for choice in tried:
        share = shares.get((choice.by, choice.count))
        scores = pool.expected_scores(choice.prior, share, choice.weight)
        found.append((choice, pool.texts[int(scores.argmax())]))
    return found


def all_captions(floor: KnownImages, near: dict[Similarity, list[int]]) -> list[str]:
    """The different captions of similar images, by any measure."""
    rows = dict.fromkeys(row for each in near.values() for row in each)
    return list(dict.fromkeys(text for row in rows for text in floor.captions[row]))


def near_shares(
    floor: KnownImages, pool: CaptionPool, near: dict[Similarity, list[int]]
) -> dict[tuple[Similarity, int], np.ndarray]:
    """The share of each caption of a pool among those of similar images, by measure and number."""
    return {
        (by, count): pool.near(*neighbour_captions(floor, rows[:count]))
        for by, rows in near.items()
        for count in COUNTS
    }


def describe_choice(choice: Choice, scores: dict[Choice, float]) -> list[str]:
    """Sentences on the choice that was fitted, and on the CIDEr-D of others.

    Args:
        choice: that was fitted.
        scores: CIDEr-D on the validation set of each choice that was tried.
    """
    lines = []
    if any(each.weight for each in scores):
        alone = max(score for each, score in scores.items() if not each.weight)
        similar = max(score for each, score in scores.items() if each.weight == 1)
        lines.append(
            f"Captions of {counted(choice.count, 'similar image')} (by {choice.by}) have a weight of "
            f"{choice.weight:.0%} beside those that the network writes (--set floor=none: 0%). CIDEr-D on "
            f"the validation set: {scores[choice]:.3f} together, {alone:.3f} of the network alone, "
            f"{similar:.3f} of similar images alone."
        )
    of_prior = {
        each.prior: score
        for each, score in scores.items()
        if (each.weight, each.by, each.count) == (choice.weight, choice.by, choice.count)
    }
    tried = ", ".join(f"{score:.3f} with {prior:.0%}" for prior, score in of_prior.items())
    lines.append(
        f"The choice among captions gives agreement with the captions of the training set a weight of "
        f"{choice.prior:.0%} (--set prior=N). CIDEr-D on the validation set: {tried}."
    )
    return lines
