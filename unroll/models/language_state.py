"""What a language model has read, as an object: to go on from there, any number of times.

A text is read once; what follows it is scored, predicted and generated from the state. The state of a
recurrent model has the same few kilobytes after one token and after a million.

n order of the n-gram model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.cells.state import fields
from unroll.data.stream import TokenBatch
from unroll.errors import UserError
from unroll.layers.kept_state import state_from_bytes, state_to_bytes
from unroll.models.language import LanguageModel, LanguageStepper
from unroll.models.mixture import MixedLanguageModel, MixedStepper, NgramReader, gather_evidence

Predictor: TypeAlias = LanguageModel | MixedLanguageModel


@dataclass(frozen=True, eq=False)
class LanguageState:
    """The state of a language run after a text. Nothing changes it: reading on makes another.

    When to use it: `run.read(text)` makes it; `run.read`, `run.next`, `run.score`, `run.generate` and
    `run.stream` go on from it with `state=`.

    Attributes:
        layers: the state of each layer before the last token, in the structure of its cell.
        recent: ids of the last tokens, the last one included: the history of the n-grams, n - 1 at
            most. The last token is fed first when the state is used.
        tokens: how many tokens were read, with the one before the first of a text.
        category: the number of the condition. None: the model has none.
        weights: the hash of the weights and the vocabulary that it belongs to.
    """

    layers: tuple[State, ...]
    recent: tuple[int, ...]
    tokens: int
    category: int | None
    weights: str

    def copy(self) -> LanguageState:
        """The same state in tensors of its own."""
        return replace(self, layers=map_state(torch.clone, self.layers))

    @property
    def size(self) -> int:
        """Bytes of its tensors in memory."""
        return sum(t.numel() * t.element_size() for _, t in fields(self.layers))

    def to_bytes(self) -> bytes:
        """The state as bytes: safetensors with a checksum; `run.state_from_bytes` reads them."""
        facts = {"recent": " ".join(map(str, self.recent)), "tokens": str(self.tokens)}
        if self.category is not None:
            facts["category"] = str(self.category)
        return state_to_bytes(self.layers, self.weights, facts)

    def __repr__(self) -> str:
        return f"<LanguageState after {self.tokens:,} tokens, {self.size:,} bytes>"


def read(
    model: Predictor,
    ids: Sequence[int],
    category: Tensor | None,
    before: LanguageState | None,
    weights: str,
) -> LanguageState:
    """The state after these tokens, one step at a time, so that pieces give the same bits as the whole.

    Args:
        model: in eval mode.
        ids: of the tokens; at least one where nothing was read before.
        category: the number of the condition [1], or None.
        before: the state to go on from. None: these are the first tokens.
        weights: the hash that the new state names.
    """
    network, reach = network_of(model), reach_of(model)
    device = network.bias.device
    stepper = network.stepper(1, category)
    recent: tuple[int, ...] = ()
    if before is not None:
        stepper.states = list(before.layers)
        recent = before.recent
    pending = [*recent[-1:], *ids]
    for id in pending[:-1]:
        stepper.advance(torch.tensor([id], device=device))
    return LanguageState(
        tuple(stepper.states),
        tuple([*recent, *ids][-reach:]),
        len(ids) + (0 if before is None else before.tokens),
        None if category is None else int(category[0]),
        weights,
    )


def resumed(
    model: Predictor, state: LanguageState, category: Tensor | None
) -> LanguageStepper | MixedStepper:
    """A stepper that takes the last token of a state next, then those that follow."""
    stepper = model.stepper(1, category)
    states = list(state.layers)
    if isinstance(model, MixedLanguageModel):
        states.append(model.ngrams.rows_after(list(state.recent[:-1]))[None])
    stepper.states = states
    return stepper


@torch.no_grad()
def next_probabilities(model: Predictor, state: LanguageState, category: Tensor | None) -> Tensor:
    """The distribution of the token that follows a state [V]."""
    last = torch.tensor(state.recent[-1:], device=model.bias.device)
    said = resumed(model, state, category)(last)[0]
    return said.exp() if isinstance(model, MixedLanguageModel) else said.softmax(-1)


@torch.no_grad()
def log_probabilities(
    model: Predictor, state: LanguageState, ids: Tensor, category: Tensor | None
) -> Tensor:
    """ln p of every token of a sequence [N] that follows a state, [N]."""
    whole = torch.cat([ids.new_tensor(state.recent[-1:]), ids])[:, None]
    x, y = whole[:-1], whole[1:]
    if not isinstance(model, MixedLanguageModel):
        said, _ = model.predictions(x, y, state.layers, category=category)
        return said[0, :, 0]
    history = np.full((1, model.ngrams.order - 1), -1, dtype=np.int64)
    own = state.recent[:-1]
    history[0, history.shape[1] - len(own) :] = own
    batch = TokenBatch(x, y, fresh=False, category=category)
    evidence, _ = gather_evidence(
        model.network, NgramReader(model.ngrams, history), batch, state.layers
    )
    return torch.from_numpy(model.gate.log_mixture(evidence)[:, 0])


def from_bytes(
    model: Predictor, content: bytes, weights: str, categories: int, size: int
) -> LanguageState:
    """The state that bytes hold.

    Args:
        model: that goes on from it.
        content: of `LanguageState.to_bytes`.
        weights: the hash of the model.
        categories: how many conditions it has.
        size: how many ids it reads.

    Raises:
        UserError: where the bytes are no state, are damaged, or belong to another run.
    """
    network = network_of(model)
    like = network.initial_state(1)
    layers, facts = state_from_bytes(content, like, weights)
    try:
        recent = tuple(int(word) for word in facts["recent"].split())
        tokens, named = int(facts["tokens"]), facts.get("category")
        category = None if named is None else int(named)
    except (KeyError, ValueError) as error:
        raise UserError(
            "The state does not say what was read; it is not of a language run."
        ) from error
    whole = all(0 <= id < size for id in recent) and len(recent) == min(tokens, reach_of(model))
    if not whole or not recent or (category is None) != (categories == 0):
        raise UserError(
            "The state does not fit the run: other tokens or conditions. Read it again."
        )
    if category is not None and not 0 <= category < categories:
        raise UserError(f"The state has condition {category}; the run has {categories}.")
    return LanguageState(layers, recent, tokens, category, weights)


def network_of(model: Predictor) -> LanguageModel:
    """The network of a model, without the n-grams that it is mixed with."""
    return model.network if isinstance(model, MixedLanguageModel) else model


def reach_of(model: Predictor) -> int:
    """How many of the last tokens a state keeps: n - 1, and the last one always."""
    return max(1, model.ngrams.order - 1) if isinstance(model, MixedLanguageModel) else 1
