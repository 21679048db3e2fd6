"""From an image to a sequence: convolutions, a decoder, and attention over the image's grid.

B images, C colours, H height, W width, G grid points, K features of each, T steps, E embedding,
A inputs of the softmax, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, dropout, linear

from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.attention import Attention
from unroll.layers.bridge import Bridge
from unroll.layers.convolutions import Convolutions
from unroll.layers.dense import Dense
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.attentive_decoder import AttentiveStepper, EncodedInput
from unroll.models.initialisation import initialise_layers
from unroll.models.softmax import linear_cross_entropy


class Captioner(nn.Module):
    """The probability of the next word, given an image and all words before it.

        v_1 .. v_G = norm(convolutions(image))
        k_i = v_i + row embedding + column embedding
        s_0 = bridge(norm([mean of v; maximum of v]))
        s_t = decoder(embedding[y_{t-1}], s_{t-1})
        c_t = sum_i a_ti k_i,   a_t = attention(s_t, k)
        h_t = tanh(W [c_t; s_t])            p(y_t | y_1 .. y_{t-1}, image) = softmax(W_y h_t + b)

    As in `TranslateNetwork`, the decoder's recurrence runs over the whole caption first, then the
    attention for all steps at once, so that both are fast.

    Source: K. Xu et al., Show, attend and tell, 2015 (https://arxiv.org/abs/1502.03044), with the
    order of steps of M.-T. Luong et al. 2015 (https://arxiv.org/abs/1508.04025).

    Args:
        vocabulary_size: V.
        size: C, H, W of every image.
        widths: channels of each block of convolutions, each of which halves the image; K is the last.
        embedding_size: E.
        hidden_size: of the decoder.
        num_layers: of the decoder.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        attention: "dot", "general" or "additive".
        tie: use the embedding as the weights of the softmax.
        dropout: on the features of the grid (whole channels of an image), locked on h, and between
            layers.
        dropout_input: locked dropout on embeddings.
        word_dropout: share of the inputs that training replaces by the unknown token.
        shift: the most pixels by which training moves an image.
        initialisation: a name for `initialise`; `self.initialised` says what it did.

    Attributes:
        grid: rows and columns of the grid.
        prior: a scalar, fitted after training and kept with the weights: how much the captions of the
            training set count where one of several drawn captions is chosen
            (`unroll.tasks.caption.consensus`).

    Raises:
        ValueError: for an image that is too small for so many blocks, and as its parts do.

    Examples:
        >>> import torch
        >>> from unroll.tasks.caption.network import Captioner
        >>> model = Captioner(13, (3, 16, 24), [4, 8], embedding_size=6, hidden_size=5, cell="gru")
        >>> images = torch.randint(256, (2, 3, 16, 24), dtype=torch.uint8)
        >>> logits, weights = model(images, torch.randint(13, (7, 2)))
        >>> model.grid, tuple(logits.shape), tuple(weights.shape)
        ((4, 6), (7, 2, 13), (7, 2, 24))
    """

    prior: Tensor

    def __init__(
        self,
        vocabulary_size: int,
        size: tuple[int, int, int],
        widths: Sequence[int],
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        attention: str = "general",
        tie: bool = True,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        word_dropout: float = 0.0,
        shift: int = 0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        E, A = embedding_size, embedding_size if tie else hidden_size
        self.look = Convolutions(size[0], widths)
        self.grid = self.look.reduced(size[1], size[2])
        if min(self.grid) < 1:
            raise ValueError(
                f"Captioner got images of {size[1]} x {size[2]} and {len(widths)} blocks, each of "
                f"which halves them; expected at least {2 ** len(widths)} rows and columns."
            )
        K = widths[-1]
        # without normalisation the features that all images share would hide their differences
        self.norm_grid, self.norm_summary = nn.BatchNorm2d(K), nn.BatchNorm1d(2 * K)
        self.rows = nn.Parameter(torch.zeros(self.grid[0], 1, K))
        self.columns = nn.Parameter(torch.zeros(1, self.grid[1], K))
        self.target = nn.Embedding(vocabulary_size, E)
        self.decoder = Recurrent(cell, E, hidden_size, num_layers, dropout=dropout)
        self.bridge = Bridge(2 * K, self.decoder.initial_state(1))
        self.attention = Attention(self.decoder.output_size, K, attention)
        self.combine = Dense(K + self.decoder.output_size, A, bias=False)
        self.weight = None if tie else nn.Parameter(torch.empty(vocabulary_size, A))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.input_feeding = False
        self.word_dropout, self.shift = word_dropout, shift
        self.drop_input, self.drop = LockedDropout(dropout_input), LockedDropout(dropout)
        self.register_buffer("prior", torch.zeros(()))
        self.initialised = self._initialise(initialisation)

    def forward(self, images: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Predict each word from the image and the true words before it.

        Args:
            images: uint8 [B, C, H, W].
            inputs: ids of the captions, each one step late, [T, B].

        Returns:
            Logits of each next word [T, B, V], and attention weights [T, B, G].
        """
        h, weights = self.decode(self.encode(images), inputs)
        return linear(h, self.softmax_weight, self.bias), weights

    def loss(
        self,
        images: Tensor,
        inputs: Tensor,
        targets: Tensor,
        weight: Tensor,
        *,
        smoothing: float = 0.0,
        sees: bool = True,
    ) -> Tensor:
        """Cross-entropy in nats, summed over the targets that count.

        Args:
            images: uint8 [B, C, H, W].
            inputs: ids of the captions, each one step late, [T, B].
            targets: ids [T, B].
            weight: bool [T, B], true where a target counts: the first steps of each caption.
            smoothing: of the labels, 0 to 1.
            sees: whether the convolutions learn too. False: they stay as they are, and what
                `summarise` says of an image with them.

        Returns:
            A scalar.
        """
        h, _ = self.decode(self.encode(images, sees=sees), inputs, weight.sum(0))
        return linear_cross_entropy(
            h[weight], self.softmax_weight, self.bias, targets[weight], smoothing
        )

    def encode(self, images: Tensor, *, sees: bool = True) -> EncodedInput:
        """Encode images, uint8 [B, C, H, W], once for all steps; sees: as in `loss`."""
        if self.training and self.shift:
            images = shift_images(images, self.shift)
        flat, summary = self._see(images) if sees else self._see_as_before(images)
        keys = flat.permute(2, 0, 1) + (self.rows + self.columns).flatten(0, 1)[:, None]
        start = self.decoder.initial_state(len(images), dtype=keys.dtype, device=keys.device)
        state = self.bridge(dropout(summary, self.drop.p, self.training), start)
        return EncodedInput(self.attention.remember(keys), state)

    def summarise(self, images: Tensor) -> Tensor:
        """What the convolutions say of whole images, uint8 [B, C, H, W]: features [B, 2 K]."""
        return self._see(images)[1]

    def _see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features of each place [B, K, G], and of the whole image, normalised [B, 2 K]."""
        # with the channels last the convolutions take half the time
        pixels = images.to(self.bias.dtype).contiguous(memory_format=torch.channels_last)
        seen, _ = self.look(pixels / 127.5 - 1)
        seen = self.norm_grid(seen)
        if self.training and self.drop.p:
            seen = nn.functional.dropout2d(seen, self.drop.p)
        flat = seen.flatten(2)
        return flat, self._normalise_summary(torch.cat([flat.mean(2), flat.amax(2)], 1))

    @torch.no_grad()
    def _see_as_before(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The same as in eval mode, without gradients: neither weights nor running statistics move."""
        training = self.training
        self.eval()
        seen = self._see(images)
        self.train(training)
        return seen

    def decode(
        self, encoded: EncodedInput, inputs: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the decoder and the attention over known inputs.

        Args:
            encoded: B images.
            inputs: ids [T, B].
            lengths: of the inputs [B]; steps past them are not computed. Default: all T.

        Returns:
            What the softmax reads, [T, B, A], and attention weights [T, B, G].
        """
        if self.training and self.word_dropout:
            lost = torch.rand(inputs.shape, device=inputs.device) < self.word_dropout
            inputs = inputs.masked_fill(lost, UNKNOWN)
        embedded = self.drop_input(self.target(inputs))
        outputs, _ = self.decoder(embedded, encoded.state, lengths=lengths)
        context, weights = self.attention(outputs, encoded.memory)
        return self.drop(self.attentional(context, outputs)), weights

    def attentional(self, context: Tensor, outputs: Tensor) -> Tensor:
        """h = tanh(W [context; output])."""
        return torch.tanh(self.combine(torch.cat([context, outputs], -1)))

    @property
    def softmax_weight(self) -> Tensor:
        """The weights of the softmax [V, A]."""
        return self.target.weight if self.weight is None else self.weight

    def stepper(self, encoded: EncodedInput) -> AttentiveStepper:
        """The decoder one word at a time over encoded images, for every search."""
        return AttentiveStepper(self, encoded)

    def _normalise_summary(self, summary: Tensor) -> Tensor:
        """Normalise the summary [B, 2 K]; a batch of one has no variance, so running ones are used."""
        norm = self.norm_summary
        if self.training and len(summary) > 1:
            return norm(summary)
        return batch_norm(
            summary, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )

    def _initialise(self, name: str) -> str:
        description = initialise_layers([self.decoder], name)
        nn.init.normal_(self.target.weight, 0.0, self.target.embedding_dim**-0.5)
        nn.init.normal_(self.rows, 0.0, 0.1)
        nn.init.normal_(self.columns, 0.0, 0.1)
        if self.weight is not None:
            nn.init.xavier_uniform_(self.weight)
        return description


def shift_images(images: Tensor, most: int) -> Tensor:
    """Move each image by a random number of pixels; its edge fills the space that becomes free.

    Args:
        images: [B, C, H, W].
        most: pixels in each direction, at most.

    Returns:
        Images [B, C, H, W].

    Examples:
        >>> import torch
        >>> from unroll.tasks.caption.network import shift_images
        >>> shift_images(torch.arange(5).view(1, 1, 1, 5), 1).shape
        torch.Size([1, 1, 1, 5])
    """
    B, _, H, W = images.shape
    by = torch.randint(-most, most + 1, (2, B, 1)).to(images.device)
    rows = (torch.arange(H, device=images.device) + by[0]).clamp(0, H - 1)  # [B, H]
    columns = (torch.arange(W, device=images.device) + by[1]).clamp(0, W - 1)
    each = torch.arange(B, device=images.device)[:, None, None]
    # indices on both sides of the slice put the colours last
    return images[each, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
