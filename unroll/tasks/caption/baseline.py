"""The caption of the most alike image: what a captioner must beat."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

BASELINE = "baseline.safetensors"
SIDE = 12  # of a thumbnail


class NearestImage:
    """Answers with a caption of the image whose thumbnail is nearest.

    When to use it: as the baseline of a captioner: where it is as good, nothing was understood.

    The distance is Euclid's between images averaged down to 12 x 12 places.

    thumbnails: uint8 [K, C * 12 * 12]. captions: [K]. Example:
        >>> import torch
        >>> from unroll.tasks.caption.baseline import NearestImage, thumbnails
        >>> images = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), 255)])
        >>> known = NearestImage(thumbnails(images), ["night", "snow"])
        >>> known.captions_of(thumbnails(images[1:] - 9))
        ['snow']
    """

    def __init__(self, thumbnails: Tensor, captions: Sequence[str]) -> None:
        self.thumbnails, self.captions = thumbnails, list(captions)

    def captions_of(self, thumbnails: Tensor) -> list[str]:
        """The caption for each of these thumbnails, the first where several are as near."""
        known = self.thumbnails.double()
        squares = (known**2).sum(1)
        found = []
        for one in thumbnails.double():
            found.append(self.captions[int((squares - 2 * known @ one).argmin())])
        return found

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        text = json.dumps(self.captions, ensure_ascii=False).encode()
        words = torch.from_numpy(np.frombuffer(text, dtype=np.uint8).copy())
        return {"thumbnails": self.thumbnails, "captions": words}

    @classmethod
    def from_bytes(cls, data: bytes) -> NearestImage:
        """What `tensors` has given, as a safetensors file."""
        kept = load(data)
        return cls(kept["thumbnails"], json.loads(kept["captions"].numpy().tobytes()))


def thumbnails(images: Tensor) -> Tensor:
    """Images [B, C, H, W] as uint8 [B, C * 12 * 12]."""
    small = adaptive_avg_pool2d(images.float(), SIDE)
    return small.round().to(torch.uint8).flatten(1)
