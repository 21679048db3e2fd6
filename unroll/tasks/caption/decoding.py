"""Captions of images: found by a beam, or the drawn one that agrees most with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.errors import UserError
from unroll.models.beam_search import Hypothesis, beam_search, decode_sequences
from unroll.models.sampling import distribution
from unroll.tasks.base import Progress, Trained
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.images import ScaledImages
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.settings import CaptionSettings

ROWS = 1024  # of a batch of searches

TrainedCaptioner = Trained[CaptionSettings, CaptionPreprocessor, Captioner]
# from captions drawn for one image to a score for each; higher is better
ScoreCaptions = Callable[[Sequence[str]], list[float]]


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
        others: the next best captions.
    """

    tokens: list[str]
    grid: list[int]
    attention: list[list[float]]
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
        others: as of `ImageCaptions`.
    """

    image: str
    caption: str | None
    problem: NotRequired[str]
    log_probability: NotRequired[float]
    score: NotRequired[float]
    finished: NotRequired[bool]
    tokens: NotRequired[list[str]]
    grid: NotRequired[list[int]]
    attention: NotRequired[list[list[float]]]
    others: NotRequired[list[Caption]]


class ImageCaptioner:
    """Captions images with a trained model and the settings of its search.

    Args:
        trained: the model.

    Attributes:
        at_once: the most images of one call.
    """

    def __init__(self, trained: TrainedCaptioner) -> None:
        self.trained, self.at_once = trained, images_at_once(trained.settings)
        consensus = Consensus(trained.preprocessor.known)
        self.score = partial(consensus.expected_scores, prior=prior_of(trained))

    def __call__(self, images: Tensor) -> list[ImageCaptions]:
        """The captions of images, uint8 [B, C, H, W]; B is at most `at_once`."""
        trained, preprocessor = self.trained, self.trained.preprocessor
        found = search(
            trained.model, preprocessor, images, trained.settings, trained.device, self.score
        )
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


def search(
    network: Captioner,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
    score: ScoreCaptions,
) -> list[list[Hypothesis]]:
    """The captions of each image, best first.

    With `consensus`, captions are drawn and ranked by the agreement that they can expect. Where the
    model is unsure, a beam strings the most likely words together into a short caption that is unlike
    those that people write; the consensus is a caption that has what they have in common.

    Args:
        network: on the device; it is set to eval mode.
        preprocessor: its vocabulary.
        images: uint8 [B, C, H, W].
        settings: of the search.
        device: of the network.
        score: of the captions drawn for one image.
    """
    if not settings.consensus:
        return search_by_beam(network, preprocessor, images, settings, device)
    drawn = draw_captions(network, preprocessor, images, settings, device)
    return [rank_by_agreement(each, preprocessor, score) for each in drawn]


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
    drawn: list[Hypothesis], preprocessor: CaptionPreprocessor, score: ScoreCaptions
) -> list[Hypothesis]:
    """The different captions among the drawn ones, best first, with their agreement as the score."""
    texts = [preprocessor.vocabulary.decode(each.tokens) for each in drawn]
    ranked: dict[str, Hypothesis] = {}
    for text, each, value in zip(texts, drawn, score(texts), strict=True):
        if text not in ranked:
            ranked[text] = Hypothesis(
                each.tokens, each.log_probability, value, each.finished, each.attention
            )
    return sorted(ranked.values(), key=lambda each: (-each.score, -each.log_probability))


def as_prediction(
    preprocessor: CaptionPreprocessor,
    hypotheses: list[Hypothesis],
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
    first, *others = (as_caption(preprocessor, each) for each in hypotheses[:best])
    attention = hypotheses[0].attention
    rows = [] if attention is None else attention.tolist()
    end = [preprocessor.vocabulary.name(BOUNDARY)] if hypotheses[0].finished else []
    return {
        **first,
        "tokens": [*(preprocessor.vocabulary.name(id) for id in hypotheses[0].tokens), *end],
        "grid": list(grid),
        "attention": [[round(weight, 4) for weight in row] for row in rows],
        "others": others,
    }


def as_caption(preprocessor: CaptionPreprocessor, hypothesis: Hypothesis) -> Caption:
    """A hypothesis in words."""
    return {
        "caption": preprocessor.vocabulary.decode(hypothesis.tokens),
        "log_probability": hypothesis.log_probability,
        "score": hypothesis.score,
        "finished": hypothesis.finished,
    }


def describe_search(settings: CaptionSettings, prior: float) -> str:
    """How captions are chosen, in words. prior: how much the captions of the training set count."""
    if settings.consensus:
        heat = "" if settings.temperature == 1 else f" at temperature {settings.temperature:g}"
        known = f", and for {prior:.0%} with those of the training set" if prior else ""
        return (
            f"of {counted(settings.consensus, 'caption')} sampled{heat}, seed {settings.seed}, the "
            f"caption that agrees most with the others{known}"
        )
    if settings.beam == 1:
        return "greedy"
    return f"beam of {settings.beam}, length penalty {settings.length_penalty:g}"
