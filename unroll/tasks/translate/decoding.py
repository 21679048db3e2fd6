"""Translations of texts: searched or drawn, in words, with their attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NotRequired, TypedDict, TypeVar

import numpy as np
import torch
from torch import Tensor

from unroll.data.padding import pad_sequences
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.models.beam_search import Hypothesis, beam_search, decode_sequences
from unroll.models.sampling import distribution, draw
from unroll.tasks.base import Trained
from unroll.tasks.translate.memory import Candidate, Origin, TranslationMemory
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.preprocessor import PairPreprocessor
from unroll.tasks.translate.rescoring import (
    NETWORK,
    RatedCandidate,
    ask_network,
    ranked,
    rate_candidates,
)
from unroll.tasks.translate.settings import TranslateSettings

READ_AHEAD = 256  # sources that are read before the first is translated
ROWS = 256  # of a batch of searches
ASKED = 8  # candidates of the known pairs that the network is asked about
LIMIT = 16  # tokens by which the longest outputs of two batches differ

TrainedTranslator = Trained[TranslateSettings, PairPreprocessor, TranslateNetwork]
T = TypeVar("T")


class Translation(TypedDict):
    """One translation of a source.

    Attributes:
        translation: the text.
        log_probability: of the target tokens and the end, in nats.
        score: what translations are ranked by; higher is better.
        finished: whether it ended before `max_output` tokens.
        origin: "network", "neighbour", "mended neighbour" or "word by word".
    """

    translation: str
    log_probability: float
    score: float
    finished: bool
    origin: Origin


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
        network: what the network alone would have written; None where it takes no part.
    """

    source: str
    source_tokens: list[str]
    target_tokens: list[str]
    attention: list[list[float]]
    unknown: list[str]
    others: list[Translation]
    error: NotRequired[str]
    network: str | None


def translate(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    texts: Iterable[str],
    settings: TranslateSettings,
    device: torch.device,
    *,
    alone: bool = False,
) -> Iterator[TranslatePrediction]:
    """Translate texts, in order; sources of about the same length are decoded together.

    Args:
        network: on the device.
        preprocessor: its vocabularies, and known pairs.
        texts: the sources.
        settings: of the search.
        device: of the network.
        alone: whether the network translates without the known pairs.
    """
    network.eval()
    generator = torch.Generator().manual_seed(settings.seed)
    weights = None if alone else fitted_weights(network, preprocessor, settings)
    for group in groups(texts, READ_AHEAD):
        predictions: dict[int, TranslatePrediction] = {}
        for rows in batches_of(preprocessor, group, settings):
            sources = [group[row] for row in rows]
            if weights is None:
                found = search(network, preprocessor, sources, settings, device, generator)
                made = [
                    searched_prediction(preprocessor, text, each, settings.best)
                    for text, each in zip(sources, found, strict=True)
                ]
            else:
                asked = bool(weights[list(NETWORK)].any())
                rated = find_candidates(
                    network, preprocessor, sources, settings, device, generator, asked=asked
                )
                made = choose(network, preprocessor, sources, rated, weights, settings, device)
            predictions |= dict(zip(rows, made, strict=True))
        yield from (predictions[row] for row in range(len(group)))


