"""Read images of lines of handwriting as ink on paper; distort them for training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, max_pool2d

from unroll.data.images import read_image

HEIGHT = 32
LONGEST = 128  # widths of a line's height
WIDER, NARROWEST = 0.15, 0.25  # change of the width at strength 1; the smallest ratio of widths
FAINTEST = 16 / 255  # with less contrast, a page is blank


def read_line(source: Path | bytes, height: int = HEIGHT, name: str | None = None) -> Tensor:
    """A line of writing as ink: 0 where there is paper, 1 where there is most ink.

    When to use it: for every image of a line that a task reads. Writing may be dark on light or
    light on dark: the more frequent shade is paper. The proportions are kept.

    Args:
        source: a file that Pillow reads, or its bytes.
        height: in pixels, to which the image is scaled.
        name: the file's name in errors. Default: `source`.

    Returns:
        float32 [1, height, W].

    Raises:
        BadImage: where it is no image, or is more than 128 times as wide as high.

    Examples:
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
    return ink_from_grey(read_image(source, 1, height, name=name, widest=LONGEST))


def ink_from_grey(grey: Tensor) -> Tensor:
    """Distance of each pixel of grey [1, H, W] from the paper's shade, 0 to 1, as [1, H, W]."""
    paper = grey.median()
    darker, lighter = paper - grey.min(), grey.max() - paper
    ink = (paper - grey) if darker >= lighter else (grey - paper)
    most = torch.maximum(darker, lighter)
    if most < FAINTEST:
        return torch.zeros_like(grey)
    return ink.clamp(min=0) / most


def smallest_width_ratio(strength: float) -> float:
    """The smallest ratio of widths, new to old, that `distort_line` can draw."""
    return max(NARROWEST, 1 - WIDER * strength)


def distort_line(line: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """The line as another hand and pen could have written it, for training.

    Slant up to 17 degrees, width and height up to 15 %, a vertical shift up to 6 % of the height,
    strokes thicker or thinner by up to half a pixel, and a little noise; each drawn uniformly.

    Args:
        line: ink [1, H, W].
        generator: where the random numbers come from.
        strength: 0 returns the line itself; 2 distorts twice as much as 1.

    Returns:
        [1, H, W'].

    Examples:
        >>> import torch
        >>> from unroll.tasks.transcribe.line_images import distort_line
        >>> line = torch.rand(1, 32, 100)
        >>> one, other = (distort_line(line, torch.Generator().manual_seed(3)) for _ in range(2))
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
    # maps places of the new line to the old one, both from -1 to 1; slant in pixels of the old
    turn = torch.tensor(
        [[1.0, 0.3 * slant * H / W, 0.0], [0.0, 1 / max(NARROWEST, 1 + WIDER * high), 0.12 * shift]]
    )
    grid = affine_grid(turn[None], [1, 1, H, width], align_corners=False)
    line = grid_sample(line[None], grid, padding_mode="zeros", align_corners=False)
    thicker = max_pool2d(line, 3, 1, 1)
    thinner = -max_pool2d(-line, 3, 1, 1)
    line = torch.lerp(line, thicker if thick > 0 else thinner, min(1.0, 0.5 * abs(thick)))[0]
    noise = torch.randn(line.shape, generator=generator)
    return (line + 0.05 * abs(noisy) * noise).clamp(0, 1)
