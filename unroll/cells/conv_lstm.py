"""The convolutional LSTM, whose state is a stack of maps (Shi et al. 2015)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import conv2d

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState


class ConvLSTMCell(Cell):
    """An LSTM over images: products are convolutions, and every pixel has its own state.

    When to use it: sequences of maps or frames where the next value at a place depends on its
    neighbourhood: rain radar, video, weather, traffic. The number of weights does not grow with the
    image (except for peepholes).

    Equations (gate order i, f, g, o in the rows of the weights; x, h, c, the gates and w_c? are
    maps, `conv` is a convolution with zeros around the image):

        i = sigmoid(conv(W_ii, x) + conv(W_hi, h) + w_ci * c + b_i)      input gate
        f = sigmoid(conv(W_if, x) + conv(W_hf, h) + w_cf * c + b_f)      forget gate
        g = tanh(conv(W_ig, x) + conv(W_hg, h) + b_g)                    candidate
        c' = f * c + i * g
        o = sigmoid(conv(W_io, x) + conv(W_ho, h) + w_co * c' + b_o)     output gate
        h' = o * tanh(c')

    The peepholes w_c? have a weight for each number of c, as in the paper, so with them the size of
    the image is fixed; many implementations have none, which is `peephole=False`. As everywhere in
    torch, `conv` is a correlation: the kernel is not flipped.

    Images are passed flattened, so that layers and lengths work as for any other cell:
    `x.flatten(2)` makes [T, B, I] of frames [T, B, C, height, width], with I = C * height * width,
    and `output.unflatten(2, (K, height, width))` makes maps of outputs.

    Source: X. Shi et al., Convolutional LSTM network: a machine learning approach for precipitation
    nowcasting, 2015 (https://arxiv.org/abs/1506.04214).

    Args:
        input_size: I = C * height * width, for images of C channels.
        hidden_size: H = K * height * width, for a state of K maps.
        height: of the images, in pixels.
        width: of the images, in pixels.
        kernel_size: k, an odd number; a step reaches k // 2 pixels in each direction.
        peephole: whether the gates see c.

    Attributes:
        weight_ih: [4K, C, k, k].
        weight_hh: [4K, K, k, k].
        bias: [4K].
        peephole_input: w_ci [K, height, width]; only with peephole=True.
        peephole_forget: w_cf [K, height, width]; only with peephole=True.
        peephole_output: w_co [K, height, width]; only with peephole=True.

    All start uniform in +-1/sqrt(K k k): a unit reads K k k numbers of the state.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        ValueError: a size is not a multiple of height * width, or k is not odd.

    Examples:
        >>> from functools import partial
        >>> import torch, unroll
        >>> frames = torch.zeros(6, 1, 1, 8, 8)                    # [T, B, C, height, width]
        >>> for t in range(6):
        ...     frames[t, :, :, 2:4, t : t + 2] = 1                # a square moves to the right
        >>> cell = unroll.ConvLSTMCell(1 * 8 * 8, 4 * 8 * 8, height=8, width=8)
        >>> output, state = unroll.unroll(cell, frames.flatten(2), backend="loop")
        >>> tuple(output.unflatten(2, (4, 8, 8)).shape)
        (6, 1, 4, 8, 8)
        >>> on_images = partial(unroll.ConvLSTMCell, height=8, width=8)
        >>> layer = unroll.Recurrent(on_images, 1 * 8 * 8, 4 * 8 * 8, num_layers=2)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        height: int,
        width: int,
        kernel_size: int = 3,
        peephole: bool = True,
    ) -> None:
        if height < 1 or width < 1:
            raise ValueError(
                f"ConvLSTMCell got height={height} and width={width}; expected at least 1 of each, "
                "the size of the images in pixels."
            )
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if size < 1 or size % (height * width):
                raise ValueError(
                    f"ConvLSTMCell got {name}={size} for images of {height} by {width}; expected "
                    f"a multiple of {height * width}: pass channels * height * width."
                )
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"ConvLSTMCell got kernel_size={kernel_size}; expected an odd number, so that the "
                "maps keep their size. Pass 3 or 5."
            )
        super().__init__(input_size, hidden_size)
        self.height = height
        self.width = width
        self.kernel_size = k = kernel_size
        self.peephole = peephole
        C, K = input_size // (height * width), hidden_size // (height * width)
        self.input_channels, self.hidden_channels = C, K
        self.weight_ih = nn.Parameter(torch.empty(4 * K, C, k, k))
        self.weight_hh = nn.Parameter(torch.empty(4 * K, K, k, k))
        self.bias = nn.Parameter(torch.empty(4 * K))
        if peephole:
            self.peephole_input = nn.Parameter(torch.empty(K, height, width))
            self.peephole_forget = nn.Parameter(torch.empty(K, height, width))
            self.peephole_output = nn.Parameter(torch.empty(K, height, width))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        bound = (self.hidden_channels * self.kernel_size**2) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c').

        All are flattened maps: I = C * height * width and H = K * height * width.
        """
        x = x.unflatten(1, (self.input_channels, self.height, self.width))
        h, c = (s.unflatten(1, (self.hidden_channels, self.height, self.width)) for s in state)
        reach = self.kernel_size // 2
        gates = conv2d(x, self.weight_ih, self.bias, padding=reach)
        gates = gates + conv2d(h, self.weight_hh, padding=reach)
        i, f, g, o = gates.chunk(4, 1)
        if self.peephole:
            i = i + self.peephole_input * c
            f = f + self.peephole_forget * c
        i, f, g = self.tap(input_gate=sigmoid(i), forget_gate=sigmoid(f), candidate=tanh(g))
        c = f * c + i * g
        if self.peephole:
            o = o + self.peephole_output * c
        o = self.tap(output_gate=sigmoid(o))
        h = o * tanh(c)
        h, c = h.flatten(1), c.flatten(1)
        return h, LSTMState(h, c)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)
