"""A text as a network reads it: its tokens, every state after each, and what it expects next.

T time, B streams side by side, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unroll.cells import fields
from unroll.errors import UserError
from unroll.inspect.of_run import read, windows
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.language_decoding import prompt_ids, start_ids
from unroll.run import LanguageRun, Run
from unroll.tasks.classify.network import Classifier

GUESSES = 5  # next tokens that are told
LONGEST = 5000  # tokens of a text
CHUNK = 128  # steps at a time: their logits stay small
TOKENS = {"tag": "words", "translate": "source_tokens"}  # of an answer, in tasks that tell them


@dataclass(frozen=True)
class Reading:
    """tokens: as they stand, of each of B streams. states: [T, B, H], by layer and field:
    `layer 1 h`. guesses: the likeliest next tokens after each of the first stream, with their
    probabilities; surprise: nats of each token of it given all before; empty where nothing is
    foretold. not_read: tokens behind those that a classifier reads."""

    tokens: list[list[str]]
    states: dict[str, Tensor]
    guesses: list[list[tuple[str, float]]]
    surprise: list[float]
    not_read: int = 0


def read_text(run: Run, text: Any, condition: str | None = None) -> Reading:
    """A text of the user's own, or a question of a tagger.

    Raises: UserError for a text that the run cannot read, and runs of tasks that read no text.
    """
    if isinstance(run, LanguageRun):
        start = len(start_ids(run.vocabulary, run.settings.per_line))
        ids = prompt_ids(run.vocabulary, text, run.settings.per_line)
        if len(ids) == start:
            raise UserError("The text is empty; expected some characters or words to read.")
        if len(ids) - start > LONGEST:
            raise UserError(
                f"The text has {len(ids) - start:,} tokens; at most {LONGEST:,} are shown. Give a "
                "shorter one."
            )
        category = run.category(condition)
        given = None if category is None else torch.tensor([category])
        return spoken(run, torch.tensor(ids)[:, None], given, start)
    if run.task_name in TOKENS:
        return answered(run, text, TOKENS[run.task_name])
    network, preprocessor = run.model, run.preprocessor
    if not isinstance(network, Classifier) or preprocessor.vocabulary is None:
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}; inspect states reads texts with a "
            "language model, a classifier of texts, a tagger or a translator."
        )
    every = preprocessor.encode(text)
    ids = every[: preprocessor.longest]
    if not len(ids):
        raise UserError("The text is empty; expected some words to read.")
    x = torch.as_tensor(ids, dtype=torch.int64, device=run.device)[:, None]
    with torch.no_grad(), recorded(network.eval()) as calls:
        network(x, torch.tensor([len(x)], device=run.device))
    states = {name: s.cpu() for call in calls for name, s in states_of(call).items()}
    return Reading([preprocessor.tokens(text)[: len(x)]], states, [], [], len(every) - len(ids))


def answered(run: Run, text: Any, words: str) -> Reading:
    """What the layers over a sentence do while it is answered. words: its tokens in the answer."""
    if isinstance(text, str) and not text.strip():
        raise UserError("The text is empty; expected some words to read.")
    with torch.no_grad(), recorded(run.model.eval()) as calls:
        (answer,) = run.predict_iterator([text])
    tokens = answer[words]
    states = {
        name: s.cpu()
        for call in calls
        if call.x.shape[:2] == (len(tokens), 1)  # those over letters have a word a column
        for name, s in states_of(call).items()
    }
    return Reading([list(tokens)], states, [], [])


def read_data(run: LanguageRun, path: str, tokens: int) -> Reading:
    """About so many tokens of a text, evenly spaced over it, to learn what units do."""
    encoded = read(run, path)
    streams = 16 if encoded.starts is None else 128
    length = None
    if encoded.starts is None:
        length = max(2, min(encoded.tokens, tokens) // streams)
    found = windows(encoded, length, streams, path)
    ids = torch.cat([found.before, found.x])
    return spoken(run, ids, found.category, len(found.before))


@torch.no_grad()
def spoken(run: LanguageRun, ids: Tensor, category: Tensor | None, skip: int) -> Reading:
    """A language model over ids [T, B], without the first `skip` steps."""
    network, vocabulary = run.model.eval(), run.vocabulary
    category = None if category is None else category.to(run.device)
    state, kept, guesses, surprise = None, [], [], []
    for at in range(0, len(ids), CHUNK):
        part = ids[at : at + CHUNK].to(run.device)
        with recorded(network) as calls:
            logits, state = network(part, state, category=category)
        kept.append({k: s.cpu() for call in calls for k, s in states_of(call).items()})
        first = logits[:, 0].log_softmax(-1)
        p, order = first.exp().topk(min(GUESSES, first.shape[1]))
        guesses += [
            list(zip(o, q, strict=True)) for o, q in zip(order.tolist(), p.tolist(), strict=True)
        ]
        then = ids[at + 1 : at + 1 + len(part), 0].to(run.device)
        surprise += (-first[: len(then)].gather(1, then[:, None]))[:, 0].tolist()
    states = {name: torch.cat([some[name] for some in kept])[skip:] for name in kept[0]}
    return Reading(
        [[vocabulary.name(i) for i in stream] for stream in ids[skip:].T.tolist()],
        states,
        [[(vocabulary.name(i), q) for i, q in some] for some in guesses[skip:]],
        surprise[skip - 1 :] if skip else [],
    )


def states_of(call: RecordedCall) -> dict[str, Tensor]:
    """Every floating-point state of a call, [T, B, H], by part and field."""
    found = {}
    for name, cell, record in call.parts():
        several = len(list(fields(cell.initial_state(1)))) > 1
        for field, states in record.states.items():
            if states.is_floating_point():
                found[f"{name} {field}" if several else name] = states.flatten(2)
    return found
