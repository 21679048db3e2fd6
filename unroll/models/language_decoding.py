"""Use a language model: score a text, predict its next token, generate its continuation.

`network` is a `unroll.models.language.LanguageModel`, or a `MixedLanguageModel`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unroll.data.vocabulary import Vocabulary
from unroll.errors import UserError
from unroll.models import language_state
from unroll.models.generation import generate_pieces
from unroll.models.language_state import LanguageState
from unroll.models.sampling import checked_sampling


def start_ids(vocabulary: Vocabulary, per_line: bool) -> list[int]:
    """The ids before the first token of a text: a line end for a stream, else the boundary."""
    if not per_line and vocabulary.level in ("char", "bpe"):
        ids = [] if vocabulary.unknown("\n") else vocabulary.encode("\n").tolist()
        if ids and vocabulary.unknown_id not in ids:
            return ids
    return [vocabulary.boundary]


@torch.no_grad()
def score(
    network: Any,
    vocabulary: Vocabulary,
    text: str,
    *,
    per_line: bool = False,
    category: int | None = None,
    state: LanguageState | None = None,
) -> dict[str, Any]:
    """The log-probability of a text, natural logarithm: in total, per token, and as perplexity.

    Args:
        network: the model.
        vocabulary: text to ids.
        text: to score.
        per_line: whether the model learned lines; then the end of the line is scored too.
        category: the number of the condition. None: the model has none.
        state: after what comes before the text. None: the text is the first.

    Returns:
        text, log_probability, perplexity, tokens (each with its log_probability), unknown (tokens).

    Raises:
        UserError: for a text without tokens.
    """
    network.eval()
    device = network.bias.device
    context = start_ids(vocabulary, per_line) if state is None else []
    own = vocabulary.encode(text).tolist()
    if not own:
        raise UserError("The text to score is empty; expected at least one character or word.")
    ids = torch.tensor(context + own + ([vocabulary.boundary] if per_line else []), device=device)
    condition = category_ids(category, 1, device)
    if state is None:
        log_p = network.log_probabilities(ids, condition)[len(context) - 1 :].tolist()
    else:
        log_p = language_state.log_probabilities(network, state, ids, condition).tolist()
    tokens = ids[len(context) :].tolist()
    total = math.fsum(log_p)
    return {
        "text": text,
        "log_probability": total,
        "perplexity": math.exp(-total / len(log_p)),
        "tokens": [
            {"token": vocabulary.name(i), "log_probability": p}
            for i, p in zip(tokens, log_p, strict=True)
        ],
        "unknown": vocabulary.unknown(text),
    }


@torch.no_grad()
def next_tokens(
    network: Any,
    vocabulary: Vocabulary,
    text: str,
    top: int,
    *,
    per_line: bool = False,
    category: int | None = None,
    state: LanguageState | None = None,
) -> list[dict[str, Any]]:
    """The most likely next tokens after a text, with their probabilities.

    Args:
        network: the model.
        vocabulary: text to ids.
        text: what comes before.
        top: how many tokens.
        per_line: whether the model learned lines.
        category: the number of the condition. None: the model has none.
        state: after what comes before the text. None: the text is the first.

    Raises:
        UserError: for `top` below 1, and for unknown characters in the text.
    """
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    network.eval()
    device = network.bias.device
    condition = category_ids(category, 1, device)
    context = prompt_ids(vocabulary, text, per_line, state)
    if state is None:
        after = network.next_probabilities(torch.tensor(context, device=device), condition)
    else:
        state = language_state.read(network, context, condition, state, state.weights)
        after = language_state.next_probabilities(network, state, condition)
    p, order = after.topk(min(top, len(vocabulary)))
    return [
        {"token": vocabulary.name(i), "probability": q}
        for i, q in zip(order.tolist(), p.tolist(), strict=True)
    ]


def prompt_ids(
    vocabulary: Vocabulary, prompt: str, per_line: bool, state: LanguageState | None = None
) -> list[int]:
    """The ids of a prompt, after the ids before the first token of a text where nothing was read before.

    Raises:
        UserError: for characters that the vocabulary does not have.
    """
    unknown = vocabulary.unknown(prompt)
    if unknown and vocabulary.level == "char" and not getattr(vocabulary, "skips", False):
        shown = ", ".join(repr(c) for c in unknown[:10])
        raise UserError(
            f"The prompt has characters that the model has never seen: {shown}. Remove them, or train "
            "on a text that has them."
        )
    start = start_ids(vocabulary, per_line) if state is None else []
    return start + vocabulary.encode(prompt).tolist()


def generate(
    network: Any,
    vocabulary: Vocabulary,
    prompt: str = "",
    *,
    length: int = 400,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    per_line: bool = False,
    category: int | None = None,
    unknown: bool = False,
    state: LanguageState | None = None,
) -> Iterator[str]:
    """Generate the continuation of a prompt, piece by piece.

    A model of lines stops at the end of the line.

    Args:
        network: the model.
        vocabulary: text to ids and back.
        prompt: what the text starts with.
        length: tokens to generate, at most.
        temperature: divides the logits; 0 always takes the most likely token.
        top_k: draw from the k most likely tokens. 0: from all.
        top_p: draw from the fewest tokens that reach this probability.
        seed: the same seed generates the same text. None: another text each time.
        per_line: whether the model learned lines.
        category: the number of the condition. None: the model has none.
        unknown: whether <unk> may be generated.
        state: after what comes before the prompt. None: the prompt is the first.

    Raises:
        UserError: for a prompt or a number that cannot be used.
    """
    checked_sampling(temperature, top_k, top_p, seed)
    if length < 0:
        raise UserError(f"--length got {length}; expected a number of tokens, 0 or more.")
    device = network.bias.device
    # the boundary is a line end for words and the end of the sequence for lines; otherwise it is no text
    never = [] if unknown or vocabulary.unknown_id is None else [vocabulary.unknown_id]
    if not per_line and vocabulary.level != "word" and vocabulary.boundary < len(vocabulary):
        never.append(vocabulary.boundary)
    condition = category_ids(category, 1, device)
    context = prompt_ids(vocabulary, prompt, per_line, state)
    if state is not None:
        context = [*state.recent[-1:], *context]
    return generate_pieces(
        network.stepper(1, condition)
        if state is None
        else language_state.resumed(network, state, condition),
        vocabulary,
        context,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        never=never,
        end=vocabulary.boundary if per_line else None,
        device=device,
    )


def category_ids(category: int | None, batch_size: int, device: torch.device) -> Tensor | None:
    """The condition of each sequence [B], or None where there is none."""
    return None if category is None else torch.full((batch_size,), category, device=device)
