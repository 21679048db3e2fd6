"""A recurrent language model mixed with an n-gram model, in shares that depend on the history.

    p(w | h) = g(h) p_network(w | h) + (1 - g(h)) p_ngram(w | h)
    g(h) = sigmoid(weight . x(h) + bias)

x(h) is known before the token: which share of the longest history the n-gram model has seen, and the entropy
and the highest ln p of the network. The four numbers of the gate are fitted on a validation set, which neither
model has learned from; a network that knows little gets a share of almost 0.

T time, B batch, V vocabulary, n order of the n-gram model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.stream import TokenBatch
from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.mixture_gate import Evidence


class NgramReader:
    """What an n-gram model says about the targets of batches, whose histories go on from batch to batch.

    Args:
        ngrams: the n-gram model.
        before: the last n - 1 tokens of each sequence [B, n - 1], -1 where there was none; the first
            batch goes on from them where it is not fresh. Default: nothing was before.
    """

    def __init__(self, ngrams: KneserNey, before: np.ndarray | None = None) -> None:
        self.ngrams = ngrams
        self._before = before

    def read(
        self, x: Tensor, y: Tensor, *, fresh: bool, lengths: Tensor | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read the next batch.

        Args:
            x: ids [T, B].
            y: targets, ids [T, B]: x one step later.
            fresh: whether nothing that was read before belongs to it.
            lengths: steps of each sequence [B]; what has length 0 does not begin yet. None: all have T.

        Returns:
            p of each target, and the share of the longest history that was seen, 0 to 1, each [T, B].
        """
        own = torch.cat([x[:1], y]).T.cpu().numpy()
        reach = self.ngrams.order - 1
        before = self._before
        if fresh or before is None:
            before = np.full((len(own), reach), -1, dtype=np.int64)
        ids = np.concatenate([before, own], axis=1)
        self._before = ids[:, len(ids[0]) - 1 - reach : -1].copy()
        if lengths is not None:
            self._before[lengths.cpu().numpy() == 0] = -1
        p, seen = self.ngrams.score_rows(ids)
        return p[:, reach:].T, seen[:, reach:].T / max(1, reach)


class MixedLanguageModel:
    """A network and an n-gram model as one language model, which is used as the network is.

    When to use it: to predict with a trained network whose gate is fitted. It has the methods of
    `LanguageModel` that use a model, not those that train it.

    Args:
        network: with its gate.
        ngrams: of the same vocabulary.

    Raises:
        ValueError: where the network has no gate.

    Examples:
        >>> import numpy as np, torch
        >>> from unroll.models.kneser_ney import KneserNey
        >>> from unroll.models.language import LanguageModel
        >>> from unroll.models.mixture import MixedLanguageModel
        >>> ngrams = KneserNey.fit(np.array([0, 1, 2, 0, 1, 2]), 3, order=2)
        >>> mixed = MixedLanguageModel(LanguageModel(3, 4, 8, gated=True).eval(), ngrams)
        >>> round(float(mixed.next_probabilities(torch.tensor([0, 1])).sum()), 4)
        1.0
    """

    def __init__(self, network: LanguageModel, ngrams: KneserNey) -> None:
        if network.gate is None:
            raise ValueError(
                "MixedLanguageModel got a network without a gate; expected gated=True."
            )
        self.network, self.ngrams, self.gate = network, ngrams, network.gate

    @property
    def bias(self) -> Tensor:
        """Of the network's softmax [V]; says on which device the network is."""
        return self.network.bias

    def eval(self) -> MixedLanguageModel:
        """Put the network in eval mode."""
        self.network.eval()
        return self

    def stepper(self, batch_size: int, category: Tensor | None = None) -> MixedStepper:
        """The model one token at a time, as `LanguageModel.stepper` gives it."""
        return MixedStepper(self, batch_size, category)

    @torch.no_grad()
    def log_probabilities(self, ids: Tensor, category: Tensor | None = None) -> Tensor:
        """ln p of every token of a sequence [N] but the first, each given those before it, [N - 1]."""
        batch = TokenBatch(ids[:-1, None], ids[1:, None], fresh=True, category=category)
        evidence, _ = gather_evidence(self.network, NgramReader(self.ngrams), batch)
        return torch.from_numpy(self.gate.log_mixture(evidence)[:, 0])

    @torch.no_grad()
    def next_probabilities(self, ids: Tensor, category: Tensor | None = None) -> Tensor:
        """The distribution of the token that follows a sequence [N], [V]."""
        logits, _ = self.network(ids[:, None], category=category)
        rows = self.ngrams.rows_after(ids.tolist())
        return self.mix_one(logits[-1], rows)[0].exp()

    def mix_one(self, logits: Tensor, rows: np.ndarray) -> Tensor:
        """`mix` of one history, [1, V] and [n] -> [1, V], in a third of the time."""
        z = logits.cpu().numpy()[0].astype(np.float64)
        z -= z.max()
        p = np.exp(z)
        total = float(p.sum())
        entropy, top = math.log(total) - float(p @ z) / total, -math.log(total)
        seen = (int(np.count_nonzero(self.ngrams.after[rows])) - 1) / max(1, self.ngrams.order - 1)
        share = float(self.gate.share(np.array(seen), np.array(entropy), np.array(top)))
        p *= share / total
        ngram = self.ngrams.probabilities(rows)
        ngram *= 1 - share
        p += ngram
        return torch.from_numpy(np.log(p, out=p).astype(np.float32)[None]).to(logits.device)

    def mix(self, logits: Tensor, rows: np.ndarray) -> Tensor:
        """The distributions of both as one.

        Args:
            logits: of the network [B, V].
            rows: of the histories in the n-gram model [B, n].

        Returns:
            ln p [B, V], as float32 on the device of the logits.
        """
        log_p = logits.double().log_softmax(-1).cpu().numpy()
        p = np.exp(log_p)
        seen = np.maximum((self.ngrams.after[rows] > 0).sum(1) - 1, 0) / max(
            1, self.ngrams.order - 1
        )
        share = self.gate.share(seen, -(p * log_p).sum(1), log_p.max(1))[:, None]
        mixed = np.log(share * p + (1 - share) * self.ngrams.probabilities(rows))
        return torch.from_numpy(mixed.astype(np.float32)).to(logits.device)

    def mix_steps(
        self, logits: Tensor, ids: np.ndarray, rows: np.ndarray | None
    ) -> tuple[Tensor, np.ndarray]:
        """The distributions of both as one, after each token of a sequence.

        Args:
            logits: of the network after each token [T, V].
            ids: the tokens [T].
            rows: of the history before them [n]. None: nothing was before.

        Returns:
            ln p [T, V], and the rows of the history after them [n].
        """
        after = self.ngrams.rows_after([]) if rows is None else rows
        histories = [after := self.ngrams.advance(after, token) for token in ids]
        return self.mix(logits, np.stack(histories)), after


