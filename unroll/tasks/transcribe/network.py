"""A recurrent recogniser: convolutions, recurrent stack, connectionist temporal classification.

T frames, S steps, B batch, C channels, H height, F = C * H features, E embedding, V tokens with the
blank.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import ctc_loss

from unroll.cells import State
from unroll.layers import Recurrent
from unroll.layers.convolutions import Convolutions
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers

BLANK = 0
WIDTHS = (16, 32, 32)  # of the convolutions


class Transcriber(nn.Module):
    """The probability of each token, or of none, at each step of a recording.

        c_1 .. c_S = convolutions(x_1 .. x_T),  S = T / subsample,    e_s = W_e c_s + b_e
        h_1 .. h_S = stack(e_1 .. e_S),         p_s = softmax(W h_s + b)
        loss = -log sum over all paths that stand for the text of  prod_s p_s(path_s)

    Source: A. Graves et al., Connectionist temporal classification, 2006
    (https://www.cs.toronto.edu/~graves/icml_2006.pdf).

    Args:
        channels, height: C and H of a frame. tokens: V, the blank (0) among them.
        hidden_size: H of each of num_layers layers, in each direction.
        embedding_size: E. subsample: frames a step: 1, 2, 4 or 8.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        bidirectional: read from both ends. causal: convolutions that do not look ahead.
        dropout: locked, on what the stack reads, between its layers and on its outputs.
        initialisation: a name for `initialise`; what it did stands in `self.initialised`.

    Raises: ValueError for a subsample that is none of those.

    Example:
        >>> import torch
        >>> from unroll.tasks.transcribe.network import Transcriber
        >>> network = Transcriber(1, 40, 11, 8, embedding_size=6, subsample=4, cell="gru")
        >>> log_p, steps = network(torch.randn(50, 2, 40), torch.tensor([50, 23]))
        >>> tuple(log_p.shape), steps.tolist()
        ((12, 2, 11), [12, 5])
    """

    def __init__(
        self,
        channels: int,
        height: int,
        tokens: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        embedding_size: int = 128,
        subsample: int = 4,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        bidirectional: bool = True,
        causal: bool = False,
        dropout: float = 0.0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        if subsample not in (1, 2, 4, 8):
            raise ValueError(f"Transcriber got subsample={subsample}; expected 1, 2, 4 or 8.")
        self.channels, self.height, self.subsample = channels, height, subsample
        halvings = subsample.bit_length() - 1
        pools, down = [], height
        for k in range(len(WIDTHS)):
            # time is pooled first: what follows costs half as much
            pools.append((2 if down >= 4 else 1, 2 if k < halvings else 1))
            down //= pools[-1][0]
        self.look = Convolutions(channels, WIDTHS, pools, causal=causal)
        self.embed = nn.Linear(self.look.channels * down, embedding_size)
        self.stack = nn.ModuleList()
        width = embedding_size
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size, bidirectional=bidirectional)
            self.stack.append(layer)
            width = layer.output_size
        self.decide = nn.Linear(width, tokens)
        self.drop = LockedDropout(dropout)
        self.initialised = initialise_layers(self.stack, initialisation)
        nn.init.xavier_uniform_(self.decide.weight)
        nn.init.zeros_(self.decide.bias)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """log p [S, B, V] of frames [T, B, F], and the steps of each [B]. lengths: frames [B]."""
        short = self.subsample - len(x)
        if short > 0:  # no step at all; the convolutions need one
            x = nn.functional.pad(x, (0, 0, 0, 0, 0, short))
        grid, steps = self.look(self.as_image(x), lengths)
        h = self.read(grid)
        for layer in self.stack:
            h, _ = layer(self.drop(h), lengths=steps)
        return self.say(self.drop(h)), steps

    def loss(self, x: Tensor, lengths: Tensor, y: Tensor, y_lengths: Tensor) -> Tensor:
        """Summed CTC loss in nats; a text that its steps cannot hold counts nothing.

        y: the tokens of all texts, one after the other. y_lengths: [B].
        """
        log_p, steps = self(x, lengths)
        return self.losses(log_p, steps, y, y_lengths).sum()

    def losses(self, log_p: Tensor, steps: Tensor, y: Tensor, y_lengths: Tensor) -> Tensor:
        """The CTC loss of each recording [B]. log_p: [S, B, V]. steps: [B]."""
        each: Tensor = ctc_loss(
            log_p, y, steps, y_lengths, blank=BLANK, reduction="none", zero_infinity=True
        )
        return each

    def as_image(self, x: Tensor) -> Tensor:
        """Frames [T, B, F] as images [B, C, H, T]."""
        T, B, _ = x.shape
        return x.reshape(T, B, self.channels, self.height).permute(1, 2, 3, 0)

    def read(self, grid: Tensor) -> Tensor:
        """What the stack reads, [S, B, E], of what the convolutions found [B, C', H', S]."""
        embedded: Tensor = self.embed(grid.permute(3, 0, 1, 2).flatten(2))
        return embedded

    def say(self, h: Tensor) -> Tensor:
        """log p [S, B, V] of what the stack says [S, B, D*H]."""
        return self.decide(h).log_softmax(-1)

    def stream(self) -> TranscriberStream:
        """The network for frames that come one after the other; see `TranscriberStream`.

        Raises: ValueError where it reads from both ends or looks ahead.
        """
        if any(layer.bidirectional for layer in self.stack):
            raise ValueError("A stack that reads from both ends has no stream.")
        return TranscriberStream(self)


class TranscriberStream:
    """A recogniser that has heard some frames and waits for more; all calls together give what one
    call with all frames would."""

    def __init__(self, network: Transcriber) -> None:
        self._network, self._look = network.eval(), network.look.stream()
        self._states: list[State | None] = [None] * len(network.stack)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """log p [S, V] of the steps that these frames [T, F] complete."""
        network = self._network
        x = x.to(network.decide.weight.device)
        grid = self._look(network.as_image(x[:, None])) if len(x) else None
        if grid is None:
            return x.new_zeros(0, network.decide.out_features)
        h = network.read(grid)
        for k, layer in enumerate(network.stack):
            h, self._states[k] = layer(h, self._states[k])
        return network.say(h)[:, 0]
