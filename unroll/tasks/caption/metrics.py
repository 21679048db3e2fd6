"""How good captions are beside those that people wrote: CIDEr-D, ROUGE-L, BLEU.

All three compare words: lower case, marks left out. An image may have several references.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

WORD = re.compile(r"\w+(?:['’]\w+)*")
ORDERS = 4  # the longest n-gram, in words
SIGMA = 6.0  # words by which a caption may well be longer or shorter
BETA = 1.2  # weight of recall in ROUGE-L, as coco-caption has it

Gram = tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a caption that are compared."""
    return WORD.findall(text.lower())


class Weighted(NamedTuple):
    """A caption's n-grams with their weights, the norm of each order, and its bigrams."""

    grams: list[dict[Gram, float]]
    norms: list[float]
    length: int


class CiderD:
    """CIDEr-D: n-grams that a caption shares with the references, rare ones worth more.

    When to use it: as the figure of a captioner (`mean(cider_d(...))`), and to find the caption that
    agrees most with others (`agreement`).

        weight_n(g, s) = count of g in s * (log N - log max(1, df(g)))
        sim_n(c, r) = sum_g min(weight(g, c), weight(g, r)) weight(g, r) / (|weight(c)| |weight(r)|)
                      * exp(-(len c - len r)^2 / (2 sigma^2))
        CIDEr-D(c, R) = 10 * mean over n = 1..4 and r in R of sim_n(c, r)

    N: images. df(g): images of which a reference has g. sigma = 6. The lengths are in bigrams, as in
    the authors' own program. A figure belongs to its set: df is that of the references evaluated.

    Source: R. Vedantam et al., CIDEr: consensus-based image description evaluation, 2015
    (https://arxiv.org/abs/1411.5726), section 6, and coco-caption's CiderD. Their tokenizer is
    Stanford's, which cuts some words otherwise.

    references: of every image, from which df is counted.

    Example:
        >>> from unroll.tasks.caption.metrics import CiderD
        >>> known = CiderD([["a red dog runs"], ["a blue cat sits"], ["the sun sets now"]])
        >>> round(known.score("a red dog runs", ["a red dog runs"]), 2)
        10.0
    """

    def __init__(self, references: Iterable[Sequence[str]]) -> None:
        self.df: Counter[Gram] = Counter()
        images = 0
        for group in references:
            images += 1
            self.df.update({gram for text in group for gram in counted(text)})
        self.log_images = math.log(max(1, images))

    def score(self, said: str, references: Sequence[str]) -> float:
        """CIDEr-D of one caption, 0 to 10."""
        one = self.weighted(said)
        found = [self.alike(one, self.weighted(text)) for text in references]
        return sum(found) / max(1, len(found))

    def agreement(self, captions: Sequence[str]) -> list[float]:
        """The mean CIDEr-D of each caption with all of them as references; a caption that stands
        there several times counts so often."""
        times = Counter(captions)
        known = [self.weighted(text) for text in times]
        lengths = np.array([one.length for one in known])
        total = np.zeros((len(known), len(known)))  # a row a caption, a column a reference
        for n in range(ORDERS):
            grams: dict[Gram, int] = {}
            for one in known:
                for gram in one.grams[n]:
                    grams.setdefault(gram, len(grams))
            weights = np.zeros((len(known), len(grams)))
            for row, one in zip(weights, known, strict=True):
                row[[grams[gram] for gram in one.grams[n]]] = list(one.grams[n].values())
            norms = np.array([one.norms[n] or np.inf for one in known])
            for k, row in enumerate(weights):
                total[k] += (np.minimum(row, weights) * weights).sum(1) / (norms[k] * norms)
        total *= np.exp(-((lengths[:, None] - lengths) ** 2) / (2 * SIGMA**2))
        worth = 10 / ORDERS * total @ np.array(list(times.values())) / max(1, len(captions))
        found = dict(zip(times, worth.tolist(), strict=True))
        return [found[text] for text in captions]

    def weighted(self, text: str) -> Weighted:
        """What of a caption is compared."""
        grams: list[dict[Gram, float]] = [{} for _ in range(ORDERS)]
        length = 0
        for gram, count in counted(text).items():
            rarity = self.log_images - math.log(max(1, self.df.get(gram, 0)))
            grams[len(gram) - 1][gram] = count * rarity
            length += count if len(gram) == 2 else 0
        norms = [math.sqrt(sum(weight**2 for weight in part.values())) for part in grams]
        return Weighted(grams, norms, length)

    def alike(self, said: Weighted, reference: Weighted) -> float:
        """10 times the mean of sim_n."""
        total = 0.0
        for a, b, norm_a, norm_b in zip(
            said.grams, reference.grams, said.norms, reference.norms, strict=True
        ):
            if norm_a and norm_b:
                both = a.keys() & b.keys()
                total += sum(min(a[g], b[g]) * b[g] for g in both) / (norm_a * norm_b)
        apart = said.length - reference.length
        return 10 * total / ORDERS * math.exp(-(apart**2) / (2 * SIGMA**2))