class MixedStepper:
    """A mixed model with its state: takes a token, returns ln p of the next one."""

    def __init__(self, model: MixedLanguageModel, batch_size: int, category: Tensor | None) -> None:
        self._model = model
        self._step = model.network.stepper(batch_size, category)
        self._rows = np.repeat(model.ngrams.rows_after([])[None], batch_size, axis=0)

    def __call__(self, ids: Tensor) -> Tensor:
        """ln p [B, V] after these tokens [B]."""
        if len(self._rows) == 1:
            rows = self._model.ngrams.advance(self._rows[0], ids.cpu().numpy()[0])
            self._rows = rows[None]
            return self._model.mix_one(self._step(ids), rows)
        self._rows = self._model.ngrams.advance(self._rows, ids.cpu().numpy())
        return self._model.mix(self._step(ids), self._rows)

    @property
    def states(self) -> list[Any]:
        """The state after the last token, of each layer and of the n-gram model; may be set."""
        return [*self._step.states, self._rows]

    @states.setter
    def states(self, states: Sequence[Any]) -> None:
        *layers, self._rows = states
        self._step.states = layers


def gather_evidence(
    network: LanguageModel,
    reader: NgramReader | None,
    batch: TokenBatch,
    state: State | None = None,
) -> tuple[Evidence, State]:
    """What both models say about the targets of a batch; see `Evidence`.

    Args:
        network: in eval mode.
        reader: of the n-gram model, which has read what comes before. None: that model gives 0.
        batch: on the device of the network, [T, B].
        state: of the network after the batch before; where the batch is fresh, it is not used.

    Returns:
        The evidence on all targets, whether they count or not, each [T, B]; and the state of the network
        after the batch.
    """
    said, state = network.predictions(
        batch.x,
        batch.y,
        None if batch.fresh else state,
        lengths=batch.lengths,
        category=batch.category,
    )
    network_p, entropy, top = said.double().cpu().numpy()
    ngram = seen = np.zeros(network_p.shape)
    if reader is not None:
        ngram, seen = reader.read(batch.x, batch.y, fresh=batch.fresh, lengths=batch.lengths)
    return Evidence(network_p, entropy, top, ngram, seen), state
