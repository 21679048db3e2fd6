"""A decoder with attention, one token at a time: what translators and captioners share in a search.

N rows of a search, L layers, H hidden, S places that the attention reads, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells import State, map_state
from unroll.layers import Recurrent
from unroll.layers.attention import Attention, Memory
from unroll.layers.dense import Dense

LARGEST_TABLE = 2**22  # numbers of an embedding for which the first layer's input is computed once


class EncodedInput(NamedTuple):
    """A batch of inputs (sentences or images) after the encoder.

    Attributes:
        memory: what the attention reads.
        state: the first state of the decoder, each field [L, N, ...].
    """

    memory: Memory
    state: State

    def repeated(self, times: int) -> EncodedInput:
        """Each input `times` times, its copies beside one another: one for each place of a beam."""
        mask = self.memory.mask
        return self.select(torch.arange(len(mask), device=mask.device).repeat_interleave(times))

    def select(self, rows: Tensor) -> EncodedInput:
        """These inputs [M] in this order, int64; one may be taken several times."""
        state = map_state(lambda field: field.index_select(1, rows), self.state)
        return EncodedInput(self.memory.select(rows), state)


class AttentiveDecoder(Protocol):
    """The parts of a network that `AttentiveStepper` uses.

    Attributes:
        target: embedding of the tokens [V, E].
        decoder: the recurrent layers.
        attention: reads the encoded input.
        combine: W of h = tanh(W [context; output]).
        bias: of the softmax [V].
        input_feeding: whether the decoder also reads h of the step before.
    """

    target: nn.Embedding
    decoder: Recurrent
    attention: Attention
    combine: Dense
    bias: nn.Parameter
    input_feeding: bool

    @property
    def softmax_weight(self) -> Tensor:
        """The weights of the softmax [V, A]."""
        ...

    def attentional(self, context: Tensor, outputs: Tensor) -> Tensor:
        """h = tanh(W [context; output])."""
        ...


class AttentiveStepper:
    """A decoder with its state: tokens in, log-probabilities of the next ones out.

    When to use it: as the `step` of `unroll.models.beam_search`. It keeps the weights of the moment
    when it was made, and applies no dropout.

    Args:
        model: a translator or a captioner.
        encoded: N inputs.
    """

    @torch.no_grad()
    def __init__(self, model: AttentiveDecoder, encoded: EncodedInput) -> None:
        self._model, self._memory = model, encoded.memory
        N = len(encoded.memory.mask)
        self._weight, self._bias = model.softmax_weight.detach(), model.bias.detach()
        self._embedding = model.target.weight.detach()
        # the first layer's input of every token is computed once, where the layer reads only tokens
        self._has_table = not model.input_feeding and self._embedding.numel() <= LARGEST_TABLE
        table = self._embedding if self._has_table else None
        self._decoder = model.decoder.stepper(N, encoded.state, table=table)
        self._fed = self._bias.new_zeros(N, model.combine.out_features)
        self._covered = torch.zeros_like(encoded.memory.mask, dtype=self._bias.dtype)

    @torch.no_grad()
    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Decode one step.

        Args:
            ids: the tokens before this step [N], int64.

        Returns:
            Log-probabilities of the next tokens [N, V], and the attention weights [N, S].
        """
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
        """Keep these rows [N] in this order, as many as before; a row may be kept twice."""
        self._decoder.select(rows)
        self._memory = self._memory.select(rows)
        self._fed = self._fed.index_select(0, rows)
        self._covered = self._covered.index_select(0, rows)
