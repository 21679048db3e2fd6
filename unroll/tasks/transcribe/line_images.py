"""Images of lines of handwriting: ink on paper, whatever the colours, as columns that are time."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, max_pool2d

from unroll.data.images import BadImage, read_image

HEIGHT = 32
LONGEST = 128  # widths of a line's height
WIDER, NARROWEST = 0.15, 0.25  # how far `varied` changes a width at strength 1, and the least
FAINTEST = 16 / 255  # a smaller difference between ink and paper is none


def read_line(source: Path | bytes, height: int = HEIGHT, name: str | None = None) -> Tensor:
    """A line of writing, [1, height, W]: 0 where there is paper, 1 where there is most ink.

    When to use it: for every image of a line that a task reads. Dark on light or light on dark: the
    commoner shade is paper. The width follows the height.

    source: a file that Pillow reads, or its bytes. height: in pixels. name: for complaints.
    Raises: BadImage where it is none, or is more than 128 times as wide as high.

    Example:
        >>> from PIL import Image
        >>> from unroll.tasks.transcribe.line_images import read_line
        >>> page = Image.new("L", (80, 20), 250)
        >>> page.paste(30, (10, 5, 14, 15))                          # a dark stroke
        >>> page.save("line.png")
        >>> line = read_line("line.png")
        >>> tuple(line.shape), float(line.max()), float(line.median())
        ((1, 32, 128), 1.0, 0.0)
    """
    name = name or (str(source) if not isinstance(source, bytes) else "the image")
    grey = read_image(source, colours=1, height=height, name=name)
    if grey.shape[2] > LONGEST * height:
        raise BadImage(
            f"{name} is {grey.shape[2] / height:.0f} times as wide as high; expected a line of "
            f"writing, at most {LONGEST} times. Cut it into lines."
        )
    return inked(grey)


def inked(grey: Tensor) -> Tensor:
    """Ink from greys: the distance from the paper's shade, as a share of the largest."""
    paper = grey.median()
    darker, lighter = paper - grey.min(), grey.max() - paper
    ink = (paper - grey) if darker >= lighter else (grey - paper)
    most = torch.maximum(darker, lighter)
    if most < FAINTEST:
        return torch.zeros_like(grey)
    return ink.clamp(min=0) / most


def narrowest(strength: float) -> float:
    """The least share of its width that `varied` leaves of a line."""
    return max(NARROWEST, 1 - WIDER * strength)


def varied(line: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """The line as another hand and pen could have written it, [1, H, W']; for training.

    Slant up to 17 degrees, width and height up to 15 % and a shift up and down up to 6 % of the
    height; strokes thicker or thinner by up to half a pixel; a little noise. Each drawn evenly.

    generator: the same state, the same line. strength: 0 gives the line itself; 2 twice as much.

    Example:
        >>> import torch
        >>> from unroll.tasks.transcribe.line_images import varied
        >>> line = torch.rand(1, 32, 100)
        >>> one, other = (varied(line, torch.Generator().manual_seed(3)) for _ in range(2))
        >>> torch.equal(one, other), one.shape == line.shape
        (True, False)
    """
    if strength <= 0:
        return line
    slant, wide, high, shift, thick, noisy = (
        strength * (2 * torch.rand(6, generator=generator) - 1)
    ).tolist()
    H, W = line.shape[1:]
    width = max(1, round(W * max(NARROWEST, 1 + WIDER * wide)))
    # from a place of the new line to one of the old, both -1 to 1; slant in pixels of the old
    turn = torch.tensor(
        [[1.0, 0.3 * slant * H / W, 0.0], [0.0, 1 / max(NARROWEST, 1 + WIDER * high), 0.12 * shift]]
    )
    grid = affine_grid(turn[None], [1, 1, H, width], align_corners=False)
    line = grid_sample(line[None], grid, padding_mode="zeros", align_corners=False)
    swollen = max_pool2d(line, 3, 1, 1)
    shrunk = -max_pool2d(-line, 3, 1, 1)
    line = torch.lerp(line, swollen if thick > 0 else shrunk, min(1.0, 0.5 * abs(thick)))[0]
    noise = torch.randn(line.shape, generator=generator)
    return (line + 0.05 * abs(noisy) * noise).clamp(0, 1)
