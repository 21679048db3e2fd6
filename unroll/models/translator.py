"""From one sequence to another: an encoder, a decoder, and attention between them.

S source steps, T target steps, B batch, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells import State, map_state
from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.attention import Attention, Memory
from unroll.layers.bridge import Bridge
from unroll.layers.dense import Dense
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers
from unroll.models.softmax import linear_cross_entropy

Make = str | Callable[[int, int], nn.Module]


class Encoded(NamedTuple):
    """A batch of sources that were read. memory: for the attention. state: the decoder's first."""

    memory: Memory
    state: State

    def repeated(self, times: int) -> Encoded:
        """Each source so often, one beside the other, for as many places of a beam."""
        mask = self.memory.mask
        rows = torch.arange(len(mask), device=mask.device).repeat_interleave(times)
        state = map_state(lambda field: field.index_select(1, rows), self.state)
        return Encoded(self.memory.select(rows), state)


class Translator(nn.Module):
    """The probability of the next target token, given the source and all target tokens before it.

        k_1 .. k_S = encoder(embedding[x_1 .. x_S])              in both directions
        s_0 = bridge([forward's last output, backward's last output])
        s_t = decoder(embedding[y_{t-1}], s_{t-1})
        c_t = sum_i a_ti k_i,   a_t = attention(s_t, k)
        h_t = tanh(W [c_t; s_t])            p(y_t | y_1 .. y_{t-1}, x) = softmax(W_y h_t + b)

    The recurrence of the decoder runs over the whole target first, then the attention for all steps
    at once, so that both are fast. With `input_feeding` the decoder also reads h_{t-1}, one step
    after the other: it knows what was attended to, and takes several times as long.

    Source: M.-T. Luong et al., Effective approaches to attention-based neural machine translation,
    2015 (https://arxiv.org/abs/1508.04025).

    Args:
        source_size, target_size: V of both sides. embedding_size: E. hidden_size: H of the decoder.
        num_layers: of encoder and decoder. encoder_size: units a direction; None: half of H.
        cell, decoder_cell: a name or a callable, as `unroll.Recurrent` takes it; None: the same.
        attention: "dot", "general" or "additive". coverage, input_feeding: see above.
        joint: one embedding for both sides, which then have one vocabulary.
        tie: use the target's embedding as the softmax's weights.
        dropout: locked, on the outputs of the encoder and on h; between layers drawn each step.
        dropout_input: locked dropout on embeddings. word_dropout: share of the tokens, of sources
            and of inputs, that are unknown ones in training.
        initialisation: a name for `initialise`; what it did stands in `self.initialised`.

    Raises: ValueError for sizes that do not fit together.

    Example:
        >>> import torch
        >>> from unroll.models.translator import Translator
        >>> model = Translator(11, 13, embedding_size=4, hidden_size=6, cell="gru")
        >>> source, lengths = torch.randint(11, (5, 2)), torch.tensor([5, 3])
        >>> logits, weights = model(source, lengths, torch.randint(13, (7, 2)))
        >>> tuple(logits.shape), tuple(weights.shape)
        ((7, 2, 13), (7, 2, 5))
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: Make = "lstm",
        decoder_cell: Make | None = None,
        encoder_size: int | None = None,
        attention: str = "general",
        coverage: bool = False,
        input_feeding: bool = False,
        joint: bool = False,
        tie: bool = True,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        word_dropout: float = 0.0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        if joint and source_size != target_size:
            raise ValueError(
                f"One embedding for both sides needs one vocabulary; got source_size={source_size} "
                f"and target_size={target_size}. Give both the same, or leave joint out."
            )
        E, A = embedding_size, embedding_size if tie else hidden_size
        self.target = nn.Embedding(target_size, E)
        self.source = self.target if joint else nn.Embedding(source_size, E)
        self.encoder = Recurrent(
            cell,
            E,
            encoder_size or max(1, hidden_size // 2),
            num_layers,
            bidirectional=True,
            dropout=dropout,
        )
        self.decoder = Recurrent(
            decoder_cell or cell,
            E + A if input_feeding else E,
            hidden_size,
            num_layers,
            dropout=dropout,
        )
        K, Q = self.encoder.output_size, self.decoder.output_size
        self.bridge = Bridge(K, self.decoder.initial_state(1))
        self.attention = Attention(Q, K, attention, coverage=coverage)
        self.combine = Dense(K + Q, A, bias=False)
        self.weight = None if tie else nn.Parameter(torch.empty(target_size, A))
        self.bias = nn.Parameter(torch.zeros(target_size))
        self.input_feeding = input_feeding
        self.word_dropout = word_dropout
        self.drop_input = LockedDropout(dropout_input)
        self.drop = LockedDropout(dropout)
        self.initialised = self._initialise(initialisation)

    def forward(self, source: Tensor, lengths: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of each next token, and what each step looked at.

        source: ids [S, B]. lengths: [B], at least 1 each. inputs: the target's ids, each one step
        late, [T, B]. returns: logits [T, B, V], weights [T, B, S].
        """
        h, weights = self.decode(self.encode(source, lengths), inputs)
        return linear(h, self.softmax_weight, self.bias), weights

    def loss(
        self,
        source: Tensor,
        lengths: Tensor,
        inputs: Tensor,
        targets: Tensor,
        weight: Tensor,
        *,
        smoothing: float = 0.0,
        teacher_forcing: float = 1.0,
    ) -> Tensor:
        """Summed cross-entropy in nats of targets [T, B] where `weight` is true: the first steps of
        each, as many as it has.

        smoothing: of the labels. teacher_forcing: the share of inputs that are the true ones; the
        others are what the model itself would have said.
        """
        encoded = self.encode(source, lengths)
        if teacher_forcing < 1:
            inputs = self.mixed(encoded, inputs, teacher_forcing)
        h, _ = self.decode(encoded, inputs, weight.sum(0))
        return linear_cross_entropy(
            h[weight], self.softmax_weight, self.bias, targets[weight], smoothing
        )

    def encode(self, source: Tensor, lengths: Tensor) -> Encoded:
        """Read the sources [S, B] of these lengths [B], at least 1 each."""
        outputs, _ = self.encoder(self.embedded(self.source, source), lengths=lengths)
        forward, backward = outputs.chunk(2, 2)
        B = len(lengths)
        last = forward[lengths.to(source.device) - 1, torch.arange(B, device=source.device)]
        start = self.decoder.initial_state(B, dtype=outputs.dtype, device=outputs.device)
        state = self.bridge(self.drop(torch.cat([last, backward[0]], 1)[None])[0], start)
        return Encoded(self.attention.remember(self.drop(outputs), lengths), state)

    def decode(
        self, encoded: Encoded, inputs: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the softmax reads, [T, B, A], and the attention [T, B, S], for inputs [T, B].

        lengths: of the inputs, [B], past which nothing is wanted; None: all T.
        """
        embedded = self.embedded(self.target, inputs)
        if self.input_feeding:
            h, weights = self._fed(encoded, embedded)
        else:
            outputs, _ = self.decoder(embedded, encoded.state, lengths=lengths)
            context, weights = self.attention(outputs, encoded.memory)
            h = self.attentional(context, outputs)
        return self.drop(h), weights

    def embedded(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """The vectors of ids [N, B], some of them dropped in training."""
        if self.training and self.word_dropout:
            ids = ids.masked_fill(
                torch.rand(ids.shape, device=ids.device) < self.word_dropout, UNKNOWN
            )
        vectors: Tensor = self.drop_input(embedding(ids))
        return vectors

    def attentional(self, context: Tensor, outputs: Tensor) -> Tensor:
        """h = tanh(W [context; output])."""
        return torch.tanh(self.combine(torch.cat([context, outputs], -1)))

    def _fed(self, encoded: Encoded, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """The same a step at a time, where the decoder reads what the step before came to."""
        state, covered = encoded.state, None
        h = embedded.new_zeros(embedded.shape[1], self.combine.out_features)
        found, looked = [], []
        for x in embedded:
            outputs, state = self.decoder(torch.cat([x, h], 1)[None], state)
            context, weights = self.attention(outputs, encoded.memory, covered)
            covered = weights[0] if covered is None else covered + weights[0]
            h = self.attentional(context, outputs)[0]
            found.append(h)
            looked.append(weights[0])
        return torch.stack(found), torch.stack(looked)

    @torch.no_grad()
    def mixed(self, encoded: Encoded, inputs: Tensor, true: float) -> Tensor:
        """The inputs [T, B], of which all but this share are what the model would have said.

        Two passes, so that the recurrence still runs over the whole target: D. Duckworth et al.,
        Parallel scheduled sampling, 2019 (https://arxiv.org/abs/1906.04331).
        """
        h, _ = self.decode(encoded, inputs)
        said = linear(h, self.softmax_weight, self.bias).argmax(-1)
        keep = torch.bernoulli(torch.full(inputs[1:].shape, true)).bool().to(inputs.device)
        return torch.cat([inputs[:1], torch.where(keep, inputs[1:], said[:-1])])

    @property
    def softmax_weight(self) -> Tensor:
        return self.target.weight if self.weight is None else self.weight

    def stepper(self, encoded: Encoded) -> TranslatorStepper:
        """The decoder one token at a time over sources that were read, for every search."""
        return TranslatorStepper(self, encoded)

    def _initialise(self, name: str) -> str:
        said = initialise_layers((self.encoder, self.decoder), name)
        for embedding in dict.fromkeys((self.source, self.target)):  # in order, each once
            nn.init.normal_(embedding.weight, 0.0, embedding.embedding_dim**-0.5)
        if self.weight is not None:
            nn.init.xavier_uniform_(self.weight)
        return said


class AttentiveDecoder(Protocol):
    """What a stepper asks of a model that decodes with attention."""

    target: nn.Embedding
    decoder: Recurrent
    attention: Attention
    combine: Dense
    bias: nn.Parameter
    input_feeding: bool

    @property
    def softmax_weight(self) -> Tensor: ...
    def attentional(self, context: Tensor, outputs: Tensor) -> Tensor: ...


class TranslatorStepper:
    """A decoder with its state: give it tokens [N], it gives log p [N, V] of the next ones, and the
    attention [N, S]. The weights are those of the moment it was made; no dropout."""

    @torch.no_grad()
    def __init__(self, model: AttentiveDecoder, encoded: Encoded) -> None:
        self._model, self._memory = model, encoded.memory
        N = len(encoded.memory.mask)
        self._weight, self._bias = model.softmax_weight.detach(), model.bias.detach()
        self._embedding = model.target.weight.detach()
        # what the first layer makes of every symbol is computed once, where it reads nothing else
        self._has_table = not model.input_feeding and self._embedding.numel() <= LARGEST_TABLE
        table = self._embedding if self._has_table else None
        self._decoder = model.decoder.stepper(N, encoded.state, table=table)
        self._fed = self._bias.new_zeros(N, model.combine.out_features)
        self._covered = torch.zeros_like(encoded.memory.mask, dtype=self._bias.dtype)

    @torch.no_grad()
    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """log p [N, V] after these tokens [N], and what the step looked at, [N, S]."""
        x = ids if self._has_table else self._embedding[ids]
        if self._model.input_feeding:
            x = torch.cat([x, self._fed], 1)
        output = self._decoder(x)[None]
        context, weights = self._model.attention(output, self._memory, self._covered)
        h = self._model.attentional(context, output)[0]
        if self._model.input_feeding:
            self._fed = h
        self._covered = self._covered + weights[0]
        return linear(h, self._weight, self._bias).log_softmax(-1), weights[0]

    def select(self, rows: Tensor) -> None:
        """Keep these rows, in this order, as many as before; a row may be kept twice."""
        self._decoder.select(rows)
        self._memory = self._memory.select(rows)
        self._fed = self._fed.index_select(0, rows)
        self._covered = self._covered.index_select(0, rows)


LARGEST_TABLE = 2**22
