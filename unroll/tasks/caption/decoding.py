"""Captions of images: found by a beam, or the drawn one that agrees most with the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from unroll.counting import counted
from unroll.data.padding import decoder_targets
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.errors import UserError
from unroll.models.beam_search import Hypothesis, beam_search, decode_sequences
from unroll.models.sampling import distribution
from unroll.saved_files import refuse_unless
from unroll.tasks.base import Progress, Trained
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.images import ScaledImages
from unroll.tasks.caption.neighbours import TENSORS, make_thumbnails, neighbour_captions
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.settings import CaptionSettings

ROWS = 1024  # of a batch of searches

TrainedCaptioner = Trained[CaptionSettings, CaptionPreprocessor, Captioner]


@dataclass(frozen=True)
class CaptionHypothesis:
    """A caption that a search found.

    Attributes:
        text: in words.
        found: its tokens, probability and attention.
        borrowed: whether it is the caption of a similar image, which the network did not write.
    """

    text: str
    found: Hypothesis
    borrowed: bool = False


class Caption(TypedDict):
    """One caption of an image.

    Attributes:
        caption: the text.
        log_probability: of its tokens and the end, in nats.
        score: what captions are ranked by; higher is better.
        finished: whether it ended before `max_output` tokens.
    """

    caption: str
    log_probability: float
    score: float
    finished: bool


class ImageCaptions(Caption):
    """The best caption of an image, with its attention and the next best ones.

    Attributes:
        tokens: of the caption, the end included where it was reached.
        grid: rows and columns of the places that the attention reads.
        attention: for each token, the weights of the places, row by row.
        origin: "network", or "similar image" where it is the caption of a known image.
        others: the next best captions.
    """

    tokens: list[str]
    grid: list[int]
    attention: list[list[float]]
    origin: str
    others: list[Caption]


class CaptionPrediction(TypedDict):
    """The captions of an image that was asked for, or what is wrong with the image.

    Attributes:
        image: its path.
        caption: the text; None where the image cannot be read.
        problem: why the image cannot be read; the other fields are then missing.
        log_probability: as of `Caption`.
        score: as of `Caption`.
        finished: as of `Caption`.
        tokens: as of `ImageCaptions`.
        grid: as of `ImageCaptions`.
        attention: as of `ImageCaptions`.
        origin: as of `ImageCaptions`.
        others: as of `ImageCaptions`.
    """

    image: str | None
    caption: str | None
    problem: NotRequired[str]
    log_probability: NotRequired[float]
    score: NotRequired[float]
    finished: NotRequired[bool]
    tokens: NotRequired[list[str]]
    grid: NotRequired[list[int]]
    attention: NotRequired[list[list[float]]]
    origin: NotRequired[str]
    others: NotRequired[list[Caption]]


class ImageCaptioner:
    """Captions images with a trained model and the settings of its search.

    Args:
        trained: the model.

    Attributes:
        at_once: the most images of one call.

    Raises:
        UserError: where the features of similar images are those of another network.
    """

    def __init__(self, trained: TrainedCaptioner) -> None:
        self.trained, self.at_once = trained, images_at_once(trained.settings)
        floor = trained.preprocessor.floor
        if floor is not None and len(floor.features):
            fits = floor.features.shape[1] == trained.model.norm_summary.num_features
            refuse_unless(fits, trained.path / TENSORS, "features by the network of the run")

    def __call__(self, images: Tensor) -> list[ImageCaptions]:
        """The captions of images, uint8 [B, C, H, W]; B is at most `at_once`."""
        trained, preprocessor = self.trained, self.trained.preprocessor
        found = search(trained, images)
        return [
            as_prediction(preprocessor, hypotheses, trained.settings.best, trained.model.grid)
            for hypotheses in found
        ]

    def caption_all(
        self, images: ScaledImages, places: list[int], progress: Progress | None = None
    ) -> Iterator[ImageCaptions]:
        """The captions of the images at these places, in order.

        Args:
            images: scaled.
            places: of those to caption.
            progress: called with the share that is done.
        """
        for at in range(0, len(places), self.at_once):
            chosen = places[at : at + self.at_once]
            yield from self(images.take(chosen))
            if progress is not None:
                progress(min(1.0, (at + len(chosen)) / len(places)))


def images_at_once(settings: CaptionSettings) -> int:
    """How many images are captioned together."""
    return max(1, ROWS // (settings.consensus or settings.beam))


def prior_of(trained: TrainedCaptioner) -> float:
    """How much known captions count in the consensus: as set, else as fitted after training."""
    prior = trained.settings.prior
    return float(trained.model.prior) if prior is None else prior


def search(trained: TrainedCaptioner, images: Tensor) -> list[list[CaptionHypothesis]]:
    """The captions of each image, best first.

    With `consensus`, captions are drawn and ranked by the agreement that they can expect. Where the
    model is unsure, a beam strings the most likely words together into a short caption that is unlike
    those that people write; the consensus is a caption that has what they have in common. The captions
    of similar images, where the preprocessor has them, are candidates too.

    Args:
        trained: its network is set to eval mode.
        images: uint8 [B, C, H, W].
    """
    network, preprocessor, settings = trained.model, trained.preprocessor, trained.settings
    arguments = (network, preprocessor, images, settings, trained.device)
    if not settings.consensus:
        decode = preprocessor.vocabulary.decode
        return [
            [CaptionHypothesis(decode(each.tokens), each) for each in found]
            for found in search_by_beam(*arguments)
        ]
    near, drawn = similar_captions(trained, images), [list[Hypothesis]() for _ in images]
    if preprocessor.floor is None or preprocessor.floor.weight < 1:
        drawn = draw_captions(*arguments)
    return [
        rank_by_agreement(trained, image, hypotheses, captions, preprocessor.consensus)
        for image, hypotheses, captions in zip(images, drawn, near, strict=True)
    ]


def similar_captions(
    trained: TrainedCaptioner, images: Tensor
) -> list[tuple[list[str], np.ndarray]]:
    """Captions of the known images that are similar to each of these, with their shares.

    Args:
        trained: the model.
        images: uint8 [B, C, H, W].

    Returns:
        For each image different captions and their shares; none where they do not count.
    """
    floor = trained.preprocessor.floor
    if floor is None or not floor.weight:
        return [([], np.zeros(0)) for _ in images]
    features = None
    if floor.by != "thumbnails":
        trained.model.eval()
        with torch.no_grad():
            features = trained.model.summarise(images.to(trained.device)).cpu()
    rows = floor.nearest(make_thumbnails(images), floor.count, features, floor.by)
    return [neighbour_captions(floor, each) for each in rows.tolist()]


@torch.no_grad()
def search_by_beam(
    network: Captioner,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
) -> list[list[Hypothesis]]:
    """The most likely captions of each image [B, C, H, W] that a beam finds; arguments as of `search`."""
    network.eval()
    return beam_search(
        network.stepper(network.encode(images.to(device)).repeated(settings.beam)),
        len(images),
        width=settings.beam,
        start=BOUNDARY,
        end=BOUNDARY,
        length=settings.max_output or preprocessor.longest + 1,
        length_penalty=settings.length_penalty,
        never=torch.tensor([UNKNOWN], device=device),
        device=device,
    )


@torch.no_grad()
def draw_captions(
    network: Captioner,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
) -> list[list[Hypothesis]]:
    """`settings.consensus` captions of each image [B, C, H, W], drawn; arguments as of `search`."""
    network.eval()
    B, n, never = len(images), settings.consensus, torch.tensor([UNKNOWN], device=device)
    generator = torch.Generator().manual_seed(settings.seed)

    def choose(log_p: Tensor) -> Tensor:
        """Draw a token for each caption: log_p [B n, V] -> ids [B n]."""
        # the same numbers for each image, so that its captions do not depend on the other images
        uniform = torch.rand(n, generator=generator, dtype=torch.float64).repeat(B)
        return inverse_cdf(distribution(log_p, settings.temperature, never=never), uniform)

    drawn = decode_sequences(
        network.stepper(network.encode(images.to(device)).repeated(n)),
        B * n,
        choose,
        start=BOUNDARY,
        end=BOUNDARY,
        length=settings.max_output or preprocessor.longest + 1,
        device=device,
    )
    return [drawn[b * n : (b + 1) * n] for b in range(B)]


def inverse_cdf(p: Tensor, uniform: Tensor) -> Tensor:
    """Draw tokens: the first whose cumulative probability exceeds a given number.

    Args:
        p: probabilities [N, V].
        uniform: numbers from 0 to 1 [N].

    Returns:
        Ids [N].

    Examples:
        >>> import torch
        >>> from unroll.tasks.caption.decoding import inverse_cdf
        >>> inverse_cdf(torch.tensor([[0.25, 0.75], [0.5, 0.5]]), torch.tensor([0.3, 0.3])).tolist()
        [1, 0]
    """
    cumulated = p.cpu().double().cumsum(1)
    below = cumulated <= uniform[:, None] * cumulated[:, -1:]
    return below.sum(1).clamp(max=p.shape[1] - 1).to(p.device)


def rank_by_agreement(
    trained: TrainedCaptioner,
    image: Tensor,
    drawn: Sequence[Hypothesis],
    near: tuple[Sequence[str], np.ndarray],
    consensus: Consensus,
) -> list[CaptionHypothesis]:
    """The different captions of one image, best first, with their expected agreement as the score.

    Args:
        trained: the model.
        image: uint8 [C, H, W].
        drawn: captions that the network wrote.
        near: captions of similar images, and their shares.
        consensus: of the captions of the training set.
    """
    decode = trained.preprocessor.vocabulary.decode
    by_text: dict[str, Hypothesis] = {}
    texts = [decode(each.tokens) for each in drawn]
    for text, each in zip(texts, drawn, strict=True):
        by_text.setdefault(text, each)
    floor, captions = trained.preprocessor.floor, near[0]
    pool = consensus.pool(texts, captions)
    weight = floor.weight if floor is not None and captions else 0.0
    scores = pool.expected_scores(prior_of(trained), pool.near(*near), weight)
    ranked = []
    for row in np.flatnonzero(scores >= 0):
        text, score = pool.texts[row], float(scores[row])
        found = by_text.get(text, Hypothesis([], -math.inf, score, True, None))
        borrowed = text not in by_text
        ranked.append(CaptionHypothesis(text, replace(found, score=score), borrowed))
    ranked.sort(key=lambda each: (-each.found.score, -each.found.log_probability))
    best = trained.settings.best
    return [read_caption(trained, image, each) for each in ranked[:best]] + ranked[best:]


@torch.no_grad()
def read_caption(
    trained: TrainedCaptioner, image: Tensor, given: CaptionHypothesis
) -> CaptionHypothesis:
    """A caption with its probability and its attention, where the network did not write it itself.

    Args:
        trained: its network is set to eval mode.
        image: uint8 [C, H, W].
        given: the caption.
    """
    if not given.borrowed:
        return given
    network, vocabulary = trained.model.eval(), trained.preprocessor.vocabulary
    ids = vocabulary.encode(given.text)
    inputs, target, _, _ = decoder_targets([ids])
    encoded = network.encode(image[None].to(trained.device))
    h, attention = network.decode(encoded, inputs.to(trained.device))
    logits = linear(h, network.softmax_weight, network.bias)
    log_p = logits.log_softmax(-1).gather(2, target.to(trained.device)[..., None]).sum()
    found = replace(
        given.found,
        tokens=ids.tolist(),
        log_probability=float(log_p),
        attention=attention[:, 0].cpu(),
    )
    return CaptionHypothesis(given.text, found, True)


def as_prediction(
    preprocessor: CaptionPreprocessor,
    hypotheses: list[CaptionHypothesis],
    best: int,
    grid: tuple[int, int],
) -> ImageCaptions:
    """The captions found for one image as a prediction, as JSON can hold it.

    Args:
        preprocessor: the vocabulary.
        hypotheses: best first.
        best: how many to give, at most.
        grid: rows and columns of the places that the attention reads.
    """
    if not hypotheses:
        raise UserError(
            "The network gives no caption a finite probability: its weights are too large. Train it "
            "again."
        )
    first, *others = map(as_caption, hypotheses[:best])
    shown = hypotheses[0].found
    rows = [] if shown.attention is None else shown.attention.tolist()
    end = [preprocessor.vocabulary.name(BOUNDARY)] if shown.finished else []
    return {
        **first,
        "tokens": [*(preprocessor.vocabulary.name(id) for id in shown.tokens), *end],
        "grid": list(grid),
        "attention": [[round(weight, 4) for weight in row] for row in rows],
        "origin": "similar image" if hypotheses[0].borrowed else "network",
        "others": others,
    }


def as_caption(hypothesis: CaptionHypothesis) -> Caption:
    """A hypothesis as people read it."""
    return {
        "caption": hypothesis.text,
        "log_probability": hypothesis.found.log_probability,
        "score": hypothesis.found.score,
        "finished": hypothesis.found.finished,
    }


def describe_search(trained: TrainedCaptioner) -> str:
    """How captions are chosen, in words."""
    settings, prior, floor = trained.settings, prior_of(trained), trained.preprocessor.floor
    if settings.consensus:
        heat = "" if settings.temperature == 1 else f" at temperature {settings.temperature:g}"
        known = f", and for {prior:.0%} with those of the training set" if prior else ""
        similar = ""
        if floor is not None and floor.weight:
            images = counted(floor.count, "similar image")
            if floor.weight == 1:
                return f"of the captions of {images}, that which agrees most with the others{known}"
            similar = f" and those of {images} (weight {floor.weight:.0%}),"
        return (
            f"of {counted(settings.consensus, 'caption')} sampled{heat}, seed {settings.seed}{similar or ','} "
            f"the caption that agrees most with the others{known}"
        )
    if settings.beam == 1:
        return "greedy"
    return f"beam of {settings.beam}, length penalty {settings.length_penalty:g}"
