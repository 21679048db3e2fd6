"""How good captions are: CIDEr-D, ROUGE-L, BLEU, loss; and the same of baselines.

Captions are compared by their words: in lower case, without marks. An image may have several
references.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch

from unroll.data.split import count_shared, evenly_spread
from unroll.data.vocabulary import UNKNOWN
from unroll.models.softmax import loss_and_hits
from unroll.tasks.base import Progress
from unroll.tasks.caption.baseline import NearestImage
from unroll.tasks.caption.batches import CaptionSet, groups_in_time
from unroll.tasks.caption.cider import cider_d, words_of
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.decoding import (
    ImageCaptioner,
    TrainedCaptioner,
    describe_search,
    prior_of,
)
from unroll.tasks.caption.neighbours import (
    KnownImages,
    image_features,
    neighbour_captions,
    thumbnail_batches,
)
from unroll.tasks.caption.network import Captioner

BETA = 1.2  # weight of recall in ROUGE-L, as in coco-caption
BATCH_SIZE = 64  # of evaluation


class CaptionTokenMetrics(TypedDict):
    """How well a captioner predicts words from the true ones before them.

    Attributes:
        loss: nats per token.
        token_accuracy: share of the tokens that are the most likely ones, 0 to 1.
    """

    loss: float
    token_accuracy: float


class CaptionScores(TypedDict):
    """How similar captions are to their references.

    Attributes:
        cider_d: CIDEr-D, the mean over images, 0 to 10.
        rouge_l: ROUGE-L, the mean over images, 0 to 1.
        bleu: BLEU of all captions together, 0 to 100.
        signature: how sacreBLEU computed it.
    """

    cider_d: float
    rouge_l: float
    bleu: float
    signature: str


class CaptionMetrics(CaptionTokenMetrics, CaptionScores, total=False):
    """Metrics of a captioner on some images.

    Attributes:
        images: how many were captioned.
        captions: their references.
        different: how many different captions the model wrote.
        unknown_rate: share of unknown tokens in the references.
        in_training: references that the training set has too.
        search: how captions were chosen, in words.
        most_frequent: the most frequent caption of the training set.
        baselines: scores of "most frequent caption", "nearest image" and, where the run knows the images
            of the training set, "similar images".
        skipped: bad records that were skipped; only in the evaluation of a file.
        groups: the same for the captions of each group, by its name; only where a column names it.
    """

    images: int
    captions: int
    different: int
    unknown_rate: float
    in_training: int
    search: str
    most_frequent: str
    baselines: dict[str, CaptionScores]
    skipped: int
    groups: dict[str, CaptionMetrics]


@torch.no_grad()
def token_metrics(
    network: Captioner,
    captions: CaptionSet,
    device: torch.device,
    rows: list[int] | None = None,
) -> CaptionTokenMetrics:
    """Predict each token from the image and the true tokens before it.

    Args:
        network: on the device; it is set to eval mode.
        captions: with their images.
        device: of the network.
        rows: the captions that count. Default: all.
    """
    network.eval()
    nats, hits, tokens = 0.0, 0, 0
    chosen = list(range(len(captions))) if rows is None else list(rows)
    lengths = captions.lengths
    chosen.sort(key=lambda row: -int(lengths[row]))
    for at in range(0, len(chosen), BATCH_SIZE):
        batch = captions.batch(chosen[at : at + BATCH_SIZE]).to(device)
        h, _ = network.decode(network.encode(batch.images), batch.inputs, batch.weight.sum(0))
        targets = batch.target[batch.weight]
        batch_nats, batch_hits = loss_and_hits(
            h[batch.weight], network.softmax_weight, network.bias, targets
        )
        nats += batch_nats
        hits += batch_hits
        tokens += len(targets)
    return {"loss": nats / max(1, tokens), "token_accuracy": hits / max(1, tokens)}


def caption_scores(captions: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionScores:
    """Compare captions with their references by CIDEr-D, ROUGE-L and BLEU.

    BLEU is sacreBLEU's, of the compared words (M. Post 2018, https://arxiv.org/abs/1804.08771).

    Args:
        captions: one for each image.
        references: those of each image, at least one each.

    Examples:
        >>> from unroll.tasks.caption.metrics import caption_scores
        >>> round(caption_scores(["a big red dog"], [["A big red dog."]])["bleu"])
        100
    """
    from sacrebleu.metrics.bleu import BLEU

    # sacreBLEU takes the same number of references for each image; None where an image has fewer
    most = max(map(len, references))
    columns = [
        [" ".join(words_of(group[k])) if k < len(group) else None for group in references]
        for k in range(most)
    ]
    bleu = BLEU(tokenize="none")
    texts = [" ".join(words_of(text)) for text in captions]
    value = bleu.corpus_score(texts, columns).score  # type: ignore[arg-type]
    pairs = list(zip(captions, references, strict=True))
    return {
        "cider_d": sum(cider_d(captions, references)) / len(pairs),
        "rouge_l": sum(rouge_l(text, group) for text, group in pairs) / len(pairs),
        "bleu": value,
        "signature": str(bleu.get_signature()),
    }


def rouge_l(caption: str, references: Sequence[str]) -> float:
    """ROUGE-L: F of the longest common subsequence of words, 0 to 1.

        P = max_r lcs(c, r) / |c|,  R = max_r lcs(c, r) / |r|,  F = (1 + b^2) P R / (R + b^2 P)

    b = 1.2. Source: C.-Y. Lin, ROUGE: a package for automatic evaluation of summaries, 2004, with the
    best precision and the best recall of all references, as in coco-caption.

    Args:
        caption: what a model or a baseline wrote.
        references: what people wrote.

    Examples:
        >>> from unroll.tasks.caption.metrics import rouge_l
        >>> round(rouge_l("a dog runs", ["the dog runs"]), 4)
        0.6667
    """
    words = words_of(caption)
    groups = [words_of(text) for text in references]
    common = [(common_length(words, other), len(other)) for other in groups]
    precision = max((n / max(1, len(words)) for n, _ in common), default=0.0)
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


def unknown_rate(captions: CaptionSet) -> float:
    """The share of unknown tokens, 0 to 1; 0 where there are none."""
    ids = np.concatenate(captions.ids) if captions.ids else np.zeros(0)
    return float((ids == UNKNOWN).mean()) if len(ids) else 0.0


def measure(
    trained: TrainedCaptioner, captions: CaptionSet, progress: Progress, most: int | None = None
) -> CaptionMetrics:
    """Metrics of a captioner beside the scores of its baselines.

    Args:
        trained: the model.
        captions: the references, with their images.
        progress: called with the share of the images that are captioned.
        most: images that are captioned, at most. Default: all.
    """
    places, references = captions.by_image()
    chosen = evenly_spread(len(places), most or len(places)).tolist()
    tokens = token_metrics(trained.model, captions, trained.device)
    captioner, texts, done = ImageCaptioner(trained), list[str](), list[int]()
    for group in groups_in_time(chosen, captioner.at_once, trained.seconds):
        images = captions.images.take([places[k] for k in group])
        texts += [each["caption"] for each in captioner(images)]
        done += group
        progress(len(done) / len(chosen))
    places, references = [places[k] for k in done], [references[k] for k in done]
    known = trained.preprocessor.known
    most_frequent = next(iter(known))
    baselines = {
        "most frequent caption": [most_frequent] * len(places),
        **borrowed_captions(trained, captions, places),
    }
    learned = [text.lower() for text in known]
    return {
        **tokens,
        **caption_scores(texts, references),
        "images": len(places),
        "captions": sum(map(len, references)),
        "different": len(set(texts)),
        "unknown_rate": unknown_rate(captions),
        "in_training": count_shared(learned, [text.lower() for text in captions.texts]),
        "search": describe_search(trained),
        "most_frequent": most_frequent,
        "baselines": {name: caption_scores(each, references) for name, each in baselines.items()},
    }


def borrowed_captions(
    trained: TrainedCaptioner, captions: CaptionSet, places: list[int]
) -> dict[str, list[str]]:
    """The captions that the training set has for similar images, by the name of the baseline.

    Args:
        trained: the model.
        captions: with the images.
        places: of the images that are asked for.
    """
    thumbnails = torch.cat(list(thumbnail_batches(captions.images, places)))
    floor = trained.preprocessor.floor
    if floor is None:
        nearest = NearestImage.load(trained.path, trained.preprocessor.size[0])
        return {"nearest image": nearest.nearest_captions(thumbnails)}
    rows = floor.nearest(thumbnails, 1)[:, 0].tolist()
    found = {"nearest image": [floor.captions[row][0] for row in rows]}
    if len(floor.features):
        features = None
        if floor.by != "thumbnails":
            features = image_features(captions.images, places, trained.model, trained.device)
        similar = floor.nearest(thumbnails, floor.count, features, floor.by).tolist()
        consensus, prior = trained.preprocessor.consensus, prior_of(trained)
        found["similar images"] = [
            consensus_of_neighbours(floor, each, consensus, prior) for each in similar
        ]
    return found


def consensus_of_neighbours(
    floor: KnownImages, rows: Sequence[int], consensus: Consensus, prior: float
) -> str:
    """The caption of similar images that agrees most with the others.

    Args:
        floor: the known images.
        rows: places of those that are similar.
        consensus: of the captions of the training set.
        prior: how much these count.
    """
    texts, shares = neighbour_captions(floor, rows)
    pool = consensus.pool([], texts)
    return pool.texts[int(pool.expected_scores(prior, pool.near(texts, shares), 1.0).argmax())]
