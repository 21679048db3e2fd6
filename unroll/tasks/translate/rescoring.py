"""The best of what a search and known pairs suggest, by a linear score.

B sources, C candidates of all of them, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from unroll.data.padding import decoder_targets, pad_sequences
from unroll.data.vocabulary import Ids
from unroll.models.attentive_decoder import EncodedInput
from unroll.models.beam_search import Hypothesis
from unroll.tasks.translate.memory import Candidate, TranslationMemory, lower_words
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.ngrams import character_ngrams, normalised
from unroll.tasks.translate.preprocessor import PairPreprocessor

FEATURES = (
    "searched",  # 1 where the search of the network found it
    "network",  # log-probability over a length, as the search ranks
    "similarity",  # of the source to that of the known pair
    "same source",  # 1 where the known pair has the source
    "mended",  # 1 where words of a known target were replaced
    "word by word",  # 1 where each word was translated by itself
    "length",  # |log| of its characters over those that are expected
    "forward",  # mean log-probability of its words, given those of the source
    "backward",  # mean log-probability of the words of the source, given its own
    "consensus",  # mean similarity to the other candidates
)
NETWORK = (FEATURES.index("searched"), FEATURES.index("network"))
ROWS = 256  # candidates that the network reads at a time
LOGITS = 1 << 22  # at a time


@dataclass(frozen=True)
class RatedCandidate:
    """A candidate with the numbers that rank it.

    Attributes:
        candidate: the translation.
        features: in the order of `FEATURES` [F].
    """

    candidate: Candidate
    features: np.ndarray

    def score(self, weights: np.ndarray) -> float:
        """What it is ranked by. weights: of the features [F]."""
        return float(self.features @ weights)


def ranked(candidates: Sequence[RatedCandidate], weights: np.ndarray) -> list[RatedCandidate]:
    """Candidates by their score, best first; of equal ones the first. weights: [F]."""
    return sorted(candidates, key=lambda each: -each.score(weights))


def rate_candidates(
    memory: TranslationMemory, sources: Sequence[str], found: Sequence[Sequence[Candidate]]
) -> list[list[RatedCandidate]]:
    """The features of the candidates of each source; "network" only of those that have a hypothesis.

    Candidates with the same text become one.

    Args:
        memory: known pairs.
        sources: B of them.
        found: the candidates of each.
    """
    flat = list(chain.from_iterable(found))
    row = np.repeat(np.arange(len(sources)), [len(each) for each in found])
    features = np.zeros((len(flat), len(FEATURES)))
    features[:, 0] = [each.origin == "network" for each in flat]
    features[:, 1] = [each.hypothesis.score if each.hypothesis else 0.0 for each in flat]
    features[:, 2] = [each.similarity for each in flat]
    features[:, 3] = [each.same_source for each in flat]
    features[:, 4] = [each.origin == "mended neighbour" for each in flat]
    features[:, 5] = [each.origin == "word by word" for each in flat]
    expected = memory.growth * (1 + np.array([len(sources[r]) for r in row.tolist()]))
    lengths = np.array([1 + len(each.text) for each in flat])
    features[:, 6] = np.abs(np.log(lengths / expected))
    words = [lower_words(each.text) for each in flat]
    split = [lower_words(source) for source in sources]
    given = [split[r] for r in row.tolist()]
    features[:, 7] = memory.forward.scores(given, words)
    features[:, 8] = memory.backward.scores(words, given)
    features[:, 9] = consensus([each.text for each in flat], row)
    rated: list[list[RatedCandidate]] = [[] for _ in sources]
    for r, candidate, numbers in zip(row.tolist(), flat, features, strict=True):
        add_candidate(rated[r], RatedCandidate(candidate, numbers))
    return rated


def add_candidate(rated: list[RatedCandidate], new: RatedCandidate) -> None:
    """Add a candidate, or merge it into the one with the same text; the first keeps its origin."""
    for place, known in enumerate(rated):
        if known.candidate.text == new.candidate.text:
            features = known.features.copy()
            features[0] = max(known.features[0], new.features[0])
            features[2:4] = np.maximum(known.features[2:4], new.features[2:4])
            features[4:6] = np.minimum(known.features[4:6], new.features[4:6])
            rated[place] = replace(known, features=features)
            return
    rated.append(new)


def consensus(texts: Sequence[str], row: np.ndarray) -> np.ndarray:
    """How similar each candidate is to the others of its source, on average, 0 to 1.

    Args:
        texts: of all candidates.
        row: the source of each, increasing, [C].

    Returns:
        The mean cosine of their n-grams of characters [C]; 0 where there is no other.
    """
    if not len(texts):
        return np.zeros(0)
    from scipy.sparse import csr_matrix

    vectors, C = normalised(character_ngrams(texts)), len(texts)
    # the sum of the cosines with all of a source is the product with the sum of their vectors
    of_source = csr_matrix((np.ones(C), (row, np.arange(C))))
    similar = np.asarray(vectors.multiply((of_source @ vectors)[row]).sum(1)).ravel()
    others = np.bincount(row)[row] - 1
    return np.maximum(0.0, similar - 1) * (others > 0) / np.maximum(others, 1)


@torch.no_grad()
def ask_network(
    network: TranslateNetwork,
    preprocessor: PairPreprocessor,
    sources: Sequence[str],
    rated: Sequence[Sequence[RatedCandidate]],
    length_penalty: float,
    device: torch.device,
) -> list[list[RatedCandidate]]:
    """The same candidates with the network's log-probability of each, as the search ranks them.

    Those that the search found are not asked for again.

    Args:
        network: on the device, in eval mode.
        preprocessor: its vocabularies.
        sources: B of them.
        rated: the candidates of each.
        length_penalty: of the search.
        device: of the network.
    """
    asked = [list(each) for each in rated]
    new = [
        (r, place)
        for r, own in enumerate(asked)
        for place, each in enumerate(own)
        if each.candidate.hypothesis is None
    ]
    if not new:
        return asked
    ids, lengths = pad_sequences([preprocessor.source.encode(source) for source in sources])
    encoded = network.encode(ids.to(device), lengths)
    for first in range(0, len(new), ROWS):
        some = new[first : first + ROWS]
        rows = torch.tensor([r for r, _ in some], device=device)
        texts = [asked[r][place].candidate.text for r, place in some]
        targets = [preprocessor.target.encode(text) for text in texts]
        followed = follow(network, encoded.select(rows), targets, length_penalty)
        for (r, place), hypothesis in zip(some, followed, strict=True):
            each = asked[r][place]
            numbers = each.features.copy()
            numbers[1] = hypothesis.score
            candidate = replace(each.candidate, hypothesis=hypothesis)
            asked[r][place] = RatedCandidate(candidate, numbers)
    return asked


def follow(
    network: TranslateNetwork, encoded: EncodedInput, targets: Sequence[Ids], length_penalty: float
) -> list[Hypothesis]:
    """Known targets as hypotheses of a network: their log-probability, score and attention.

    Args:
        network: in eval mode.
        encoded: an input for each target.
        targets: ids of each, without boundaries.
        length_penalty: as of `beam_search`.
    """
    device = network.bias.device
    inputs, wanted, weight, _ = (each.to(device) for each in decoder_targets(list(targets)))
    lengths = weight.sum(0)
    h, attention = network.decode(encoded, inputs, lengths)
    gained = torch.zeros(weight.shape, device=device)
    gained[weight] = token_log_probabilities(network, h[weight], wanted[weight])
    found = []
    for b, ids in enumerate(targets):
        total = float(gained[:, b].sum())
        score = total / ((6 + len(ids)) / 6) ** length_penalty
        own = attention[: len(ids) + 1, b]
        found.append(Hypothesis([int(id) for id in ids], total, score, True, own))
    return found


def token_log_probabilities(network: TranslateNetwork, h: Tensor, wanted: Tensor) -> Tensor:
    """log p of each of these tokens [M], given what the softmax reads, [M, A]."""
    size = max(1, LOGITS // len(network.bias))
    parts = [
        linear(some, network.softmax_weight, network.bias)
        .log_softmax(-1)
        .gather(1, ids[:, None])[:, 0]
        for some, ids in zip(h.split(size), wanted.split(size), strict=True)
    ]
    return torch.cat(parts)
