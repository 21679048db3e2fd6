"""From one sequence to another: an encoder, a decoder, and attention between them.

S source steps, T target steps, B batch, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.attention import Attention
from unroll.layers.bridge import Bridge
from unroll.layers.dense import Dense
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.attentive_decoder import AttentiveStepper, EncodedInput
from unroll.models.initialisation import initialise_layers
from unroll.models.softmax import linear_cross_entropy


class TranslateNetwork(nn.Module):
    """The probability of the next target token, given the source and all target tokens before it.

        k_1 .. k_S = encoder(embedding[x_1 .. x_S])              in both directions
        s_0 = bridge([forward's last output, backward's last output])
        s_t = decoder(embedding[y_{t-1}], s_{t-1})
        c_t = sum_i a_ti k_i,   a_t = attention(s_t, k)
        h_t = tanh(W [c_t; s_t])            p(y_t | y_1 .. y_{t-1}, x) = softmax(W_y h_t + b)

    The recurrence of the decoder runs over the whole target first, then the attention for all steps
    at once, so that both are fast. With `input_feeding` the decoder also reads h_{t-1}, one step
    after the other: the decoder then knows where it has attended, and takes several times as long.

    Source: M.-T. Luong et al., Effective approaches to attention-based neural machine translation,
    2015 (https://arxiv.org/abs/1508.04025).

    Args:
        source_size: V of the source.
        target_size: V of the target.
        embedding_size: E.
        hidden_size: H of the decoder.
        num_layers: of the encoder, and of the decoder.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        decoder_cell: the same for the decoder. Default: that of the encoder.
        encoder_size: units of the encoder in each direction. Default: half of H.
        attention: "dot", "general" or "additive".
        coverage: whether the attention also reads how much of each place was attended to before.
        input_feeding: whether the decoder also reads h of the step before.
        joint: one embedding for both sides, which then have one vocabulary.
        tie: use the embedding of the target as the weights of the softmax.
        dropout: locked dropout on the outputs of the encoder and on h; between layers it is drawn
            again at each step.
        dropout_input: locked dropout on embeddings.
        word_dropout: share of the tokens, of sources and of inputs, that training replaces by the
            unknown token.
        initialisation: a name for `initialise`; `self.initialised` says what it did.
        candidate_features: F, how many numbers rank what the search and known pairs suggest. 0: there
            are no known pairs.

    Attributes:
        candidate_weights: of those numbers, fitted on the validation set, [2, F]: of all candidates,
            and of the known pairs alone. All zero: the search alone. Absent where F is 0.

    Raises:
        ValueError: for sizes that do not fit together.

    Examples:
        >>> import torch
        >>> from unroll.tasks.translate.network import TranslateNetwork
        >>> model = TranslateNetwork(11, 13, embedding_size=4, hidden_size=6, cell="gru")
        >>> source, lengths = torch.randint(11, (5, 2)), torch.tensor([5, 3])
        >>> logits, weights = model(source, lengths, torch.randint(13, (7, 2)))
        >>> tuple(logits.shape), tuple(weights.shape)
        ((7, 2, 13), (7, 2, 5))
    """

    candidate_weights: Tensor

    def __init__(
        self,
        source_size: int,
        target_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        decoder_cell: str | Callable[[int, int], nn.Module] | None = None,
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
        candidate_features: int = 0,
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
        if candidate_features:
            self.register_buffer("candidate_weights", torch.zeros(2, candidate_features))
        self.initialised = self._initialise(initialisation)

    def forward(self, source: Tensor, lengths: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Predict each target token from the source and the true tokens before it.

        Args:
            source: ids [S, B].
            lengths: of the sources [B], at least 1 each.
            inputs: ids of the target, each one step late, [T, B].

        Returns:
            Logits of each next token [T, B, V], and attention weights [T, B, S].
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
        """Cross-entropy in nats, summed over the targets that count.

        Args:
            source: ids [S, B].
            lengths: of the sources [B], at least 1 each.
            inputs: ids of the target, each one step late, [T, B].
            targets: ids [T, B].
            weight: bool [T, B], true where a target counts: the first steps of each sequence.
            smoothing: of the labels, 0 to 1.
            teacher_forcing: share of the inputs that are the true ones; the others are what the
                model itself predicts.

        Returns:
            A scalar.
        """
        encoded = self.encode(source, lengths)
        if teacher_forcing < 1:
            inputs = self.mix_inputs(encoded, inputs, teacher_forcing)
        h, _ = self.decode(encoded, inputs, weight.sum(0))
        return linear_cross_entropy(
            h[weight], self.softmax_weight, self.bias, targets[weight], smoothing
        )

    def encode(self, source: Tensor, lengths: Tensor) -> EncodedInput:
        """Encode sources [S, B] of these lengths [B], at least 1 each."""
        outputs, _ = self.encoder(self.embed(self.source, source), lengths=lengths)
        forward, backward = outputs.chunk(2, 2)
        B = len(lengths)
        last = forward[lengths.to(source.device) - 1, torch.arange(B, device=source.device)]
        start = self.decoder.initial_state(B, dtype=outputs.dtype, device=outputs.device)
        state = self.bridge(self.drop(torch.cat([last, backward[0]], 1)[None])[0], start)
        return EncodedInput(self.attention.remember(self.drop(outputs), lengths), state)

    def decode(
        self, encoded: EncodedInput, inputs: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the decoder and the attention over known inputs.

        Args:
            encoded: B sources.
            inputs: ids [T, B].
            lengths: of the inputs [B]; steps past them are not computed. Default: all T.

        Returns:
            What the softmax reads, [T, B, A], and attention weights [T, B, S].
        """
        embedded = self.embed(self.target, inputs)
        if self.input_feeding:
            h, weights = self._decode_with_feeding(encoded, embedded)
        else:
            outputs, _ = self.decoder(embedded, encoded.state, lengths=lengths)
            context, weights = self.attention(outputs, encoded.memory)
            h = self.attentional(context, outputs)
        return self.drop(h), weights

    def embed(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """The vectors [N, B, E] of ids [N, B]; training replaces some ids by the unknown token."""
        if self.training and self.word_dropout:
            ids = ids.masked_fill(
                torch.rand(ids.shape, device=ids.device) < self.word_dropout, UNKNOWN
            )
        vectors: Tensor = self.drop_input(embedding(ids))
        return vectors

    def attentional(self, context: Tensor, outputs: Tensor) -> Tensor:
        """h = tanh(W [context; output])."""
        return torch.tanh(self.combine(torch.cat([context, outputs], -1)))

    def _decode_with_feeding(
        self, encoded: EncodedInput, embedded: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Decode step by step, because the decoder reads h of the step before."""
        state, covered = encoded.state, None
        h = embedded.new_zeros(embedded.shape[1], self.combine.out_features)
        hidden, attended = [], []
        for x in embedded:
            outputs, state = self.decoder(torch.cat([x, h], 1)[None], state)
            context, weights = self.attention(outputs, encoded.memory, covered)
            covered = weights[0] if covered is None else covered + weights[0]
            h = self.attentional(context, outputs)[0]
            hidden.append(h)
            attended.append(weights[0])
        return torch.stack(hidden), torch.stack(attended)

    @torch.no_grad()
    def mix_inputs(self, encoded: EncodedInput, inputs: Tensor, true: float) -> Tensor:
        """Replace some inputs by what the model itself predicts.

        Two passes, so that the recurrence still runs over the whole target: D. Duckworth et al.,
        Parallel scheduled sampling, 2019 (https://arxiv.org/abs/1906.04331).

        Args:
            encoded: B sources.
            inputs: the true ids, each one step late, [T, B].
            true: the share of inputs that stay, 0 to 1.

        Returns:
            Ids [T, B]; the first step stays.
        """
        h, _ = self.decode(encoded, inputs)
        predicted = linear(h, self.softmax_weight, self.bias).argmax(-1)
        keep = torch.bernoulli(torch.full(inputs[1:].shape, true)).bool().to(inputs.device)
        return torch.cat([inputs[:1], torch.where(keep, inputs[1:], predicted[:-1])])

    @property
    def softmax_weight(self) -> Tensor:
        """The weights of the softmax [V, A]."""
        return self.target.weight if self.weight is None else self.weight

    def stepper(self, encoded: EncodedInput) -> AttentiveStepper:
        """The decoder one token at a time over encoded sources, for every search."""
        return AttentiveStepper(self, encoded)

    def _initialise(self, name: str) -> str:
        description = initialise_layers((self.encoder, self.decoder), name)
        for embedding in dict.fromkeys((self.source, self.target)):  # in order, each once
            nn.init.normal_(embedding.weight, 0.0, embedding.embedding_dim**-0.5)
        if self.weight is not None:
            nn.init.xavier_uniform_(self.weight)
        return description
