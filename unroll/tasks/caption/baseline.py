"""The caption of the most similar image: what a captioner must beat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.data.split import evenly_spread
from unroll.saved_files import Damaged, parse_record
from unroll.tasks.baseline import FILE, load_baseline, pack_baseline
from unroll.tasks.caption.batches import CaptionSet
from unroll.tasks.caption.neighbours import SIDE, thumbnail_batches
from unroll.training.folder import damaged_baseline

KNOWN = 20_000  # captions of the training set, at most, whose images are searched


class NearestImage:
    """Captions an image by that of the known image whose thumbnail is nearest.

    When to use it: as the baseline of a captioner. A captioner that is no better has not learned what
    is in the images.

    The distance is Euclid's, between images averaged down to 12 x 12 places.

    Args:
        thumbnails: uint8 [K, C * 12 * 12].
        captions: of each [K].

    Examples:
        >>> import torch
        >>> from unroll.tasks.caption.baseline import NearestImage
        >>> from unroll.tasks.caption.neighbours import make_thumbnails
        >>> images = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), 255)])
        >>> known = NearestImage(make_thumbnails(images), ["night", "snow"])
        >>> known.nearest_captions(make_thumbnails(images[1:] - 9))
        ['snow']
    """

    def __init__(self, thumbnails: Tensor, captions: Sequence[str]) -> None:
        self.thumbnails, self.captions = thumbnails, list(captions)

    def nearest_captions(self, thumbnails: Tensor) -> list[str]:
        """The caption for each thumbnail [N, C * 12 * 12], the first where several are as near."""
        known = self.thumbnails.double()
        squares = (known**2).sum(1)
        return [
            self.captions[int((squares - 2 * known @ thumbnail).argmin())]
            for thumbnail in thumbnails.double()
        ]

    @classmethod
    def fit(cls, train: CaptionSet) -> NearestImage:
        """Know images of the training set, evenly spread over it."""
        rows = evenly_spread(len(train), KNOWN).tolist()
        places = train.which[rows].tolist()
        thumbnails = torch.cat(list(thumbnail_batches(train.images, places)))
        return cls(thumbnails, [train.texts[row] for row in rows])

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        text = json.dumps(self.captions, ensure_ascii=False).encode()
        captions = np.frombuffer(text, dtype=np.uint8).copy()
        return pack_baseline({"thumbnails": self.thumbnails.numpy(), "captions": captions})

    @classmethod
    def load(cls, folder: Path, colours: int) -> NearestImage:
        """The baseline that a run folder holds.

        Args:
            folder: the run folder.
            colours: C of its images.

        Raises:
            UserError: where its file is damaged.
        """
        arrays = load_baseline(
            folder, {"thumbnails": (None, colours * SIDE**2), "captions": (None,)}
        )
        path = folder / FILE
        try:
            captions = parse_record(arrays["captions"].tobytes(), list[str], path)
        except Damaged as damage:
            raise damaged_baseline(damage) from damage
        thumbnails = torch.from_numpy(arrays["thumbnails"])
        if thumbnails.dtype != torch.uint8 or not len(thumbnails) == len(captions) > 0:
            raise damaged_baseline(f"{path} does not hold a thumbnail of each caption")
        return cls(thumbnails, captions)
