"""A recurrent classifier: embedding, recurrent stack, pooling, softmax or sigmoids.

T time, B batch, E embedding, F columns, H hidden, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, dropout

from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.locked_dropout import LockedDropout
from unroll.layers.pooling import Pooling
from unroll.models.initialisation import initialise_layers


class Classifier(nn.Module):
    """The probability of each class, given a whole sequence.

        e_t = embedding[x_t], or x_t itself where it is numbers
        h_1 .. h_n = stack(e_1 .. e_n),   z = W pool(h_1 .. h_n) + b + sum_o trust_o counted_o
        p = softmax(z / temperature), or sigmoid where a sequence may have several classes

    The temperature is 1 in training; what is fitted afterwards is kept with the weights.

    Args:
        inputs: V, the tokens of the vocabulary; or F where numbers. classes: K.
        embedding_size: E; None: sequences of numbers, F a step.
        hidden_size: H of each of num_layers layers, in each direction.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        pooling: as `unroll.layers.pooling.Pooling` takes it.
        several: whether a sequence may have several classes. weights: of the classes [K], or None.
        dropout: between layers and on the pooled vector. dropout_input: locked, on embeddings.
        word_dropout: share of tokens that are read as the unknown one in training.
        label_smoothing: share of the target that is spread over all classes.
        orders: O, of the scores by counting that stand beside (`data.counted`); 0: none.
        initialisation: a name for `initialise`; what it did stands in `self.initialised`.

    Raises: ValueError for sizes, a cell or a pooling that cannot be.

    Example:
        >>> import torch
        >>> from unroll.tasks.classify.network import Classifier
        >>> network = Classifier(100, 3, 8, embedding_size=6, cell="gru")
        >>> network(torch.randint(100, (5, 2)), torch.tensor([5, 3])).shape
        torch.Size([2, 3])
    """

    weights: Tensor | None
    temperature: Tensor

    def __init__(
        self,
        inputs: int,
        classes: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        embedding_size: int | None = None,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        bidirectional: bool = True,
        pooling: str = "max",
        several: bool = False,
        weights: Tensor | None = None,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        orders: int = 0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        self.several, self.word_dropout, self.smoothing = several, word_dropout, label_smoothing
        self.embedding = None if embedding_size is None else nn.Embedding(inputs, embedding_size)
        self.stack = nn.ModuleList()
        width = embedding_size or inputs
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size, bidirectional=bidirectional)
            self.stack.append(layer)
            width = layer.output_size
        self.pooling = Pooling(pooling, width, 2 if bidirectional else 1)
        self.decide = nn.Linear(width, classes)
        self.drop_input, self.drop = LockedDropout(dropout_input), LockedDropout(dropout)
        self.trust = nn.Parameter(torch.ones(orders)) if orders else None
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("temperature", torch.ones(()))
        self.initialised = self._initialise(initialisation)

    def forward(self, x: Tensor, lengths: Tensor, counted: Tensor | None = None) -> Tensor:
        """Logits [B, K]. x: ids [T, B] or numbers [T, B, F]. lengths: [B]. counted: [B, O, K]."""
        return self.read(self.embed(x), lengths, counted)

    def embed(self, x: Tensor) -> Tensor:
        """What the stack reads, [T, B, E] or [T, B, F]."""
        if self.embedding is None:
            return x
        if self.training and self.word_dropout:
            lost = torch.rand(x.shape, device=x.device) < self.word_dropout
            x = x.masked_fill(lost, UNKNOWN)
        embedded: Tensor = self.drop_input(self.embedding(x))
        return embedded

    def read(self, h: Tensor, lengths: Tensor, counted: Tensor | None = None) -> Tensor:
        """Logits [B, K] of embedded steps [T, B, E]."""
        pooled = self.pooled(h, lengths)
        logits: Tensor = self.decide(dropout(pooled, self.drop.p, self.training))
        if self.trust is None or counted is None:
            return logits
        return logits + torch.einsum("o,bok->bk", self.trust, counted.to(logits.dtype))

    def pooled(self, h: Tensor, lengths: Tensor) -> Tensor:
        """What decides, [B, D*H], of embedded steps [T, B, E]."""
        for k, layer in enumerate(self.stack):
            if k:
                h = self.drop(h)
            h, _ = layer(h, lengths=lengths)
        pooled: Tensor = self.pooling(h, lengths)
        return pooled

    def loss(self, x: Tensor, lengths: Tensor, y: Tensor, counted: Tensor | None = None) -> Tensor:
        """Summed cross-entropy in nats. y: classes [B], or [B, K] where there may be several."""
        logits = self(x, lengths, counted)
        if self.several:
            if self.training and self.smoothing:
                y = y * (1 - self.smoothing) + self.smoothing / 2
            return binary_cross_entropy_with_logits(
                logits, y, pos_weight=self.weights, reduction="sum"
            )
        smoothing = self.smoothing if self.training else 0.0
        return cross_entropy(
            logits, y, weight=self.weights, reduction="sum", label_smoothing=smoothing
        )

    def probabilities(self, x: Tensor, lengths: Tensor, counted: Tensor | None = None) -> Tensor:
        """[B, K]; each row sums to one, unless a sequence may have several classes."""
        logits: Tensor = self(x, lengths, counted) / self.temperature
        return logits.sigmoid() if self.several else logits.softmax(-1)

    def mattering(
        self, x: Tensor, lengths: Tensor, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Probabilities [B, K], and the weight of each step [T, B]: gradient times input.

            weight_t = sum_e (d z_k / d e_t) e_t,   k the likeliest class

        Positive speaks for that class. To first order a weight says how far the logit would fall
        if the step were not there; a hint, not a proof. Source: M. Denil et al., Extraction of
        salient sentences from labelled documents, 2014 (https://arxiv.org/abs/1412.6815).
        """
        with torch.enable_grad():
            e = self.embed(x).detach().requires_grad_()
            z = self.read(e, lengths, counted)
            (gradient,) = torch.autograd.grad(z.max(1).values.sum(), e)
        z = z / self.temperature
        p = z.sigmoid() if self.several else z.softmax(-1)
        return p.detach(), (gradient * e.detach()).sum(-1)

    def _initialise(self, name: str) -> str:
        said = initialise_layers(self.stack, name)
        if self.embedding is not None:
            # small, so that rare words say little until they are learned
            nn.init.normal_(self.embedding.weight, 0.0, 0.1)
        nn.init.xavier_uniform_(self.decide.weight)
        nn.init.zeros_(self.decide.bias)
        return said
