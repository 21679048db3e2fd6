"""How good translations are: BLEU, chrF, exact matches, loss; and the same of baselines."""

from __future__ import annotations

import math
import time
from collections import Counter
from functools import cache
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch

from unroll.data.vocabulary import UNKNOWN
from unroll.models.softmax import loss_and_hits
from unroll.tasks.base import Progress
from unroll.tasks.translate.baseline import NearestNeighbour
from unroll.tasks.translate.batches import EncodedPairs, evaluation_batches
from unroll.tasks.translate.decoding import (
    TrainedTranslator,
    TranslatePrediction,
    describe_search,
    groups,
    translate,
)
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.reader import encode_pairs
from unroll.tasks.translate.rescoring import ranked, rate_candidates

LOGITS = 1 << 22  # at a time
FEWEST_WORDS = 4  # of a reference, for BLEU
PART = 64  # pairs that are translated at a time, between two looks at the clock


class TokenMetrics(TypedDict):
    """How well a translator predicts target tokens from the true ones before them.

    Attributes:
        loss: nats per token.
        perplexity: exp(loss).
        token_accuracy: share of the tokens that are the most likely ones, 0 to 1.
    """

    loss: float
    perplexity: float
    token_accuracy: float


class TranslationScores(TypedDict):
    """How similar translations are to their references.

    Attributes:
        bleu: BLEU of the corpus, 0 to 100.
        exact_match: share of the translations that equal their reference, 0 to 1.
        chrf: chrF of the corpus, 0 to 100.
        signatures: how sacreBLEU computed each score, by the name of the score.
        without_bleu: true where no reference has four words, so that BLEU, whose grams have up to four,
            says nothing.
    """

    bleu: float
    exact_match: float
    chrf: float
    signatures: dict[str, str]
    without_bleu: NotRequired[bool]


class UnknownRates(TypedDict):
    """The share of unknown tokens, 0 to 1.

    Attributes:
        source: of the sources.
        target: of the targets.
    """

    source: float
    target: float


class TranslateMetrics(TokenMetrics, TranslationScores, total=False):
    """Metrics of a translator on some pairs.

    Attributes:
        pairs: how many.
        tokens: target tokens, with the ends.
        unknown_rate: share of unknown tokens on each side.
        search: how translations were searched, in words.
        baselines: scores of "source copied" and "nearest neighbour"; of the "known pairs alone" and
            of the "network alone" where they are combined.
        skipped: bad records that were skipped; only in the evaluation of a file.
        groups: the same for the pairs of each group, by its name; only where a column names it.
        origins: how many translations are from where, as `Translation.origin` says; only with known
            pairs.
    """

    pairs: int
    tokens: int
    unknown_rate: UnknownRates
    search: str
    baselines: dict[str, TranslationScores]
    skipped: int
    groups: dict[str, TranslateMetrics]
    origins: dict[str, int]


@torch.no_grad()
def token_metrics(
    network: TranslateNetwork,
    pairs: EncodedPairs,
    device: torch.device,
    progress: Progress | None = None,
) -> TokenMetrics:
    """Predict each target token from the source and the true tokens before it.

    Args:
        network: on the device; it is set to eval mode.
        pairs: as ids.
        device: of the network.
        progress: called with the share that is done.
    """
    network.eval()
    nats, hits, tokens = 0.0, 0, 0
    weight, bias = network.softmax_weight, network.bias
    for _, batch in evaluation_batches(pairs):
        moved = batch.to(device)
        encoded = network.encode(moved.source, moved.lengths)
        h, _ = network.decode(encoded, moved.inputs, moved.weight.sum(0))
        rows, targets = h[moved.weight], moved.target[moved.weight]
        size = max(1, LOGITS // len(bias))
        for part, wanted in zip(rows.split(size), targets.split(size), strict=True):
            part_nats, part_hits = loss_and_hits(part, weight, bias, wanted)
            nats += part_nats
            hits += part_hits
        tokens += len(targets)
        if progress is not None:
            progress(min(1.0, tokens / max(1, len(pairs.target.ids) + len(pairs))))
    loss = nats / tokens
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "token_accuracy": hits / tokens,
    }


def exact_match(translations: list[str], references: list[str]) -> float:
    """The share of translations that equal their reference, 0 to 1."""
    pairs = zip(translations, references, strict=True)
    return float(np.mean([translation == reference for translation, reference in pairs]))


def bleu_score(translations: list[str], references: list[str]) -> tuple[float, str]:
    """BLEU of the corpus, 0 to 100, and its signature.

    Source: M. Post, A call for clarity in reporting BLEU scores, 2018
    (https://arxiv.org/abs/1804.08771), by the package sacrebleu.
    """
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU()
    return bleu.corpus_score(translations, [references]).score, str(bleu.get_signature())


