"""A recurrent classifier: embedding, recurrent stack, pooling, softmax or sigmoids.

T time, B batch, E embedding, F columns, H hidden, D directions, K classes, O orders of counts.
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
        h_1 .. h_n = stack(e_1 .. e_n),   z = W pool(h_1 .. h_n) + b + sum_o trust_o c_o
        p = softmax(z / temperature), or sigmoid where a sequence may have several classes

    c_o are scores by counting (`NgramCounts`). The temperature is 1 in training; the one that is
    fitted afterwards is kept with the weights. Beside a simple model with logits f, which is fitted
    before training, p = softmax(share_1 z + share_2 f); until the shares are fitted it is f alone.

    Args:
        inputs: V, the tokens of the vocabulary; or F, the columns of numbers.
        classes: K.
        hidden_size: H of each layer, in each direction.
        num_layers: how many recurrent layers.
        embedding_size: E. None: sequences of numbers, which are read as they are.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        bidirectional: whether sequences are read from both ends.
        pooling: how the steps become one vector, as `unroll.layers.pooling.Pooling` takes it.
        multi_label: whether a sequence may have several classes.
        weights: of the classes in the loss, [K]. None: all the same.
        dropout: share that is dropped between layers and from the pooled vector.
        dropout_input: share that is dropped from embeddings, the same at each step.
        word_dropout: share of tokens that are read as the unknown one in training.
        label_smoothing: share of the target that is spread over all classes.
        orders: O, how many scores by counting are added. 0: none.
        has_floor: whether there is a simple model beside the network.
        initialisation: a name for `initialise`; `self.initialised` says what it did.

    Raises:
        ValueError: for sizes, a cell or a pooling that cannot be.

    Examples:
        >>> import torch
        >>> from unroll.tasks.classify.network import Classifier
        >>> network = Classifier(100, 3, 8, embedding_size=6, cell="gru")
        >>> network(torch.randint(100, (5, 2)), torch.tensor([5, 3])).shape
        torch.Size([2, 3])
    """

    weights: Tensor | None
    temperature: Tensor
    shares: Tensor | None

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
        multi_label: bool = False,
        weights: Tensor | None = None,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        orders: int = 0,
        has_floor: bool = False,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        self.multi_label, self.word_dropout, self.smoothing = (
            multi_label,
            word_dropout,
            label_smoothing,
        )
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
        self.register_buffer("shares", torch.tensor([0.0, 1.0]) if has_floor else None)
        self.initialised = self._initialise(initialisation)

    def forward(self, x: Tensor, lengths: Tensor, count_scores: Tensor | None = None) -> Tensor:
        """Logits [B, K].

        Args:
            x: ids [T, B], or numbers [T, B, F].
            lengths: true steps of each sequence, [B].
            count_scores: scores by counting, [B, O, K]. Default: none are added.
        """
        return self.classify_embedded(self.embed(x), lengths, count_scores)

    def embed(self, x: Tensor) -> Tensor:
        """What the recurrent layers read: embeddings [T, B, E], or the numbers [T, B, F]."""
        if self.embedding is None:
            return x
        if self.training and self.word_dropout:
            lost = torch.rand(x.shape, device=x.device) < self.word_dropout
            x = x.masked_fill(lost, UNKNOWN)
        embedded: Tensor = self.drop_input(self.embedding(x))
        return embedded

    def classify_embedded(
        self, h: Tensor, lengths: Tensor, count_scores: Tensor | None = None
    ) -> Tensor:
        """Logits [B, K] of embedded steps.

        Args:
            h: what `embed` returns, [T, B, E] or [T, B, F].
            lengths: [B].
            count_scores: [B, O, K], or None.
        """
        pooled = self.pool(h, lengths)
        logits: Tensor = self.decide(dropout(pooled, self.drop.p, self.training))
        if self.trust is None or count_scores is None:
            return logits
        return logits + torch.einsum("o,bok->bk", self.trust, count_scores.to(logits.dtype))

    def pool(self, h: Tensor, lengths: Tensor) -> Tensor:
        """What the last layer reads, `[B, D*H]`, from embedded steps [T, B, E]."""
        for k, layer in enumerate(self.stack):
            if k:
                h = self.drop(h)
            h, _ = layer(h, lengths=lengths)
        pooled: Tensor = self.pooling(h, lengths)
        return pooled

    def loss(
        self, x: Tensor, lengths: Tensor, y: Tensor, count_scores: Tensor | None = None
    ) -> Tensor:
        """Summed cross-entropy in nats, a scalar.

        Args:
            x: as `forward` takes it, like `lengths` and `count_scores`.
            lengths: [B].
            y: classes [B], or ones and zeros [B, K] where there may be several.
            count_scores: [B, O, K], or None.
        """
        logits = self(x, lengths, count_scores)
        if self.multi_label:
            if self.training and self.smoothing:
                y = y * (1 - self.smoothing) + self.smoothing / 2
            return binary_cross_entropy_with_logits(
                logits, y, pos_weight=self.weights, reduction="sum"
            )
        smoothing = self.smoothing if self.training else 0.0
        return cross_entropy(
            logits, y, weight=self.weights, reduction="sum", label_smoothing=smoothing
        )

    def probabilities(
        self, x: Tensor, lengths: Tensor, count_scores: Tensor | None = None
    ) -> Tensor:
        """Probabilities [B, K] of the network alone.

        Each row sums to 1, unless a sequence may have several classes.

        Args:
            x: as `forward` takes it, like `lengths` and `count_scores`.
            lengths: [B].
            count_scores: [B, O, K], or None.
        """
        return self.to_probabilities(self(x, lengths, count_scores))

    def attributions(
        self,
        x: Tensor,
        lengths: Tensor,
        count_scores: Tensor | None = None,
        floor_logits: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What each step adds to the logit of the most likely class: gradient times input.

            attribution_t = sum_e (d z_k / d e_t) e_t,   k the most likely class

        A positive attribution supports that class. To first order it says how far the logit would
        fall if the step were missing; a hint, not a proof. Source: M. Denil et al., Extraction of
        salient sentences from labelled documents, 2014 (https://arxiv.org/abs/1412.6815).

        Args:
            x: as `forward` takes it, like `lengths` and `count_scores`.
            lengths: [B].
            count_scores: [B, O, K], or None; what it adds is not in the attributions.
            floor_logits: [B, K], or None; what they add is not in them either.

        Returns:
            Probabilities [B, K], and the attribution of each step [T, B].
        """
        with torch.enable_grad():
            e = self.embed(x).detach().requires_grad_()
            z = self.classify_embedded(e, lengths, count_scores)
            p = self.to_probabilities(z, floor_logits).detach()
            chosen = z.gather(1, p.argmax(1, keepdim=True))
            (gradient,) = torch.autograd.grad(chosen.sum(), e)
        return p, (gradient * e.detach()).sum(-1)

    def to_probabilities(self, logits: Tensor, floor_logits: Tensor | None = None) -> Tensor:
        """Probabilities [B, K] from the network's logits, with those of the simple model if given."""
        if self.shares is None or floor_logits is None:
            z = logits / self.temperature
        else:
            z = self.shares[0] * logits + self.shares[1] * floor_logits.to(logits.dtype)
        return z.sigmoid() if self.multi_label else z.softmax(-1)

    def _initialise(self, name: str) -> str:
        description = initialise_layers(self.stack, name)
        if self.embedding is not None:
            # small, so that rare words add little until they are learned
            nn.init.normal_(self.embedding.weight, 0.0, 0.1)
        nn.init.xavier_uniform_(self.decide.weight)
        nn.init.zeros_(self.decide.bias)
        return description
