"""The network: convolutions, recurrent layers, connectionist temporal classification (CTC).

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
    """The probability of each token, or of no token (the blank), at each step of a recording.

        c_1 .. c_S = convolutions(x_1 .. x_T),  S = T / subsample,    e_s = W_e c_s + b_e
        h_1 .. h_S = stack(e_1 .. e_S),         p_s = softmax(W h_s + b)
        loss = -log sum over all paths of the text of  prod_s p_s(path_s)

    Source: A. Graves et al., Connectionist temporal classification, 2006
    (https://www.cs.toronto.edu/~graves/icml_2006.pdf).

    Args:
        channels: C, of a frame.
        height: H, of a frame.
        tokens: V, with the blank (0).
        hidden_size: units of each layer, in each direction.
        num_layers: recurrent layers.
        embedding_size: E.
        subsample: frames per step: 1, 2, 4 or 8.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        bidirectional: whether the recurrent layers read in both directions.
        causal: whether the convolutions use past frames only.
        dropout: locked dropout on the input of the recurrent layers, between them and on their
            output.
        initialisation: a name for `initialise`; `self.initialised` says what was done.
        combined: whether a simple model is combined with it, whose weights it then keeps as
            `combination`: of the network, of the simple model, and a margin. At first it is alone.

    Raises:
        ValueError: where subsample is another number.

    Examples:
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
        combined: bool = False,
    ) -> None:
        super().__init__()
        if combined:
            self.combination: Tensor
            self.register_buffer("combination", torch.tensor([1.0, 0.0, 0.0]))
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
        """Log-probabilities of the tokens at each step.

        Args:
            x: frames [T, B, F].
            lengths: frames of each recording, [B].

        Returns:
            log p [S, B, V], and the steps of each recording, [B].
        """
        short = self.subsample - len(x)
        if short > 0:  # not a single step; the convolutions need one
            x = nn.functional.pad(x, (0, 0, 0, 0, 0, short))
        grid, steps = self.look(self.to_images(x), lengths)
        h = self.embed_grid(grid)
        for layer in self.stack:
            h, _ = layer(self.drop(h), lengths=steps)
        return self.token_log_probabilities(self.drop(h)), steps

    def loss(self, x: Tensor, lengths: Tensor, y: Tensor, y_lengths: Tensor) -> Tensor:
        """The summed CTC loss in nats; a text that is too long for its steps counts as zero.

        Args:
            x: frames [T, B, F].
            lengths: frames of each recording, [B].
            y: the tokens of all texts, concatenated.
            y_lengths: tokens of each text, [B].

        Returns:
            A scalar.
        """
        log_p, steps = self(x, lengths)
        return self.losses(log_p, steps, y, y_lengths).sum()

    def losses(self, log_p: Tensor, steps: Tensor, y: Tensor, y_lengths: Tensor) -> Tensor:
        """The CTC loss of each recording, in nats.

        Args:
            log_p: [S, B, V].
            steps: of each recording, [B].
            y: the tokens of all texts, concatenated.
            y_lengths: tokens of each text, [B].

        Returns:
            [B].
        """
        each: Tensor = ctc_loss(
            log_p, y, steps, y_lengths, blank=BLANK, reduction="none", zero_infinity=True
        )
        return each

    def to_images(self, x: Tensor) -> Tensor:
        """Frames [T, B, F] as images [B, C, H, T]."""
        T, B, _ = x.shape
        return x.reshape(T, B, self.channels, self.height).permute(1, 2, 3, 0)

    def embed_grid(self, grid: Tensor) -> Tensor:
        """The input of the recurrent layers [S, B, E], from the convolutions [B, C', H', S]."""
        embedded: Tensor = self.embed(grid.permute(3, 0, 1, 2).flatten(2))
        return embedded

    def token_log_probabilities(self, h: Tensor) -> Tensor:
        """log p [S, B, V] from the output of the recurrent layers, `[S, B, D*H]`."""
        return self.decide(h).log_softmax(-1)

    def stream(self) -> TranscriberStream:
        """The network for frames that arrive in chunks; see `TranscriberStream`.

        Raises:
            ValueError: where it is bidirectional, or its convolutions are not causal.
        """
        if any(layer.bidirectional for layer in self.stack):
            raise ValueError("A bidirectional network cannot read a stream.")
        return TranscriberStream(self)


class TranscriberStream:
    """A network with its states between chunks of frames.

    All calls together give what one call of the network with all frames gives.
    """

    def __init__(self, network: Transcriber) -> None:
        self._network, self._look = network.eval(), network.look.stream()
        self._states: list[State | None] = [None] * len(network.stack)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Log-probabilities of the steps that a chunk completes.

        Args:
            x: the next frames [T, F].

        Returns:
            log p [S, V].
        """
        network = self._network
        x = x.to(network.decide.weight.device)
        grid = self._look(network.to_images(x[:, None])) if len(x) else None
        if grid is None:
            return x.new_zeros(0, network.decide.out_features)
        h = network.embed_grid(grid)
        for k, layer in enumerate(network.stack):
            h, self._states[k] = layer(h, self._states[k])
        return network.token_log_probabilities(h)[:, 0]
