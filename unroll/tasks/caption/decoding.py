"""A captioner's answers: the caption that a search finds, or the one that drawn ones agree on.

`network` is a `unroll.tasks.caption.network.Captioner`, or what is called as one is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.models.beam_search import Hypothesis, beam_search, decode_sequences
from unroll.models.sampling import distribution
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.settings import CaptionSettings

ROWS = 1024  # of a batch of searches

# what each of some captions drawn for one image may expect: a number each, higher is better
Worth = Callable[[Sequence[str]], list[float]]


def at_once(settings: CaptionSettings) -> int:
    """Images that are answered together."""
    return max(1, ROWS // (settings.consensus or settings.beam))


def search(
    network: Any,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
    worth: Worth,
) -> list[list[Hypothesis]]:
    """The captions of each image, best first. images: uint8 [B, C, H, W].

    With `consensus` so many are drawn for each image and ranked by what each may expect of others:
    where the model is not sure, the likeliest words one by one make a caption that is like none of
    those that people write, and a short one; this one has what they have in common.
    """
    if not settings.consensus:
        return by_beam(network, preprocessor, images, settings, device)
    drawn = drawn_captions(network, preprocessor, images, settings, device)
    return [agreed(some, preprocessor, worth) for some in drawn]


@torch.no_grad()
def by_beam(
    network: Any,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
) -> list[list[Hypothesis]]:
    """The likeliest captions of each image that a beam finds."""
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
def drawn_captions(
    network: Any,
    preprocessor: CaptionPreprocessor,
    images: Tensor,
    settings: CaptionSettings,
    device: torch.device,
) -> list[list[Hypothesis]]:
    """As many captions of each image as `settings.consensus` says, drawn word by word."""
    network.eval()
    B, n, never = len(images), settings.consensus, torch.tensor([UNKNOWN], device=device)
    generator = torch.Generator().manual_seed(settings.seed)

    def choose(log_p: Tensor) -> Tensor:
        # the same numbers for each image, so that its captions do not depend on those beside it
        uniform = torch.rand(n, generator=generator, dtype=torch.float64).repeat(B)
        return drawn_at(distribution(log_p, settings.temperature, never=never), uniform)

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


def drawn_at(p: Tensor, uniform: Tensor) -> Tensor:
    """The tokens [N] of probabilities [N, V] at numbers [N] from 0 to 1: the first whose cumulated
    probability is above.

    Example:
        >>> import torch
        >>> from unroll.tasks.caption.decoding import drawn_at
        >>> drawn_at(torch.tensor([[0.25, 0.75], [0.5, 0.5]]), torch.tensor([0.3, 0.3])).tolist()
        [1, 0]
    """
    cumulated = p.cpu().double().cumsum(1)
    below = cumulated <= uniform[:, None] * cumulated[:, -1:]
    return below.sum(1).clamp(max=p.shape[1] - 1).to(p.device)


def agreed(
    drawn: list[Hypothesis], preprocessor: CaptionPreprocessor, worth: Worth
) -> list[Hypothesis]:
    """Drawn captions, each once, the one that may expect most first; that is its score."""
    texts = [preprocessor.vocabulary.decode(one.tokens) for one in drawn]
    found: dict[str, Hypothesis] = {}
    for text, one, value in zip(texts, drawn, worth(texts), strict=True):
        if text not in found:
            found[text] = Hypothesis(
                one.tokens, one.log_probability, value, one.finished, one.attention
            )
    return sorted(found.values(), key=lambda one: (-one.score, -one.log_probability))


def answer(
    preprocessor: CaptionPreprocessor,
    hypotheses: list[Hypothesis],
    settings: CaptionSettings,
    grid: tuple[int, int],
) -> dict[str, Any]:
    """What was found for one image, as JSON can hold it. attention: a row a token, G numbers."""
    told = [in_words(preprocessor, one) for one in hypotheses[: settings.best]]
    best, *others = told
    looked = hypotheses[0].attention
    ends = [preprocessor.vocabulary.name(BOUNDARY)] if hypotheses[0].finished else []
    return {
        **best,
        "tokens": [*(preprocessor.vocabulary.name(id) for id in hypotheses[0].tokens), *ends],
        "grid": list(grid),
        "attention": []
        if looked is None
        else [[round(weight, 4) for weight in row] for row in looked.tolist()],
        "others": others,
    }


def in_words(preprocessor: CaptionPreprocessor, one: Hypothesis) -> dict[str, Any]:
    """A hypothesis as text."""
    return {
        "caption": preprocessor.vocabulary.decode(one.tokens),
        "log_probability": one.log_probability,
        "score": one.score,
        "finished": one.finished,
    }
