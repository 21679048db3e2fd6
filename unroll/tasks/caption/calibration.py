"""What counts in the choice of a caption, fitted after training: drawn, similar and known captions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from unroll.counting import counted
from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.caption.batches import CaptionSet, groups_in_time
from unroll.tasks.caption.cider import CiderD
from unroll.tasks.caption.consensus import CaptionPool
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
AT_ONCE = 16  # of them, whose similar images are searched


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

    Similar images alone are measured first, which takes no network; what the network writes has to be
    better on the same images by more than the standard error. A prior that the settings give is kept.

    Args:
        trained: the model; where its preprocessor knows images, with their features.
        valid: the validation set.
        progress: called with the share that is done.

    Returns:
        The best choice, and the CIDEr-D of each that was tried, on the images that all were tried on;
        choices that there was no time for are left out.
    """
    begun = time.perf_counter()
    places, references = valid.by_image()
    chosen = evenly_spread(len(places), IMAGES).tolist()
    places, references = [places[k] for k in chosen], [references[k] for k in chosen]
    truth = CiderD(references)
    scores = {choice: np.full(len(places), np.nan) for choice in choices(trained)}

    def measure(batch: list[int], tried: list[Choice], written: list[list[str]]) -> None:
        similar = similar_images(trained, valid, [places[k] for k in batch])
        for row, (k, texts) in enumerate(zip(batch, written, strict=True)):
            near = {by: rows[row] for by, rows in similar.items()}
            known: dict[str, float] = {}  # many choices give the same caption
            for choice, text in chosen_captions(trained, texts, near, tried):
                if text not in known:
                    known[text] = truth.score(text, references[k])
                scores[choice][k] = known[text]

    borrowed = [choice for choice in scores if choice.weight == 1]
    half = None if trained.seconds is None else trained.seconds / 2
    for batch in groups_in_time(range(len(places)), AT_ONCE, half) if borrowed else ():
        measure(batch, borrowed, [[] for _ in batch])
    left = None if trained.seconds is None else trained.seconds - (time.perf_counter() - begun)
    others, done = [choice for choice in scores if choice.weight < 1], list[int]()
    groups = groups_in_time(range(len(places)), images_at_once(trained.settings), left)
    for batch in groups if not borrowed or left is None or left > 0 else ():
        missing = [k for k in batch if borrowed and np.isnan(scores[borrowed[0]][k])]
        if missing:
            measure(missing, borrowed, [[] for _ in missing])
        measure(batch, others, written_captions(trained, valid, [places[k] for k in batch]))
        done += batch
        progress(len(done) / len(places))
    if not done:  # there was time for similar images alone
        means = {choice: float(np.nanmean(scores[choice])) for choice in borrowed}
        return max(means, key=lambda choice: means[choice]), means
    means = {choice: float(each[done].mean()) for choice, each in scores.items()}
    best = max(others, key=lambda choice: means[choice])
    if borrowed:
        trusted = max(borrowed, key=lambda choice: float(np.nanmean(scores[choice])))
        if not is_better(scores[best][done], scores[trusted][done]):
            best = trusted
    return best, means


def is_better(scores: np.ndarray, others: np.ndarray) -> bool:
    """Whether scores are higher than others of the same images by more than the standard error.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.caption.calibration import is_better
        >>> is_better(np.array([2.0, 3.0, 4.0]), np.array([1.0, 1.5, 3.5]))
        True
        >>> is_better(np.array([9.0, 1.0, 1.0]), np.array([1.0, 2.0, 2.0]))
        False
    """
    gain = scores - others
    if len(gain) < 2:
        return False
    return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))


def written_captions(
    trained: TrainedCaptioner, valid: CaptionSet, places: list[int]
) -> list[list[str]]:
    """The captions that the network draws for each of the images at these places."""
    preprocessor, images = trained.preprocessor, valid.images.take(places)
    drawn = draw_captions(trained.model, preprocessor, images, trained.settings, trained.device)
    return [[preprocessor.vocabulary.decode(each.tokens) for each in own] for own in drawn]


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
    drawn: Sequence[str],
    near: dict[Similarity, list[int]],
    tried: Sequence[Choice],
) -> list[tuple[Choice, str]]:
    """The caption of one image by each choice.

    Args:
        trained: the model.
        drawn: captions that the network wrote.
        near: known images that are similar, the most similar first, by each measure.
        tried: the choices.
    """
    floor, consensus = trained.preprocessor.floor, trained.preprocessor.consensus
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
        alone = [score for each, score in scores.items() if not each.weight]
        similar = max(score for each, score in scores.items() if each.weight == 1)
        compared = (
            f"{scores[choice]:.3f} together, {max(alone):.3f} of the network alone, {similar:.3f} of "
            "similar images alone"
            if alone
            else f"{similar:.3f}; too few --seconds to try what the network writes"
        )
        lines.append(
            f"Captions of {counted(choice.count, 'similar image')} (by {choice.by}) have a weight of "
            f"{choice.weight:.0%} beside those that the network writes (--set floor=none: 0%). CIDEr-D on "
            f"the validation set: {compared}."
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
