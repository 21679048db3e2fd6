"""A recurrent language model: embedding, recurrent stack, softmax.

T time, B batch, E embedding, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells import State
from unroll.layers import Recurrent, Stepper
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers
from unroll.models.mixture_gate import MixtureGate
from unroll.models.one_hot import OneHot
from unroll.models.shortlist import ShortlistEmbedding, share_of, whole_logits
from unroll.models.softmax import linear_cross_entropy, predictions_of
from unroll.models.token_cell import TokenCell
from unroll.models.weight_drop import WeightDrop


class LanguageModel(nn.Module):
    """The probability of the next token, given all before it.

        e_t = embedding[x_t] (+ category)        h_t = stack(e_t, h_{t-1})
        p(x_{t+1} | x_1 .. x_t) = softmax(W h_t + b),   W = embedding where tied

    Args:
        vocabulary_size: V.
        embedding_size: E.
        hidden_size: H, of each layer.
        num_layers: of the recurrent stack. Default: 1.
        cell: a name or a callable, as `unroll.Recurrent` takes it. Default: "lstm".
        categories: how many conditions there are; their vectors are added to every input. Default: none.
        tie: use the embedding as the weights of the softmax; needs E equal to the output size of the stack.
        dropout: locked dropout between layers and on outputs, 0 to 1.
        dropout_input: locked dropout on embeddings, 0 to 1.
        weight_drop: dropout of recurrent weights, 0 to 1.
        rare: ln share of each token that the network does not tell apart [V - K]: the last ones, see
            `unroll.models.shortlist`. None: there are none.
        initialisation: a name for `initialise`; `initialised` says what it did.
        gated: whether it is mixed with an n-gram model (`MixedLanguageModel`), so that it keeps their
            gate. Default: False.
        ids_read: how many ids it reads, where that is more than V: the start of a text is read and never
            predicted. Default: V.
        one_hot: read tokens as one-hot vectors [V] instead of an embedding; `embedding_size` is then V.

    Raises:
        ValueError: where tied sizes differ, and where `rare` and `ids_read`, or `one_hot` and `tie` or
            `rare` are both given.
    """

    rare: Tensor | None

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        categories: int = 0,
        tie: bool = False,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        weight_drop: float = 0.0,
        rare: Tensor | None = None,
        initialisation: str = "auto",
        gated: bool = False,
        ids_read: int | None = None,
        one_hot: bool = False,
    ) -> None:
        super().__init__()
        if rare is not None and ids_read is not None and ids_read > vocabulary_size:
            raise ValueError("LanguageModel got rare and ids_read; expected one of them.")
        if one_hot and (tie or rare is not None or embedding_size != vocabulary_size):
            raise ValueError(
                "LanguageModel got one_hot with tie, rare or an embedding_size that is not vocabulary_size."
            )
        self.gate = MixtureGate() if gated else None
        self.register_buffer("rare", rare)
        self.known = vocabulary_size if rare is None else vocabulary_size - len(rare)
        places = self.known + (rare is not None)
        embedding: type[nn.Embedding | OneHot] = (
            nn.Embedding if rare is None else ShortlistEmbedding
        )
        embedding = OneHot if one_hot else embedding
        read = places if rare is not None else max(places, ids_read or 0)
        self.embedding = embedding(read, embedding_size)
        self.category = nn.Embedding(categories, embedding_size) if categories else None
        self.stack = nn.ModuleList()
        width = embedding_size
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size)
            self.stack.append(layer)
            width = layer.output_size
        if tie and width != embedding_size:
            raise ValueError(
                f"Tied weights need an embedding as wide as the output; got embedding_size="
                f"{embedding_size} and an output of {width}. Make them equal, or untie."
            )
        self.weight = None if tie else nn.Parameter(torch.empty(places, width))
        self.bias = nn.Parameter(torch.zeros(places))
        self.drop_input = LockedDropout(dropout_input)
        self.drop = LockedDropout(dropout)
        self.drop_weights = WeightDrop(weight_drop)
        self.initialised = self._initialise(initialisation)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        category: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Predict the next token after every step.

        Args:
            x: ids [T, B].
            state: a tuple with the state of each layer. None: zeros.
            lengths: steps of each sequence [B]. None: all have T.
            category: of each sequence [B]. None: there are no conditions.

        Returns:
            Logits [T, B, V], and the state after the last step of each sequence.
        """
        h, state = self._hidden(x, state, lengths, category)
        return self.logits(h), state

    def logits(self, h: Tensor) -> Tensor:
        """Of outputs of the stack [*, H], [*, V]."""
        logits = linear(h, self._softmax_weight(), self.bias)
        return logits if self.rare is None else whole_logits(logits, self.rare)

    def loss(
        self,
        x: Tensor,
        y: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        category: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """The cross-entropy of the targets in nats, summed, and the state after the last step.

        Args:
            x: ids [T, B].
            y: targets, ids [T, B].
            state: as `forward` takes it.
            lengths: as `forward` takes them.
            category: as `forward` takes it.
            weight: true where a target counts, bool [T, B]. None: everywhere.
        """
        h, state = self._hidden(x, state, lengths, category)
        if weight is None:
            h, y = h.flatten(0, 1), y.flatten()
        else:
            h, y = h[weight], y[weight]
        return self.output_loss(h, y), state

    def output_loss(self, h: Tensor, y: Tensor) -> Tensor:
        """The cross-entropy of targets y [N] in nats, summed, given outputs h of the stack [N, H]."""
        if self.rare is None:
            return linear_cross_entropy(h, self._softmax_weight(), self.bias, y)
        loss = linear_cross_entropy(h, self._softmax_weight(), self.bias, y.clamp(max=self.known))
        return loss - share_of(y, self.rare, self.known).sum()

    @torch.no_grad()
    def predictions(
        self,
        x: Tensor,
        y: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        category: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """How sure each prediction is, and the state after the last step.

        Args:
            x: ids [T, B].
            y: targets, ids [T, B].
            state: as `forward` takes it.
            lengths: as `forward` takes them.
            category: as `forward` takes it.

        Returns:
            ln p of each target, the entropy of the distribution and its highest ln p, [3, T, B]; and the
            state after the last step.
        """
        h, state = self._hidden(x, state, lengths, category)
        said = predictions_of(
            h.flatten(0, 1), self._softmax_weight(), self.bias, y.flatten(), self.rare
        )
        return said.unflatten(1, x.shape), state

    def log_probabilities(self, ids: Tensor, category: Tensor | None = None) -> Tensor:
        """ln p of every token of a sequence [N] but the first, each given those before it, [N - 1]."""
        said, _ = self.predictions(ids[:-1, None], ids[1:, None], category=category)
        return said[0, :, 0]

    def next_probabilities(self, ids: Tensor, category: Tensor | None = None) -> Tensor:
        """The distribution of the token that follows a sequence [N], [V]."""
        logits, _ = self(ids[:, None], category=category)
        return logits[-1, 0].softmax(-1)

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step, in the structure that `forward` returns."""
        like = self.bias
        return tuple(
            layer.initial_state(batch_size, dtype=like.dtype, device=like.device)  # type: ignore[operator]
            for layer in self.stack
        )

    def as_cell(self) -> TokenCell:
        """Embedding and stack as one cell that reads ids [B], without dropout and categories."""
        return TokenCell(self.embedding, [layer.get_submodule("cells.0") for layer in self.stack])

    def stepper(self, batch_size: int, category: Tensor | None = None) -> LanguageStepper:
        """The model one token at a time, for generation.

        Args:
            batch_size: B.
            category: numbers of conditions, [B] or one for all [1]. Default: none.

        Returns:
            A stepper in its initial state: tokens [B] -> logits of the next ones [B, V].
        """
        return LanguageStepper(self, batch_size, category)

    def _hidden(
        self, x: Tensor, state: State | None, lengths: Tensor | None, category: Tensor | None
    ) -> tuple[Tensor, State]:
        """The outputs of the stack [T, B, H], and its state."""
        h = self.drop_input(self._embed(x, category))
        states = []
        for k, layer in enumerate(self.stack):
            if k:
                h = self.drop(h)
            before = None if state is None else state[k]
            h, last = self.drop_weights(layer, h, before, lengths=lengths)
            states.append(last)
        return self.drop(h), tuple(states)

    def _embed(self, x: Tensor, category: Tensor | None) -> Tensor:
        e: Tensor = self.embedding(x)
        return e if self.category is None else e + self.category(category)

    def _softmax_weight(self) -> Tensor:
        return self.embedding.weight[: len(self.bias)] if self.weight is None else self.weight

    def _initialise(self, name: str) -> str:
        said = initialise_layers(self.stack, name)
        tied = self.weight is None
        scale = self.embedding.embedding_dim**-0.5 if tied else 1.0
        if not isinstance(self.embedding, OneHot):
            nn.init.normal_(self.embedding.weight, 0.0, scale)
        if self.weight is not None:
            nn.init.xavier_uniform_(self.weight)
        if self.category is not None:
            nn.init.normal_(self.category.weight, 0.0, scale)
        return said


class LanguageStepper:
    """A language model with its state: takes a token, returns the logits of the next one."""

    def __init__(self, model: LanguageModel, batch_size: int, category: Tensor | None) -> None:
        self._model, self._category = model, category
        symbols, width = model.embedding.weight.shape
        self._last = symbols - 1  # of the table, for all that follow it
        # the contribution of every token to the first layer, where the table is small enough
        self._has_table = symbols * width <= LARGEST_TABLE and (
            category is None or len(category) == 1
        )
        table = None
        if self._has_table:
            with torch.no_grad():
                table = model._embed(torch.arange(symbols, device=model.bias.device), category)
        self._layers: list[Stepper] = [
            layer.stepper(batch_size, table=None if k else table)  # type: ignore[operator]
            for k, layer in enumerate(model.stack)
        ]

    def __call__(self, ids: Tensor) -> Tensor:
        """Logits [B, V] after these tokens [B]."""
        return self._logits(self.advance(ids))

    def advance(self, ids: Tensor) -> Tensor:
        """Outputs of the stack [B, H] after these tokens [B], for reading without predicting."""
        h = ids.clamp(max=self._last) if self._has_table else self._embed(ids)
        for layer in self._layers:
            h = layer(h)
        return h

    @property
    def states(self) -> list[State]:
        """The state of each layer after the last token; may be set, to continue from elsewhere."""
        return [layer.state for layer in self._layers]

    @states.setter
    def states(self, states: list[State]) -> None:
        for layer, state in zip(self._layers, states, strict=True):
            layer.state = state

    @torch.no_grad()
    def _embed(self, ids: Tensor) -> Tensor:
        return self._model._embed(ids, self._category)

    @torch.no_grad()
    def _logits(self, h: Tensor) -> Tensor:
        return self._model.logits(h)


LARGEST_TABLE = 2**22