def batches_of(
    preprocessor: PairPreprocessor, texts: list[str], settings: TranslateSettings
) -> Iterator[list[int]]:
    """Numbers of texts of about the same length, which one search translates.

    All of a batch may become equally long, so that a text is translated as it would be alone.
    """
    limits = [longest_output(preprocessor, settings, text) for text in texts]
    by_length = sorted(range(len(texts)), key=lambda n: (limits[n], len(texts[n])))
    for _, rows in groupby(by_length, key=limits.__getitem__):
        yield from groups(rows, max(1, ROWS // settings.beam))


def fitted_weights(
    network: TranslateNetwork, preprocessor: PairPreprocessor, settings: TranslateSettings
) -> np.ndarray | None:
    """The weights [F] that rank candidates; None: the network alone, as where translations are drawn."""
    if preprocessor.floor is None or settings.temperature is not None:
        return None
    weights: np.ndarray = network.candidate_weights[0].cpu().numpy().astype(float)
    return weights if weights.any() else None


def find_candidates(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    sources: list[str],
    settings: TranslateSettings,
    device: torch.device,
    generator: torch.Generator,
    *,
    asked: bool,
) -> list[list[RatedCandidate]]:
    """What known pairs and the search suggest for each source, with the features of each candidate.

    Args:
        network: on the device, in eval mode.
        preprocessor: with known pairs.
        sources: of one batch.
        settings: of the search.
        device: of the network.
        generator: of draws.
        asked: whether the network takes part.
    """
    memory = preprocessor.floor
    if memory is None:
        return [[] for _ in sources]
    found = memory.candidates(sources)
    if asked:
        found = best_known(network, memory, sources, found)
        searched = search(network, preprocessor, sources, settings, device, generator)
        found = [
            as_candidates(preprocessor, source, hypotheses) + known
            for source, hypotheses, known in zip(sources, searched, found, strict=True)
        ]
    rated = rate_candidates(memory, sources, found)
    if not asked:
        return rated
    return ask_network(network, preprocessor, sources, rated, settings.length_penalty, device)


def best_known(
    network: TranslateNetwork,
    memory: TranslationMemory,
    sources: list[str],
    found: list[list[Candidate]],
) -> list[list[Candidate]]:
    """Those of the known pairs' candidates that the network is asked about: the best without it."""
    weights = network.candidate_weights[1].cpu().numpy().astype(float)
    rated = rate_candidates(memory, sources, found)
    return [[each.candidate for each in ranked(own, weights)[:ASKED]] for own in rated]


def as_candidates(
    preprocessor: PairPreprocessor, source: str, hypotheses: list[Hypothesis]
) -> list[Candidate]:
    """What the search found for a source, best first, as candidates."""
    tokens = preprocessor.source_tokens(source)
    texts = [as_translation(preprocessor, tokens, each)["translation"] for each in hypotheses]
    return [
        Candidate(text, "network", hypothesis=each)
        for text, each in zip(texts, hypotheses, strict=True)
    ]


def choose(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    sources: list[str],
    rated: list[list[RatedCandidate]],
    weights: np.ndarray,
    settings: TranslateSettings,
    device: torch.device,
) -> list[TranslatePrediction]:
    """The best candidates of each source as a prediction.

    Args:
        network: on the device, in eval mode; it says how it would have written what is chosen.
        preprocessor: its vocabularies.
        sources: of one batch.
        rated: the candidates of each.
        weights: of the features [F].
        settings: of the search.
        device: of the network.
    """
    chosen = [ranked(each, weights)[: settings.best] for each in rated]
    told = ask_network(network, preprocessor, sources, chosen, settings.length_penalty, device)
    predictions = []
    for source, own, best, every in zip(sources, chosen, told, rated, strict=True):
        hypotheses = [h for each in best if (h := each.candidate.hypothesis) is not None]
        translations: list[Translation] = [
            {
                "translation": each.candidate.text,
                "log_probability": hypothesis.log_probability,
                "score": each.score(weights),
                "finished": hypothesis.finished,
                "origin": each.candidate.origin,
            }
            for each, hypothesis in zip(own, hypotheses, strict=True)
        ]
        searched = [each.candidate for each in every if each.features[0]]
        predictions.append(
            as_prediction(
                preprocessor,
                source,
                translations,
                hypotheses[0],
                searched[0].text if searched else None,
            )
        )
    return predictions


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
    length = max(longest_output(preprocessor, settings, text) for text in texts)
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


def longest_output(preprocessor: PairPreprocessor, settings: TranslateSettings, source: str) -> int:
    """The most tokens of a translation: of the longest target in training, and its end.

    With known pairs, which say how much longer than sources targets are, no more than twice what is
    expected of this source and some more: a network that was hardly trained never ends. In steps of
    `LIMIT` tokens, so that sources of about the same length share it.
    """
    memory, longest = preprocessor.floor, preprocessor.longest + 1
    if memory is None or settings.max_output is not None or settings.temperature is not None:
        return settings.max_output or longest
    tokens = longest / (memory.longest_target + 1)  # for each character
    expected = 2 * tokens * memory.growth * (len(source) + 1)
    return min(longest, LIMIT * (1 + math.ceil(expected / LIMIT)))


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


def searched_prediction(
    preprocessor: PairPreprocessor, text: str, hypotheses: list[Hypothesis], best: int
) -> TranslatePrediction:
    """The best hypotheses of one source as a prediction."""
    tokens = preprocessor.source_tokens(text)
    translations = [as_translation(preprocessor, tokens, each) for each in hypotheses[:best]]
    own = translations[0]["translation"]
    return as_prediction(preprocessor, text, translations, hypotheses[0], own)


def as_prediction(
    preprocessor: PairPreprocessor,
    text: str,
    translations: list[Translation],
    first: Hypothesis,
    network: str | None,
) -> TranslatePrediction:
    """The translations of one source as a prediction, as JSON can hold it.

    Args:
        preprocessor: the vocabularies.
        text: the source.
        translations: best first.
        first: the first of them as the network has it.
        network: what it alone would have written.
    """
    tokens = preprocessor.source_tokens(text)
    best, *others = translations
    attention = first.attention
    rows = [] if attention is None else attention[:, : len(tokens)].tolist()
    end = [preprocessor.target.name(BOUNDARY)] if first.finished else []
    return {
        "source": text,
        **best,
        "source_tokens": tokens,
        "target_tokens": [*preprocessor.target_tokens(first.tokens), *end],
        "attention": [[round(weight, 4) for weight in row] for row in rows],
        "unknown": preprocessor.source.unknown(text),
        "others": others,
        "network": network,
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
        "origin": "network",
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
