"""Images as numbers: whatever Pillow reads, of any mode and size."""

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

MOST_PIXELS = 1 << 26


class BadImage(UserError):
    """An image that cannot be read; its sentence names the file."""


def read_image(
    source: Path | bytes,
    colours: int = 3,
    height: int | None = None,
    width: int | None = None,
    name: str | None = None,
) -> Tensor:
    """An image as numbers, [C, height, width], 0 (black) to 1.

    When to use it: for every image that a task reads. Palettes, 16 bits, CMYK come as colours or
    greys; what is transparent as white; turned as its camera says.

    source: a file, or its bytes. colours: 3 or, in greys, 1. height, width: to scale it to; with one
    of them the other follows; with none it keeps its size. name: for complaints.
    Raises: BadImage where it is none, is cut off, or has more than 67 million pixels.

    Example:
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
            # what a damaged file gives rise to is said below, or does no harm
            warnings.catch_warnings(action="ignore"),
            pillow.open(BytesIO(source) if isinstance(source, bytes) else source) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                raise BadImage(
                    f"{name} has {image.width:,} x {image.height:,} pixels; expected at most "
                    f"{MOST_PIXELS:,}. Scale it down."
                )
            image = ops.exif_transpose(image)
            whole = as_colours(image, colours, pillow)
    except BadImage:
        raise
    except FileNotFoundError as error:
        raise BadImage(f"There is no file {name}; expected an image.") from error
    except (OSError, ValueError, SyntaxError, EOFError, pillow.DecompressionBombError) as error:
        # Pillow raises SyntaxError for some broken files
        why = str(error).split(" <_io")[0]  # Pillow names the buffer, which says nothing to people
        raise BadImage(f"{name} is no image that can be read ({why}).") from error
    if height is not None or width is not None:
        height = height or max(1, round(whole.height * (width or 1) / whole.width))
        width = width or max(1, round(whole.width * height / whole.height))
        if (width, height) != whole.size:
            whole = whole.resize((width, height), pillow.Resampling.BILINEAR)
    numbers = np.asarray(whole, dtype=np.float32) / 255
    return torch.from_numpy(numbers.reshape(whole.height, whole.width, colours)).permute(2, 0, 1)


def as_colours(image: Any, colours: int, pillow: Any) -> Any:
    """An image of 8 bits with that many colours, on white where it is transparent."""
    mode = "RGB" if colours == 3 else "L"
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits a pixel
        grey = np.asarray(image, dtype=np.float64)
        most = 65535.0 if image.mode.startswith("I;16") else max(float(grey.max()), 255.0)
        if image.mode == "I" and most > 255:
            most = 65535.0 if most <= 65535 else most
        scaled = (np.nan_to_num(grey).clip(0, most) / most * 255).round().astype(np.uint8)
        return pillow.fromarray(scaled).convert(mode)
    if image.mode == "LAB":  # to greys Pillow has no way but over colours
        image = image.convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = pillow.new("RGBA", image.size, (255, 255, 255, 255))
        image = pillow.alpha_composite(ground, image)
    return image.convert(mode)
