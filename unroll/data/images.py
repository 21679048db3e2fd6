"""Images as numbers: every format, mode and size that Pillow reads."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.optional import optional
from unroll.errors import UserError

MOST_PIXELS = 1 << 26  # of an image that is read


class BadImage(UserError):
    """An image that cannot be read; its sentence names the file."""


def read_image(
    source: Path | bytes,
    colours: int = 3,
    height: int | None = None,
    width: int | None = None,
    name: str | None = None,
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

    Returns:
        float32 [C, height, width].

    Raises:
        BadImage: where it is no image, is truncated, or has more than 67 million pixels.

    Examples:
        >>> from PIL import Image
        >>> from unroll.data.images import read_image
        >>> Image.new("RGBA", (8, 4), (255, 0, 0, 255)).save("red.png")
        >>> tuple(read_image("red.png", height=2).shape)
        (3, 2, 4)
    """
    pillow = optional("PIL.Image", "reads images")
    ops = optional("PIL.ImageOps", "reads images")
    name = name or (str(source) if not isinstance(source, bytes) else "the image")
    try:
        with (
            # warnings about a damaged file are followed by an error, or do no harm
            warnings.catch_warnings(action="ignore"),
            pillow.open(BytesIO(source) if isinstance(source, bytes) else source) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                raise BadImage(
                    f"{name} has {image.width:,} x {image.height:,} pixels; expected at most "
                    f"{MOST_PIXELS:,}. Scale it down."
                )
            image = ops.exif_transpose(image)
            converted = convert_colours(image, colours, pillow)
    except BadImage:
        raise
    except FileNotFoundError as error:
        raise BadImage(f"There is no file {name}; expected an image.") from error
    except (OSError, ValueError, SyntaxError, EOFError, pillow.DecompressionBombError) as error:
        # Pillow raises SyntaxError for some damaged files, and adds the address of a buffer
        why = str(error).split(" <_io")[0]
        raise BadImage(f"{name} is no image that can be read ({why}).") from error
    if height is not None or width is not None:
        height = height or max(1, round(converted.height * (width or 1) / converted.width))
        width = width or max(1, round(converted.width * height / converted.height))
        if (width, height) != converted.size:
            converted = converted.resize((width, height), pillow.Resampling.BILINEAR)
    numbers = np.asarray(converted, dtype=np.float32) / 255
    return torch.from_numpy(numbers.reshape(converted.height, converted.width, colours)).permute(
        2, 0, 1
    )


def convert_colours(image: Any, colours: int, pillow: Any) -> Any:
    """An image of 8 bits, on white where it is transparent.

    Args:
        image: of Pillow, in any mode.
        colours: 3, or 1 for greys.
        pillow: the module `PIL.Image`.
    """
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
