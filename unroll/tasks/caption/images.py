"""Images of a caption table: scaled to one size, kept in memory or read again each time.

N rows of the table, M different images, C colours, H height, W width, B batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.data.files.regular_files import CannotOpen, read_regular
from unroll.data.images import BadImage, open_image, read_image
from unroll.data.problems import Problems
from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.caption.rows import CaptionRows
from unroll.tasks.caption.settings import CaptionSettings

PIXELS = 10_000  # of a scaled image, at most, where the settings leave its size open
MOST_BYTES = 1 << 30  # of an image file
SIZE_SAMPLE = 200  # images whose size decides the size of all

ImageSize = tuple[int, int, int]  # colours, height, width


@dataclass(frozen=True)
class ScaledImages:
    """Different images, scaled to one size, with 8 bits per colour.

    Attributes:
        paths: of the M files.
        size: C, H, W.
        cached: all images, uint8 [M, C, H, W]; None where they are read again each time.
    """

    paths: list[Path]
    size: ImageSize
    cached: Tensor | None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Sequence[int]) -> Tensor:
        """These images, uint8 [B, C, H, W].

        Raises:
            BadImage: where a file has changed and can no longer be read.
        """
        if self.cached is not None:
            return self.cached[torch.as_tensor(rows)]
        return torch.stack([scale_image(self.paths[row], self.size) for row in rows])


@dataclass(frozen=True)
class JoinedImages(ScaledImages):
    """The images of two sets as one set; none is copied.

    Attributes:
        parts: the two.
    """

    parts: tuple[ScaledImages, ScaledImages]

    @classmethod
    def of(cls, first: ScaledImages, second: ScaledImages) -> JoinedImages:
        """Those of the first set, then those of the second."""
        return cls([*first.paths, *second.paths], first.size, None, (first, second))

    def take(self, rows: Sequence[int]) -> Tensor:
        """These images, uint8 [B, C, H, W]; as for one set."""
        first, second = self.parts
        M = len(first)
        each = [first.take([row]) if row < M else second.take([row - M]) for row in rows]
        return torch.cat(each)


@dataclass(frozen=True)
class ImageScan:
    """The images of a table, each opened once.

    Attributes:
        images: scaled.
        readable: bool [N], true for the rows of the table whose image can be read.
        sha256: of the bytes of all readable files and of all captions.
    """

    images: ScaledImages
    readable: np.ndarray
    sha256: str


def scale_image(source: Path | bytes, size: ImageSize, name: str | None = None) -> Tensor:
    """An image of this size, uint8 [C, H, W].

    Args:
        source: a file, or its bytes.
        size: C, H, W.
        name: of the image in errors. Default: the path.

    Raises:
        BadImage: where it cannot be read.
    """
    image = read_image(source, size[0], size[1], size[2], name)
    return (image * 255).round().to(torch.uint8)


def choose_size(paths: Sequence[Path], settings: CaptionSettings) -> ImageSize:
    """The size that images are scaled to.

    What the settings leave open follows the median aspect ratio and the median number of pixels of
    some of the images, with PIXELS at most.

    Args:
        paths: of the images.
        settings: colours, and the height and width that were asked for.
    """
    if settings.height and settings.width:
        return settings.colours, settings.height, settings.width
    shapes = []
    for place in evenly_spread(len(paths), SIZE_SAMPLE):
        try:
            with open_image(paths[place], str(paths[place])) as image:
                shapes.append((image.height / image.width, image.height * image.width))
        except BadImage:
            continue  # reported when all images are opened
    ratio, pixels = np.median(shapes, 0).tolist() if shapes else (1.0, PIXELS)
    pixels = min(pixels, PIXELS)
    height = settings.height or round((pixels * ratio) ** 0.5)
    width = settings.width or round(height / ratio)
    if settings.width and not settings.height:
        height = round(width * ratio)
    return settings.colours, max(8, height), max(8, width)


def scan_images(
    rows: CaptionRows,
    size: ImageSize,
    cache: int,
    problems: Problems,
    progress: Progress | None = None,
) -> ImageScan:
    """Open each image once, so that bad ones are reported before training.

    Args:
        rows: N rows that name M different images.
        size: that the images are scaled to.
        cache: the most bytes of images that may stay in memory.
        problems: takes the images that cannot be read.
        progress: called with the share that is done.

    Raises:
        UserError: for an image that cannot be read, unless bad records are skipped.
    """
    M = len(rows.paths)
    keep = M * size[0] * size[1] * size[2] <= cache
    cached = torch.empty(M if keep else 0, *size, dtype=torch.uint8)
    good, digest = np.ones(M, dtype=bool), hashlib.sha256()
    for place, path in enumerate(rows.paths):
        try:
            data = read_regular(path, MOST_BYTES, what="an image")
            image = scale_image(data, size, f"{rows.where[place]}: {path}")
        except BadImage as error:
            problems.bad(str(error))
            good[place] = False
            continue
        except CannotOpen as error:
            problems.bad(f"{rows.where[place]}: {error}")
            good[place] = False
            continue
        digest.update(hashlib.sha256(data).digest())
        if keep:
            cached[place] = image
        if progress is not None:
            progress((place + 1) / M)
    digest.update("\n".join(rows.texts).encode("utf-8", "surrogatepass"))
    images = ScaledImages(rows.paths, size, cached if keep else None)
    return ImageScan(images, good[np.array(rows.which, dtype=np.int64)], digest.hexdigest())
