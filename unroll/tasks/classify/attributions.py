"""Which steps of an input its label depends on: by the network, by counting and by the simple model.

What is attributed is the logit that the answer is made of,

    z = a (z_network + counts) + b z_simple,

with the shares a and b of the run (1 and 0 where the network is alone).

T steps, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unroll.tasks.classify.floor import ClassifyFloor, FloorInputs
from unroll.tasks.classify.labelled import LabelledSequences, make_batch
from unroll.tasks.classify.metrics import TrainedClassifier
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor


@dataclass(frozen=True)
class AttributedInput:
    """One input with the attribution of each step to the logit of its label.

    Attributes:
        value: the input.
        probabilities: of each class, [K].
        label: the number of the most likely class.
        tokens: of a text, those that were read, [T]; else empty.
        network: what each of the T steps adds by network and counts, times the network's share.
        steps: the words of a text, or none where the steps are rows or the tokens themselves.
        simple: what each word adds by the simple model, times its share; empty where it is not
            attributed.
    """

    value: str | np.ndarray
    probabilities: list[float]
    label: int
    tokens: list[str]
    network: list[float]
    steps: list[str]
    simple: list[float]


def attribute_inputs(
    trained: TrainedClassifier, values: Sequence[str | np.ndarray]
) -> Iterator[AttributedInput]:
    """The attributions of a few inputs, which are read side by side.

    Args:
        trained: the model.
        values: texts, or numbers [T, F], each of at least one step.
    """
    preprocessor, network = trained.preprocessor, trained.model.eval()
    records = unlabelled_records(preprocessor, values)
    batch = make_batch(records, list(range(len(values)))).to(trained.device)
    floor = records.floor_logits
    floor_logits = None if floor is None else torch.from_numpy(floor).to(trained.device)
    p, found = network.attributions(batch.x, batch.lengths, batch.count_scores, floor_logits)
    own, simple = (1.0, 0.0) if network.shares is None else network.shares.tolist()
    for k, (value, row) in enumerate(zip(values, p.tolist(), strict=True)):
        items = records.values(k)
        label = int(np.argmax(row))
        steps = found[: len(items), k].cpu().numpy().astype(float)
        if preprocessor.counts is not None and network.trust is not None:
            trust = network.trust.detach().cpu().numpy()
            counted = np.einsum("o,tok->tk", trust, preprocessor.counts.step_scores(items))
            steps = steps + counted[:, label]
        words, falls = list[str](), list[float]()
        tokens = [] if not isinstance(value, str) else preprocessor.tokens(value)[: len(items)]
        if preprocessor.floor is not None and simple and isinstance(value, str):
            are_words = preprocessor.step_unit == "words"
            pairs = word_attributions(tokens, [0.0] * len(tokens), tokens_are_words=are_words)
            words = [word for word, _ in pairs]
            falls = (simple * logit_falls(preprocessor.floor, words, label)).tolist()
        yield AttributedInput(value, row, label, tokens, (own * steps).tolist(), words, falls)


def unlabelled_records(
    preprocessor: ClassifyPreprocessor, values: Sequence[str | np.ndarray]
) -> LabelledSequences:
    """Inputs as records whose labels mean nothing."""
    parts = [preprocessor.encode(value)[: preprocessor.longest] for value in values]
    unlabelled = np.zeros(len(parts), dtype=np.int64)
    return LabelledSequences(
        items=np.concatenate(parts),
        starts=np.cumsum([0, *map(len, parts)]),
        targets=unlabelled,
        content_hashes=unlabelled,
        is_truncated=unlabelled.astype(bool),
        unknown=0,
        counts=preprocessor.counts,
        texts=[value for value in values if isinstance(value, str)],
        floor=preprocessor.floor,
    )


def logit_falls(floor: ClassifyFloor, words: list[str], label: int) -> np.ndarray:
    """How far the simple model's logit of a label falls where each word is left out, [words].

    Args:
        floor: the simple model.
        words: of one text.
        label: the number of the class.
    """
    texts = [" ".join(words), *(" ".join(words[:k] + words[k + 1 :]) for k in range(len(words)))]
    nothing = np.zeros(len(texts), dtype=np.int64)
    logits = floor.logits(FloorInputs(texts, nothing, nothing, nothing))[:, label]
    falls: np.ndarray = logits[0] - logits[1:]
    return falls


def word_attributions(
    tokens: list[str], attributions: list[float], *, tokens_are_words: bool
) -> list[tuple[str, float]]:
    """The words of a text with their attributions, from those of its tokens.

    Args:
        tokens: characters, or pieces that begin with a space where a word begins, or words.
        attributions: that of each token; the sum over a word's tokens is the word's.
        tokens_are_words: whether each token is a word.

    Examples:
        >>> from unroll.tasks.classify.attributions import word_attributions
        >>> word_attributions(list("a be"), [1.0, 0.0, 0.5, 0.25], tokens_are_words=False)
        [('a', 1.0), ('be', 0.75)]
    """
    if tokens_are_words:
        return list(zip(tokens, attributions, strict=True))
    words: list[tuple[str, float]] = []
    is_new = True
    for token, attribution in zip(tokens, attributions, strict=True):
        if is_new or token[:1].isspace():
            words.append(("", 0.0))
        words[-1] = (words[-1][0] + token, words[-1][1] + attribution)
        is_new = token.isspace()
    return [(word.strip(), attribution) for word, attribution in words if word.strip()]
