"""What a language model says of a text: how likely it is, what comes next, and how it goes on.

`network` is a `unroll.models.language.LanguageModel`, or what is called as one is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unroll.data.vocabulary import BOUNDARY, UNKNOWN, Vocabulary
from unroll.errors import UserError
from unroll.models.generation import generated
from unroll.models.sampling import checked_sampling


def start_ids(vocabulary: Vocabulary, per_line: bool) -> list[int]:
    """What stands before a text of its own: the boundary, or a line end where text is a stream."""
    if not per_line and vocabulary.level in ("char", "bpe"):
        ids = vocabulary.encode("\n").tolist()
        if ids and UNKNOWN not in ids:
            return ids
    return [BOUNDARY]


@torch.no_grad()
def score(
    network: Any,
    vocabulary: Vocabulary,
    text: str,
    *,
    per_line: bool = False,
    category: int | None = None,
) -> dict[str, Any]:
    """The log-probability of a text: in all, per token, and as perplexity. Natural logarithms.

    Raises: UserError for a text without tokens.
    """
    network.eval()
    device = network.bias.device
    context = start_ids(vocabulary, per_line)
    own = vocabulary.encode(text).tolist()
    if not own:
        raise UserError("The text to score is empty; expected at least one character or word.")
    ids = torch.tensor(context + own + ([BOUNDARY] if per_line else []), device=device)
    logits, _ = network(ids[:-1, None], category=category_ids(category, 1, device))
    chosen = logits[:, 0].log_softmax(-1).gather(1, ids[1:, None]).squeeze(1)
    log_p = chosen[len(context) - 1 :].tolist()
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
) -> list[dict[str, Any]]:
    """The likeliest next tokens after a text, with their probabilities."""
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    network.eval()
    device = network.bias.device
    context = prompt_ids(vocabulary, text, per_line)
    ids = torch.tensor(context, device=device)
    logits, _ = network(ids[:, None], category=category_ids(category, 1, device))
    p, order = logits[-1, 0].softmax(-1).topk(min(top, len(vocabulary)))
    return [
        {"token": vocabulary.name(i), "probability": q}
        for i, q in zip(order.tolist(), p.tolist(), strict=True)
    ]


def prompt_ids(vocabulary: Vocabulary, prompt: str, per_line: bool) -> list[int]:
    """The ids of a prompt behind what stands before every text.

    Raises: UserError for characters that the model has never seen.
    """
    unknown = vocabulary.unknown(prompt)
    if unknown and vocabulary.level == "char":
        shown = ", ".join(repr(c) for c in unknown[:10])
        raise UserError(
            f"The prompt holds characters that the model has never seen: {shown}. Leave them out, "
            "or train on a text that has them."
        )
    return start_ids(vocabulary, per_line) + vocabulary.encode(prompt).tolist()


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
) -> Iterator[str]:
    """The text that follows a prompt, piece by piece, at most `length` tokens of it.

    unknown: whether <unk> may come. A model of lines stops at the line's end.
    Raises: UserError for a prompt or a number that cannot be used.
    """
    checked_sampling(temperature, top_k, top_p, seed)
    if length < 0:
        raise UserError(f"--length got {length}; expected a number of tokens, 0 or more.")
    device = network.bias.device
    # the boundary is a line end for words, the end of the sequence for lines, and else no text
    never = [] if unknown else [UNKNOWN]
    never += [] if per_line or vocabulary.level == "word" else [BOUNDARY]
    return generated(
        network.stepper(1, category_ids(category, 1, device)),
        vocabulary,
        prompt_ids(vocabulary, prompt, per_line),
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        never=never,
        end=BOUNDARY if per_line else None,
        device=device,
    )


def category_ids(category: int | None, batch_size: int, device: torch.device) -> Tensor | None:
    return None if category is None else torch.full((batch_size,), category, device=device)
