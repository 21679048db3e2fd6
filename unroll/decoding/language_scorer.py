"""A language model that helps a beam: what it adds for each token of a recogniser."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from unroll.data.vocabulary import UNKNOWN, Vocabulary
from unroll.decoding.language import start_ids
from unroll.errors import UserError


class LanguageScorer:
    """Shallow fusion: a share of what a language model thinks of each next token, and of the end.

        score(token | before) = weight * log p(token | before)

    When to use it: as the scorer of `unroll.decoding.ctc.beam_search`, where sounds alone leave open
    which word was said: "pair" or "pear".

    network, vocabulary, per_line: of the language model, `unroll.models.language.LanguageModel`.
    tokens: the recogniser's, from number 1 on. units: theirs, char or word. name: for complaints.
    Raises: UserError where the language model has other units.

    Source: C. Gulcehre et al., On using monolingual corpora in neural machine translation, 2015
    (https://arxiv.org/abs/1503.03535).
    """

    def __init__(
        self,
        network: Any,
        vocabulary: Vocabulary,
        tokens: list[str],
        units: str,
        weight: float,
        *,
        per_line: bool,
        name: str,
    ) -> None:
        if vocabulary.level != units:
            raise UserError(
                f"The language model {name} reads tokens of the level {vocabulary.level}, and the "
                f"recogniser finds {units}s. Train one by unroll train TEXT --level {units}."
            )
        self.network, self.weight = network.eval(), weight
        self._start = start_ids(vocabulary, per_line)
        self._ids = [0]  # the blank's is not looked at
        for token in tokens:
            ids = vocabulary.encode(token).tolist()
            self._ids.append(ids[0] if len(ids) == 1 else UNKNOWN)

    def start(self) -> Any:
        """The state before the first token: log p of every id next, and the network's state."""
        return self._read(self._start, None)

    def scores(self, state: Any) -> np.ndarray:
        """What each token adds, [V]."""
        chosen: np.ndarray = self.weight * state[0][self._ids]
        return chosen

    def after(self, state: Any, token: int) -> Any:
        """The state behind this token."""
        return self._read([self._ids[token]], state[1])

    def end(self, state: Any) -> float:
        """What ending here adds: a text ends as another begins."""
        return self.weight * float(state[0][self._start[-1]])

    @torch.no_grad()
    def _read(self, ids: list[int], state: Any) -> Any:
        x = torch.tensor(ids, device=self.network.bias.device)[:, None]
        logits, state = self.network(x, state)
        return logits[-1, 0].log_softmax(-1).double().cpu().numpy(), state
