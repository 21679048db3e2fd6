"""The network: convolutions for each frame, recurrent layers over the frames, and classes.

T time, B batch, N frames of a batch, C channels, H height, W width, F numbers per frame, E features,
K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from unroll.layers import Recurrent
from unroll.layers.convolutions import Convolutions
from unroll.layers.locked_dropout import LockedDropout
from unroll.layers.pooling import Pooling
from unroll.models.initialisation import initialise_layers

PIECE = 512  # frames that the convolutions take at once where no gradient is needed
FIRST, WIDEST, SMALLEST = 16, 64, 4  # channels of the first and of the last block; side of the grid


class Framewise(nn.Module):
    """The probability of each class, of a clip or of each of its frames.

        e_t = relu(A flat(convolutions(x_t)) + a), or x_t itself where frames are numbers
        h_1 .. h_n = stack(e_1 .. e_n)
        p = softmax(W pool(h_1 .. h_n) + b), or for each frame  p_t = softmax(W h_t + b)

    The convolutions are shared by all frames; the frames of a batch are concatenated, so that
    padding costs nothing and is in no mean.

    Source: J. Donahue et al., Long-term recurrent convolutional networks for visual recognition and
    description, 2015 (https://arxiv.org/abs/1411.4389).

    Args:
        shape: (C, H, W) of a frame, or (F,).
        classes: K.
        hidden_size: units of each layer, in each direction.
        num_layers: recurrent layers.
        feature_size: E.
        widths: channels of each block of convolutions. Default: blocks until a side is small.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        bidirectional: whether the recurrent layers read in both directions.
        pooling: as `unroll.layers.pooling.Pooling` takes it; None: each frame has its class.
        weights: of the classes in the loss, [K]. Default: 1.
        dropout: on e, between layers and before W.
        label_smoothing: share of the target that is spread over all classes.
        initialisation: a name for `initialise`; `self.initialised` says what was done.
        combined: whether a simple model counts beside the network; `shares` then says how much.

    Raises:
        ValueError: for sizes, a cell or a pooling that are impossible.

    Examples:
        >>> import torch
        >>> from unroll.tasks.frames.network import Framewise
        >>> network = Framewise((3, 16, 16), 5, 8)
        >>> clips = torch.randint(256, (4 + 2, 3, 16, 16), dtype=torch.uint8)
        >>> tuple(network(clips, torch.tensor([4, 2])).shape)
        (2, 5)
    """

    weights: Tensor | None
    shares: Tensor | None  # of network and simple model; None where the network is alone

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        feature_size: int = 128,
        widths: Sequence[int] | None = None,
        cell: str | Callable[[int, int], nn.Module] = "gru",
        bidirectional: bool = True,
        pooling: str | None = "mean",
        weights: Tensor | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        initialisation: str = "auto",
        combined: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("shares", torch.tensor([1.0, 0.0]) if combined else None)
        self.smoothing = label_smoothing
        self.look: Convolutions | None = None
        self.feature: nn.Linear | None = None
        width = shape[0]
        if len(shape) == 3:
            self.look = Convolutions(shape[0], widths or blocks(shape[1], shape[2]))
            rows, columns = self.look.reduced(shape[1], shape[2])
            if rows < 1 or columns < 1:
                raise ValueError(
                    f"Framewise got {len(self.look.pools)} blocks for frames of {shape[1]} x "
                    f"{shape[2]}; each halves the sides. Take fewer widths or a larger size."
                )
            self.feature = nn.Linear(self.look.channels * rows * columns, feature_size)
            width = feature_size
        self.stack = nn.ModuleList()
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size, bidirectional=bidirectional)
            self.stack.append(layer)
            width = layer.output_size
        self.pooling = None
        if pooling is not None:
            self.pooling = Pooling(pooling, width, 2 if bidirectional else 1)
        self.decide = nn.Linear(width, classes)
        self.drop = LockedDropout(dropout)
        self.register_buffer("weights", weights, persistent=False)
        self.initialised = self._initialise(initialisation)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits of the classes.

        Args:
            x: the frames of all clips, concatenated: uint8 [N, C, H, W], or numbers [N, F].
            lengths: frames of each clip, [B].

        Returns:
            [B, K], or [N, K] where each frame has its class.
        """
        inside = torch.arange(int(lengths.max()), device=x.device) < lengths[:, None]  # [B, T]
        features = self.features(x)
        padded = features.new_zeros(*inside.shape, features.shape[1])
        padded[inside] = features
        h = padded.transpose(0, 1)
        if self.look is not None:
            h = self.drop(h)
        for k, layer in enumerate(self.stack):
            h, _ = layer(self.drop(h) if k else h, lengths=lengths)
        if self.pooling is None:
            h = self.drop(h).transpose(0, 1)[inside]
        else:
            h = dropout(self.pooling(h, lengths), self.drop.p, self.training)
        logits: Tensor = self.decide(h)
        return logits

    def features(self, x: Tensor) -> Tensor:
        """The input of the recurrent layers, [N, E] or [N, F], of the frames x."""
        if self.look is None or self.feature is None:
            return x
        if torch.is_grad_enabled():
            return self._convolve(x)
        return torch.cat([self._convolve(part) for part in x.split(PIECE)])

    def _convolve(self, x: Tensor) -> Tensor:
        if self.look is None or self.feature is None:
            return x
        # mean about 0, deviation about 1; channels last take half the time on a CPU
        pixels = x.float().sub(127.5).div(64.0).contiguous(memory_format=torch.channels_last)
        grid, _ = self.look(pixels)
        return self.feature(grid.flatten(1)).relu()

    def loss(self, x: Tensor, lengths: Tensor, y: Tensor) -> Tensor:
        """The summed cross-entropy, a scalar in nats.

        Args:
            x: as in `forward`.
            lengths: as in `forward`.
            y: the class of each clip [B], or of each frame [N].
        """
        smoothing = self.smoothing if self.training else 0.0
        return cross_entropy(
            self(x, lengths), y, weight=self.weights, reduction="sum", label_smoothing=smoothing
        )

    def probabilities(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Probabilities of the classes, [B, K] or [N, K]; arguments as in `forward`."""
        return self(x, lengths).softmax(-1)

    def _initialise(self, name: str) -> str:
        description = initialise_layers(self.stack, name)
        if self.feature is not None:
            nn.init.kaiming_normal_(self.feature.weight, nonlinearity="relu")
            nn.init.zeros_(self.feature.bias)
        nn.init.xavier_uniform_(self.decide.weight)
        nn.init.zeros_(self.decide.bias)
        return description


def blocks(height: int, width: int) -> list[int]:
    """Channels of each block of convolutions: blocks until a side of the grid is small."""
    found: list[int] = []
    while min(height, width) > SMALLEST or not found:
        found.append(min(WIDEST, FIRST * 2 ** len(found)))
        height, width = height // 2, width // 2
    return found
