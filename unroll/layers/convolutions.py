"""A small convolutional network in front of a recurrent one: images to grids of features.

N images, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Convolutions(nn.Module):
    """Blocks of a 3x3 convolution, batch normalisation, rectifier and max pooling.

    When to use it: for small images (lines of writing, frames, drawings) on a laptop: a few tens of
    thousands of parameters per block.

    Equations of block k:

        y_k = pool_k(relu(norm(W_k * y_{k-1})))

    Images of a batch may end at different widths (lines that are padded on the right): with
    `lengths`, the columns beyond an image's own end are zero after every block and are excluded from
    every mean, so that an image alone and an image in a batch give the same result.

    Args:
        channels: C of the images.
        widths: C of each block.
        pools: (down, across) of each block; (2, 2) where None.
        causal: whether a column sees only the columns before it, as a stream needs it; `stream()`
            then reads columns as they come.

    Shapes:
        - x: images [N, C, H, W].
        - lengths: widths of the images in columns [N], where they differ; else None.
        - returns: features [N, C', H', W'] and their lengths in columns [N], or None;
              `reduced(H, W)` gives H' and W'.

    Raises:
        ValueError: the numbers of widths and pools differ.

    Source: K. Simonyan, A. Zisserman, Very deep convolutional networks, 2015
    (https://arxiv.org/abs/1409.1556), section 2.1; S. Ioffe, C. Szegedy, Batch normalization, 2015
    (https://arxiv.org/abs/1502.03167).

    Examples:
        >>> import torch
        >>> from unroll.layers.convolutions import Convolutions
        >>> look = Convolutions(1, [8, 16], [(2, 2), (2, 1)])
        >>> features, lengths = look(torch.rand(3, 1, 28, 60), torch.tensor([60, 31, 2]))
        >>> tuple(features.shape), lengths.tolist()
        ((3, 16, 7, 30), [30, 15, 1])
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        pools: Sequence[tuple[int, int]] | None = None,
        *,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.pools = list(pools) if pools is not None else [(2, 2)] * len(widths)
        if len(self.pools) != len(widths):
            raise ValueError(
                f"Convolutions got {len(widths)} widths and {len(self.pools)} pools; expected one "
                "pool per block."
            )
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        for width in widths:
            convolution = nn.Conv2d(channels, width, 3, padding=(1, 0 if causal else 1), bias=False)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.convolutions.append(convolution)
            self.norms.append(MaskedNorm(width))
            channels = width
        self.channels = channels

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features of images.

        Args:
            x: images [N, C, H, W].
            lengths: widths of the images in columns [N]. Default: all W.

        Returns:
            Features [N, C', H', W'], and their lengths in columns [N], or None without `lengths`.
        """
        inside = None if lengths is None else column_mask(lengths, x)
        if inside is not None:
            x = x.masked_fill(inside == 0, 0)  # padding may be anything, even NaN
        for convolve, norm, pool in zip(self.convolutions, self.norms, self.pools, strict=True):
            if self.causal:
                x = nn.functional.pad(x, (2, 0))
            x = norm(convolve(x), inside).relu()
            x = nn.functional.max_pool2d(x if inside is None else x * inside, pool)
            if lengths is not None:
                # a column that is only partly inside an image counts as outside
                lengths = lengths // pool[1]
                inside = column_mask(lengths, x)
                x = x * inside
        return x, lengths

    def stream(self) -> ConvolutionStream:
        """These blocks for columns that come one after the other, in eval mode.

        Raises:
            ValueError: the blocks are not causal.
        """
        if not self.causal:
            raise ValueError(
                "These convolutions see later columns, so they cannot read a stream. Make them "
                "with causal=True."
            )
        return ConvolutionStream(self)

    def reduced(self, height: int, width: int) -> tuple[int, int]:
        """The height and width [H', W'] of the features of an image [H, W]."""
        for down, across in self.pools:
            height, width = height // down, width // across
        return height, width


class ConvolutionStream:
    """Causal convolutions that read a few columns per call and return the finished ones.

    The columns of all calls together equal those of one call with the complete image.
    """

    def __init__(self, convolutions: Convolutions) -> None:
        self._blocks = list(
            zip(convolutions.convolutions, convolutions.norms, convolutions.pools, strict=True)
        )
        self._before: list[Tensor | None] = [None] * len(self._blocks)
        self._waiting: list[Tensor | None] = [None] * len(self._blocks)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor | None:
        """[N, C', H', W'] of the next columns [N, C, H, W]; None where none is ready."""
        for k, (convolve, norm, (down, across)) in enumerate(self._blocks):
            before = self._before[k]
            x = nn.functional.pad(x, (2, 0)) if before is None else torch.cat([before, x], 3)
            self._before[k] = x[..., -2:]
            x = norm(convolve(x)).relu()
            waiting = self._waiting[k]
            if waiting is not None:
                x = torch.cat([waiting, x], 3)
            whole = x.shape[3] // across * across
            self._waiting[k] = x[..., whole:]
            if not whole:
                return None
            x = nn.functional.max_pool2d(x[..., :whole], (down, across))
        return x


class MaskedNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics ignore the columns outside of the images."""

    def forward(self, x: Tensor, inside: Tensor | None = None) -> Tensor:
        """Normalised x [N, C, H, W].

        Args:
            x: [N, C, H, W].
            inside: 1 in the columns of an image, 0 outside, broadcast to x. Default: all are inside.
        """
        if inside is None or not self.training:
            return super().forward(x)
        count = (inside.sum() * x.shape[2]).clamp(min=1)
        mean = (x * inside).sum((0, 2, 3)) / count
        variance = (((x - mean[:, None, None]) * inside) ** 2).sum((0, 2, 3)) / count
        if self.running_mean is not None and self.running_var is not None:
            momentum = self.momentum or 0.1
            with torch.no_grad():
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(variance * (count / (count - 1).clamp(min=1)), momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


def column_mask(lengths: Tensor, x: Tensor) -> Tensor:
    """[N, 1, 1, W]: 1 in the columns that belong to an image, else 0."""
    columns = torch.arange(x.shape[-1], device=x.device)
    return (columns < lengths[:, None]).to(x.dtype)[:, None, None, :]
