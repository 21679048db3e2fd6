"""Captions of similar images: the simple model that a captioner is combined with.

M known images, C colours, F features, N images that are asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from unroll.data.split import evenly_spread
from unroll.data.vocabulary import UNKNOWN, Vocabulary
from unroll.saved_files import STRICT, is_listed, read_record, refuse_unless
from unroll.tasks.caption.batches import CaptionSet
from unroll.tasks.caption.images import ScaledImages
from unroll.tasks.caption.network import Captioner
from unroll.training.checkpoint import pack, read_tensors

SIDE = 12  # of a thumbnail
KNOWN = 20_000  # images of the training set, at most, that are searched
BATCH_SIZE = 64
DISTANCES = 1 << 22  # that are computed at a time
MOST = 20  # images whose captions are looked at

RECORD, TENSORS = "neighbours.json", "neighbours.safetensors"
Similarity = Literal["thumbnails", "features", "both"]


@dataclass
class NeighbourRecord:
    """What the file of the captions holds.

    Attributes:
        captions: of each known image.
        by: what similarity is measured on.
        count: how many of the most similar images count.
        weight: how much their captions count beside those that the network writes.
    """

    __pydantic_config__ = STRICT

    captions: list[Annotated[list[str], Field(min_length=1)]]
    by: Similarity
    count: Annotated[int, Field(ge=1, le=MOST)]
    weight: Annotated[float, Field(ge=0, le=1)]


@dataclass
class KnownImages:
    """The images of the training set with their captions, and how much similar ones count.

    When to use it: where images are alike. The caption of the most similar image is what a captioner
    must beat, and the captions of several similar images are what people write about such an image
    (J. Devlin et al., Exploring nearest neighbor approaches for image captioning, 2015,
    https://arxiv.org/abs/1505.04467).

    Images are compared by thumbnails of 12 x 12 places (Euclid), by the features of the trained network
    (cosine), or by both (the sum of the two, each divided by its mean among the known images).

    Attributes:
        thumbnails: uint8 [M, C * 12 * 12].
        captions: of each image [M].
        features: of the trained network [M, F]; F is 0 before the end of training.
        by: what similarity is measured on.
        count: how many of the most similar images count.
        weight: how much their captions count beside those that the network writes, 0 to 1.

    Examples:
        >>> import torch
        >>> from unroll.tasks.caption.neighbours import KnownImages, make_thumbnails
        >>> images = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), 255)])
        >>> known = KnownImages(make_thumbnails(images), [["night"], ["snow", "fog"]])
        >>> known.nearest(make_thumbnails(images[1:] - 9), 1).tolist()
        [[1]]
    """

    thumbnails: Tensor
    captions: list[list[str]]
    features: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    by: Similarity = "thumbnails"
    count: int = 1
    weight: float = 1.0

    def nearest(
        self,
        thumbnails: Tensor,
        count: int,
        features: Tensor | None = None,
        by: Similarity = "thumbnails",
    ) -> Tensor:
        """The most similar known images, the most similar first, the earlier where two are alike.

        Args:
            thumbnails: uint8 [N, C * 12 * 12].
            count: how many; fewer where fewer are known.
            features: of the network [N, F]; needed unless `by` is "thumbnails".
            by: what similarity is measured on.

        Returns:
            Places in `captions` [N, count].
        """
        M = len(self.captions)
        pixels, seen = self.thumbnails.double(), normalize(self.features.double())
        scales = (mean_distance(pixels), mean_distance(seen) ** 2) if by == "both" else (1.0, 1.0)
        nearest = [torch.zeros(0, min(count, M), dtype=torch.int64)]
        step = max(1, DISTANCES // max(1, M))
        for at in range(0, len(thumbnails), step):
            some = thumbnails[at : at + step].double()
            distance = torch.zeros(len(some), M, dtype=torch.float64)
            if by != "features":
                squares = (some**2).sum(1, keepdim=True) + (pixels**2).sum(1) - 2 * some @ pixels.T
                distance += squares.clamp(min=0).sqrt() / scales[0]
            if by != "thumbnails" and features is not None:
                asked = normalize(features[at : at + step].double())
                distance += (2 - 2 * asked @ seen.T) / scales[1]
            nearest.append(distance.sort(dim=1, stable=True).indices[:, :count])
        return torch.cat(nearest)

    @classmethod
    def fit(cls, train: CaptionSet, vocabulary: Vocabulary) -> KnownImages:
        """Know images of a training set, evenly spread over it.

        Args:
            train: the training set.
            vocabulary: captions are written as the network would, where it knows all their words.
        """
        texts = [
            text if UNKNOWN in ids else vocabulary.decode(ids)
            for text, ids in zip(train.texts, train.ids, strict=True)
        ]
        places, captions = replace(train, texts=texts).by_image()
        rows = evenly_spread(len(places), KNOWN).tolist()
        chosen = [places[row] for row in rows]
        thumbnails = torch.cat(list(thumbnail_batches(train.images, chosen)))
        return cls(thumbnails, [captions[row] for row in rows])

    @property
    def measures(self) -> tuple[Similarity, ...]:
        """What similarity can be measured on."""
        return get_args(Similarity) if len(self.features) else ("thumbnails",)

    def learn_features(
        self,
        train: CaptionSet,
        network: Captioner,
        device: torch.device,
        seconds: float | None = None,
    ) -> bool:
        """Read the known images with a trained network, where there is time for all of them.

        Args:
            train: the captions that `fit` was given.
            network: on the device; it is set to eval mode.
            device: of the network.
            seconds: that this may take, as the first images tell. None: as many as it takes.

        Returns:
            Whether they have been read; where not, there are no features.
        """
        places, _ = train.by_image()
        chosen = [places[row] for row in evenly_spread(len(places), KNOWN).tolist()]
        begun = time.perf_counter()
        first = image_features(train.images, chosen[:BATCH_SIZE], network, device)
        needed = (time.perf_counter() - begun) * (len(chosen) / len(first) - 1)
        if seconds is not None and needed > seconds:
            self.features = torch.zeros(0, 0)
            return False
        others = chosen[BATCH_SIZE:]
        rest = [image_features(train.images, others, network, device)] if others else []
        self.features = torch.cat([first, *rest]).half().float()
        return True

    def joined(self, other: KnownImages) -> KnownImages:
        """These images and others, with the choice that was fitted for these."""
        both = self.features, other.features
        return replace(
            self,
            thumbnails=torch.cat([self.thumbnails, other.thumbnails]),
            captions=[*self.captions, *other.captions],
            features=torch.cat(both) if all(map(len, both)) else torch.zeros(0, 0),
        )

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        record = {
            "captions": self.captions,
            "by": self.by,
            "count": self.count,
            "weight": self.weight,
        }
        tensors = {"thumbnails": self.thumbnails, "features": self.features.half()}
        return {
            RECORD: json.dumps(record, ensure_ascii=False).encode(),
            TENSORS: pack(tensors),
        }

    @classmethod
    def load(cls, folder: Path, colours: int) -> KnownImages | None:
        """What a run folder holds; None where the run was trained without.

        Args:
            folder: the run folder.
            colours: C of its images.

        Raises:
            Damaged: where a file is damaged.
        """
        if not is_listed(folder, RECORD):
            return None
        record = read_record(folder, RECORD, NeighbourRecord)
        tensors, path = read_tensors(folder, TENSORS), folder / TENSORS
        refuse_unless(set(tensors) == {"thumbnails", "features"}, path, "thumbnails and features")
        thumbnails, features = tensors["thumbnails"], tensors["features"].float()
        M = len(record.captions)
        whole = thumbnails.dtype == torch.uint8 and thumbnails.shape == (M, colours * SIDE**2)
        refuse_unless(M and whole, path, "a thumbnail of each image")
        there = features.dim() == 2 and len(features) in (0, M) and bool(features.isfinite().all())
        fits = there and (len(features) == M or record.by == "thumbnails")
        refuse_unless(fits, path, "the features of each image")
        return cls(thumbnails, record.captions, features, record.by, record.count, record.weight)


def mean_distance(rows: Tensor) -> float:
    """Euclid's distance of each row of a table to the next one, the mean; not below 1e-12."""
    return max(1e-12, float((rows - rows.roll(1, 0)).norm(dim=1).mean()))


