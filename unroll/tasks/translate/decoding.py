"""Translations of texts: searched or drawn, in words, with their attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NotRequired, TypedDict, TypeVar

import torch
from torch import Tensor

from unroll.data.padding import pad_sequences
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.models.beam_search import Hypothesis, beam_search, decode_sequences
from unroll.models.sampling import distribution, draw
from unroll.tasks.base import Trained
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.preprocessor import PairPreprocessor
from unroll.tasks.translate.settings import TranslateSettings

READ_AHEAD = 256  # sources that are read before the first is translated
ROWS = 256  # of a batch of searches

TrainedTranslator = Trained[TranslateSettings, PairPreprocessor, TranslateNetwork]
T = TypeVar("T")


class Translation(TypedDict):
    """One translation of a source.

    Attributes:
        translation: the text.
        log_probability: of the target tokens and the end, in nats.
        score: what the search ranks translations by; higher is better.
        finished: whether it ended before `max_output` tokens.
    """

    translation: str
    log_probability: float
    score: float
    finished: bool


class TranslatePrediction(Translation):
    """The best translation of a source, with its attention and the next best ones.

    Attributes:
        source: the text that was translated.
        source_tokens: its S tokens, the end included.
        target_tokens: the T tokens of the translation, the end included where it was reached.
        attention: weights of the source tokens at each target token, T rows of S.
        unknown: the parts of the source that the vocabulary does not have.
        others: the next best translations.
        error: what is wrong with an input that was skipped; then nothing else is predicted.
    """

    source: str
    source_tokens: list[str]
    target_tokens: list[str]
    attention: list[list[float]]
    unknown: list[str]
    others: list[Translation]
    error: NotRequired[str]


def translate(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    texts: Iterable[str],
    settings: TranslateSettings,
    device: torch.device,
) -> Iterator[TranslatePrediction]:
    """Translate texts, in order; sources of about the same length are decoded together.

    Args:
        network: on the device.
        preprocessor: its vocabularies.
        texts: the sources.
        settings: of the search.
        device: of the network.
    """
    network.eval()
    generator = torch.Generator().manual_seed(settings.seed)
    for group in groups(texts, READ_AHEAD):
        predictions: dict[int, TranslatePrediction] = {}
        by_length = sorted(range(len(group)), key=lambda n: len(group[n]))
        for rows in groups(by_length, max(1, ROWS // settings.beam)):
            sources = [group[row] for row in rows]
            found = search(network, preprocessor, sources, settings, device, generator)
            for row, hypotheses in zip(rows, found, strict=True):
                predictions[row] = as_prediction(preprocessor, group[row], hypotheses, settings)
        yield from (predictions[row] for row in range(len(group)))


def groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in order, `size` at a time."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@torch.no_grad()
def search(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    texts: list[str],
    settings: TranslateSettings,
    device: torch.device,
    generator: torch.Generator,
) -> list[list[Hypothesis]]:
    """The hypotheses of each text, best first.

    Args:
        network: on the device, in eval mode.
        preprocessor: its vocabularies.
        texts: the sources of one batch.
        settings: of the search: a beam, or draws at a temperature.
        device: of the network.
        generator: of the draws.
    """
    source, lengths = pad_sequences([preprocessor.source.encode(text) for text in texts])
    encoded = network.encode(source.to(device), lengths)
    length = settings.max_output or preprocessor.longest + 1
    never = excluded_ids(preprocessor, settings, device)
    if settings.temperature is not None:
        drawn = decode_sequences(
            network.stepper(encoded),
            len(texts),
            token_drawer(settings.temperature, never, generator),
            start=BOUNDARY,
            end=BOUNDARY,
            length=length,
            device=device,
        )
        return [[each] for each in drawn]
    wide = encoded.repeated(settings.beam)
    return beam_search(
        network.stepper(wide),
        len(texts),
        width=settings.beam,
        start=BOUNDARY,
        end=BOUNDARY,
        length=length,
        length_penalty=settings.length_penalty,
        coverage_penalty=settings.coverage_penalty,
        source=wide.memory.mask,
        never=never,
        device=device,
    )


def token_drawer(
    temperature: float, never: Tensor | None, generator: torch.Generator
) -> Callable[[Tensor], Tensor]:
    """A function that draws tokens [B] from log-probabilities [B, V]."""
    return lambda log_p: draw(distribution(log_p, temperature, never=never), generator)


def excluded_ids(
    preprocessor: PairPreprocessor, settings: TranslateSettings, device: torch.device
) -> Tensor | None:
    """The unknown token [1], or None where a word of the source will replace it."""
    if settings.replace_unknown and preprocessor.target.level != "bpe":
        return None
    return torch.tensor([UNKNOWN], device=device)


def as_prediction(
    preprocessor: PairPreprocessor,
    text: str,
    hypotheses: list[Hypothesis],
    settings: TranslateSettings,
) -> TranslatePrediction:
    """The hypotheses of one source as a prediction, as JSON can hold it."""
    tokens = preprocessor.source_tokens(text)
    best, *others = (
        as_translation(preprocessor, tokens, each) for each in hypotheses[: settings.best]
    )
    attention = hypotheses[0].attention
    rows = [] if attention is None else attention[:, : len(tokens)].tolist()
    end = [preprocessor.target.name(BOUNDARY)] if hypotheses[0].finished else []
    return {
        "source": text,
        **best,
        "source_tokens": tokens,
        "target_tokens": [*preprocessor.target_tokens(hypotheses[0].tokens), *end],
        "attention": [[round(weight, 4) for weight in row] for row in rows],
        "unknown": preprocessor.source.unknown(text),
        "others": others,
    }


def as_translation(
    preprocessor: PairPreprocessor, source: list[str], hypothesis: Hypothesis
) -> Translation:
    """A hypothesis in words; unknown tokens become the source tokens that they attended to most.

    Args:
        preprocessor: the vocabularies.
        source: tokens of the source, with the end.
        hypothesis: what the search found.
    """
    replacements = []
    if hypothesis.attention is not None:
        words = max(1, len(source) - 1)  # not the end
        places = hypothesis.attention[:, :words].argmax(1).tolist()
        replacements = [
            source[place]
            for id, place in zip(hypothesis.tokens, places, strict=False)
            if id == UNKNOWN
        ]
    return {
        "translation": preprocessor.text(hypothesis.tokens, replacements),
        "log_probability": hypothesis.log_probability,
        "score": hypothesis.score,
        "finished": hypothesis.finished,
    }


def describe_search(settings: TranslateSettings) -> str:
    """How translations are searched, in words."""
    if settings.temperature is not None:
        return f"sampled at temperature {settings.temperature:g}, seed {settings.seed}"
    if settings.beam == 1:
        return "greedy"
    penalties = f"length penalty {settings.length_penalty:g}"
    if settings.coverage_penalty:
        penalties += f", coverage penalty {settings.coverage_penalty:g}"
    return f"beam of {settings.beam}, {penalties}"