def translation_scores(translations: list[str], references: list[str]) -> TranslationScores:
    """Compare translations with their references by BLEU, chrF and equality.

    Source: as `bleu_score`; M. Popović, chrF: character n-gram F-score for automatic MT evaluation,
    2015, by the package sacrebleu.

    Args:
        translations: what a model or a baseline wrote.
        references: a reference for each.

    Examples:
        >>> from unroll.tasks.translate.metrics import translation_scores
        >>> scores = translation_scores(["le chat noir dort"], ["le chat noir dort"])
        >>> round(scores["bleu"]), round(scores["chrf"]), scores["exact_match"]
        (100, 100, 1.0)
    """
    from sacrebleu.metrics.chrf import CHRF

    bleu, bleu_signature = bleu_score(translations, references)
    chrf = CHRF()
    scores: TranslationScores = {
        "bleu": bleu,
        "exact_match": exact_match(translations, references),
        "chrf": chrf.corpus_score(translations, [references]).score,
        "signatures": {"bleu": bleu_signature, "chrf": str(chrf.get_signature())},
    }
    if not any(has_four_words(reference) for reference in references):
        scores["without_bleu"] = True
    return scores


def has_four_words(reference: str) -> bool:
    """Whether BLEU finds a gram of four words in a reference, as sacreBLEU splits it."""
    bleu, _ = sentence_scorers()
    return len(bleu.tokenizer(reference).split()) >= FEWEST_WORDS


def unknown_rates(pairs: EncodedPairs) -> UnknownRates:
    """The share of unknown tokens on each side."""
    source, target = pairs.source.ids, pairs.target.ids
    return {"source": unknown_rate(source), "target": unknown_rate(target)}


def unknown_rate(ids: np.ndarray) -> float:
    """The share of ids [N] that are the unknown token; 0 where there are none."""
    return float((ids == UNKNOWN).mean()) if len(ids) else 0.0


def sentence_quality(translation: str, reference: str) -> float:
    """The mean of chrF and of BLEU with the orders that the sentence has, 0 to 1.

    Source: as `translation_scores`.
    """
    bleu, chrf = sentence_scorers()
    parts = (scorer.sentence_score(translation, [reference]).score for scorer in (bleu, chrf))
    return sum(parts) / 200


@cache
def sentence_scorers() -> tuple[Any, Any]:
    """BLEU and chrF of single sentences."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return BLEU(effective_order=True), CHRF()


def corpus_quality(translations: list[str], references: list[str]) -> float:
    """The mean of BLEU and chrF of the corpus, 0 to 100."""
    scores = translation_scores(translations, references)
    return (scores["bleu"] + scores["chrf"]) / 2


def measure(trained: TrainedTranslator, pairs: list[Pair], progress: Progress) -> TranslateMetrics:
    """Metrics of a translator beside the scores of its baselines.

    Args:
        trained: the model, and the seconds that this may take: of many pairs as many as fit.
        pairs: sources and their references; where not all may fit, any first ones have to be a sample.
        progress: called with the share of the pairs that are translated.
    """
    started = time.perf_counter()
    predictions: list[TranslatePrediction] = []
    for part in groups(pairs, PART if trained.seconds is not None else max(1, len(pairs))):
        sources = [pair.source for pair in part]
        for prediction in translate(
            trained.model, trained.preprocessor, sources, trained.settings, trained.device
        ):
            predictions.append(prediction)
            progress(len(predictions) / len(pairs))
        if trained.seconds is not None and time.perf_counter() - started > trained.seconds:
            break
    pairs = pairs[: len(predictions)]
    encoded = encode_pairs(pairs, trained.preprocessor)
    references = [pair.target for pair in pairs]
    translations = [prediction["translation"] for prediction in predictions]
    texts = baseline_translations(trained, pairs)
    alone = [prediction["network"] for prediction in predictions]
    metrics: TranslateMetrics = {
        **token_metrics(trained.model, encoded, trained.device),
        **translation_scores(translations, references),
        "pairs": len(pairs),
        "tokens": len(encoded.target.ids) + len(pairs),
        "unknown_rate": unknown_rates(encoded),
        "search": describe_search(trained.settings),
        "baselines": {name: translation_scores(own, references) for name, own in texts.items()},
    }
    if trained.preprocessor.floor is not None:
        metrics["origins"] = dict(Counter(each["origin"] for each in predictions))
        if None not in alone:
            own = [text or "" for text in alone]
            metrics["baselines"]["network alone"] = translation_scores(own, references)
    return metrics


def baseline_translations(trained: TrainedTranslator, pairs: list[Pair]) -> dict[str, list[str]]:
    """What each baseline writes for these sources, by its name."""
    sources = [pair.source for pair in pairs]
    memory = trained.preprocessor.floor
    if memory is None:
        neighbour = NearestNeighbour.load(trained.path)
        nearest = [neighbour.translate(source) for source in sources]
        return {"source copied": sources, "nearest neighbour": nearest}
    weights = trained.model.candidate_weights[1].cpu().numpy().astype(float)
    nearest, alone = [], []
    for some in groups(sources, PART):
        found = memory.candidates(some)
        nearest += [own[0].text for own in found]
        if weights.any():
            rated = rate_candidates(memory, some, found)
            alone += [ranked(own, weights)[0].candidate.text for own in rated]
    texts = {"source copied": sources, "nearest neighbour": nearest}
    return {**texts, "known pairs alone": alone} if alone else texts