def counted(text: str) -> Counter[Gram]:
    """How often each n-gram of one to four words stands in a caption."""
    said = words(text)
    return Counter(
        tuple(said[at : at + n]) for n in range(1, ORDERS + 1) for at in range(len(said) - n + 1)
    )


def cider_d(said: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """CIDEr-D of the caption of each image, df counted over all their references."""
    known = CiderD(references)
    return [known.score(one, group) for one, group in zip(said, references, strict=True)]


def rouge_l(said: str, references: Sequence[str]) -> float:
    """ROUGE-L: F of the longest common subsequence of words, 0 to 1.

        P = max_r lcs(c, r) / |c|,  R = max_r lcs(c, r) / |r|,  F = (1 + b^2) P R / (R + b^2 P)

    b = 1.2. Source: C.-Y. Lin, ROUGE: a package for automatic evaluation of summaries, 2004, with the
    best precision and the best recall of all references as coco-caption has it.

    Example:
        >>> from unroll.tasks.caption.metrics import rouge_l
        >>> round(rouge_l("a dog runs", ["the dog runs"]), 4)
        0.6667
    """
    one = words(said)
    groups = [words(text) for text in references]
    common = [(common_length(one, other), len(other)) for other in groups]
    precision = max((n / max(1, len(one)) for n, _ in common), default=0.0)
    recall = max((n / max(1, length) for n, length in common), default=0.0)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common_length(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        corner = 0
        for k, other in enumerate(b, 1):
            above = row[k]
            row[k] = corner + 1 if word == other else max(above, row[k - 1])
            corner = above
    return row[-1]


def caption_scores(said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Any]:
    """cider_d and rouge_l, means over the images; bleu over all of them; and its signature.

    BLEU is sacreBLEU's, 0 to 100, of the compared words (M. Post 2018,
    https://arxiv.org/abs/1804.08771).

    Example:
        >>> from unroll.tasks.caption.metrics import caption_scores
        >>> round(caption_scores(["a big red dog"], [["A big red dog."]])["bleu"])
        100
    """
    from sacrebleu.metrics.bleu import BLEU

    # sacreBLEU wants as many references of every image; None where an image has fewer
    most = max(map(len, references))
    columns = [
        [" ".join(words(group[k])) if k < len(group) else None for group in references]
        for k in range(most)
    ]
    bleu = BLEU(tokenize="none")
    value = bleu.corpus_score([" ".join(words(one)) for one in said], columns).score  # type: ignore[arg-type]
    pairs = list(zip(said, references, strict=True))
    return {
        "cider_d": sum(cider_d(said, references)) / len(pairs),
        "rouge_l": sum(rouge_l(one, group) for one, group in pairs) / len(pairs),
        "bleu": value,
        "signature": str(bleu.get_signature()),
    }