def make_thumbnails(images: Tensor) -> Tensor:
    """Images [B, C, H, W] as uint8 [B, C * 12 * 12]."""
    small = adaptive_avg_pool2d(images.float(), SIDE)
    return small.round().to(torch.uint8).flatten(1)


def thumbnail_batches(images: ScaledImages, places: Sequence[int]) -> Iterator[Tensor]:
    """Thumbnails of the images at these places, a batch at a time."""
    for at in range(0, len(places), BATCH_SIZE):
        yield make_thumbnails(images.take(places[at : at + BATCH_SIZE]))


@torch.no_grad()
def image_features(
    images: ScaledImages, places: Sequence[int], network: Captioner, device: torch.device
) -> Tensor:
    """What the network's convolutions say of the images at these places [N, F], float32."""
    network.eval()
    rows = [
        network.summarise(images.take(places[at : at + BATCH_SIZE]).to(device)).cpu()
        for at in range(0, len(places), BATCH_SIZE)
    ]
    return torch.cat(rows).float()


def neighbour_captions(known: KnownImages, rows: Sequence[int]) -> tuple[list[str], np.ndarray]:
    """The captions of some known images, and the share of each; all images count the same.

    Args:
        known: the images.
        rows: places of those that count.

    Returns:
        Different captions, and their shares [len], which sum to 1.
    """
    shares: dict[str, float] = {}
    for row in rows:
        for text in known.captions[row]:
            shares[text] = shares.get(text, 0.0) + 1 / (len(known.captions[row]) * len(rows))
    return list(shares), np.array(list(shares.values()))
