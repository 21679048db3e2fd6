"""Images as numbers: every format, mode and size that Pillow reads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.files.regular_files import CannotOpen, open_regular
from unroll.data.optional import optional
from unroll.errors import UserError

MOST_PIXELS = 1 << 26  # of an image that is read, before and after it is scaled
# not among them: formats for which Pillow starts other programs or reads other files
FORMATS = "PNG JPEG MPO GIF BMP DIB WEBP TIFF PPM JPEG2000 AVIF TGA PCX SGI XBM XPM ICO MSP".split()


class BadImage(UserError):
    """An image that cannot be read; its sentence names the file."""


def read_image(
    source: Path | bytes,
    colours: int = 3,
    height: int | None = None,
    width: int | None = None,
    name: str | None = None,
    widest: int | None = None,
) -> Tensor:
    """Read an image as numbers from 0 (black) to 1.

    When to use it: for every image that a task reads. Palettes, 16 bits and CMYK become colours or
    greys; transparent pixels become white; the image is turned as its camera recorded.

    Args:
        source: a file, or its bytes.
        colours: C: 3, or 1 for greys.
        height: pixels to scale to. Default: in proportion to `width`, or unchanged.
        width: pixels to scale to. Default: in proportion to `height`, or unchanged.
        name: of the image in errors. Default: the path.
        widest: how many times as wide as high a line of writing may be. Default: any number.

    Returns:
        float32 [C, height, width].

    Raises:
        BadImage: where it is no image, is truncated, is wider than `widest` allows, or has more than
            67 million pixels, as it is or scaled.

    Examples:
        >>> from PIL import Image
        >>> from unroll.data.images import read_image
        >>> Image.new("RGBA", (8, 4), (255, 0, 0, 255)).save("red.png")
        >>> tuple(read_image("red.png", height=2).shape)
        (3, 2, 4)
    """
    name = name or (str(source) if not isinstance(source, bytes) else "the image")
    ops = optional("PIL.ImageOps", "reads images")
    with open_image(source, name) as image:
        check_pixels(image.width, image.height, name)
        # quarter turns of the camera change the proportions
        converted = convert_colours(ops.exif_transpose(image), colours)
    size = scaled_size(converted.size, height, width)
    if widest is not None and size[0] > widest * size[1]:
        raise BadImage(
            f"{name} is {size[0] / size[1]:.0f} times as wide as high; expected a line of writing, at "
            f"most {widest} times as wide. Split it into lines."
        )
    if size != converted.size:
        check_pixels(*size, name, " once it is scaled")
        with decoder_errors(name):
            converted = converted.resize(
                size, optional("PIL.Image", "reads images").Resampling.BILINEAR
            )
    numbers = np.asarray(converted, dtype=np.float32) / 255
    return torch.from_numpy(numbers.reshape(converted.height, converted.width, colours)).permute(
        2, 0, 1
    )


def scaled_size(size: tuple[int, int], height: int | None, width: int | None) -> tuple[int, int]:
    """Width and height of a scaled image; a side that is not given follows in proportion.

    Args:
        size: its width and height before.
        height: to scale to, in pixels.
        width: to scale to, in pixels.
    """
    if height is None and width is None:
        return size
    height = height or max(1, round(size[1] * (width or 1) / size[0]))
    return width or max(1, round(size[0] * height / size[1])), height


def check_pixels(width: int, height: int, name: str, when: str = "") -> None:
    """Check that an image is not too large, before its pixels are read or made.

    Args:
        width: in pixels.
        height: in pixels.
        name: of the image.
        when: in which state it has that size, for people.

    Raises:
        BadImage: where it is too large.
    """
    if width * height > MOST_PIXELS:
        raise BadImage(
            f"{name} has {width:,} x {height:,} pixels{when}; expected at most {MOST_PIXELS:,}. "
            "Scale it down."
        )


@contextmanager
def open_image(source: Path | bytes, name: str) -> Iterator[Any]:
    """An image of Pillow; its errors, also within the block, are raised as `BadImage`.

    When to use it: for every image that data names.

    Args:
        source: a file, or its bytes.
        name: of the image in errors.

    Raises:
        BadImage: where the file is missing, no regular file, or no image that can be read.
        UserError: where Pillow is not installed.
    """
    pillow = optional("PIL.Image", "reads images")
    pillow.init()
    formats = [each for each in FORMATS if each in pillow.OPEN]
    try:
        file = (
            BytesIO(source) if isinstance(source, bytes) else open_regular(source, name, "an image")
        )
    except CannotOpen as error:
        raise BadImage(str(error)) from error
    # warnings about a damaged file are followed by an error, or do no harm
    with file, decoder_errors(name), warnings.catch_warnings(action="ignore"):
        with pillow.open(file, formats=formats) as image:
            yield image


@contextmanager
def decoder_errors(name: str) -> Iterator[None]:
    """Raise errors of Pillow within the block as `BadImage`. name: of the image."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise BadImage(f"{name} needs more memory than there is. Scale it down.") from error
    except Exception as error:  # Pillow raises anything for damaged files, SyntaxError too
        # it adds the address of a buffer
        why = str(error).split(" <_io")[0] or type(error).__name__
        raise BadImage(f"{name} is no image that can be read ({why}).") from error


def convert_colours(image: Any, colours: int) -> Any:
    """An image of 8 bits, on white where it is transparent.

    Args:
        image: of Pillow, in any mode.
        colours: 3, or 1 for greys.
    """
    pillow = optional("PIL.Image", "reads images")
    mode = "RGB" if colours == 3 else "L"
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits per pixel
        grey = np.asarray(image, dtype=np.float64)
        most = 65535.0 if image.mode.startswith("I;16") else max(float(grey.max()), 255.0)
        if image.mode == "I" and most > 255:
            most = 65535.0 if most <= 65535 else most
        scaled = (np.nan_to_num(grey).clip(0, most) / most * 255).round().astype(np.uint8)
        return pillow.fromarray(scaled).convert(mode)
    if image.mode == "LAB":  # Pillow converts it to greys only through colours
        image = image.convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = pillow.new("RGBA", image.size, (255, 255, 255, 255))
        image = pillow.alpha_composite(ground, image)
    return image.convert(mode)
