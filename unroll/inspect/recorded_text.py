"""A text as a network reads it: its tokens, every state after each, and the next-token predictions.

T time, B streams side by side, H hidden, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import torch
from torch import Tensor

from unroll.cells import fields
from unroll.errors import UserError
from unroll.inspect.text_windows import read_encoded, text_windows
from unroll.layers.recorded import RecordedCall, recorded
from unroll.models.language_decoding import prompt_ids, start_ids
from unroll.models.mixture import MixedLanguageModel
from unroll.run import LanguageRun, Run
from unroll.tasks.classify.network import Classifier

GUESSES = 5  # most likely next tokens that are kept
MAX_TOKENS = 5000  # of a text
CHUNK = 128  # steps at a time: their logits stay small
TOKEN_KEYS = {"tag": "words", "translate": "source_tokens"}  # of a prediction, by task
EMPTY = "The text is empty; expected at least one word."


@dataclass(frozen=True)
class RecordedText:
    """What a network did while it read a text.

    Attributes:
        tokens: of each of B streams.
        states: [T, B, H] by layer and field: `layer 1 h`.
        guesses: the most likely next tokens after each token of the first stream, with their
            probabilities, by the network and the n-grams that it is mixed with; empty for networks that
            predict no tokens.
        surprise: the negative log probability of each token of the first stream given those before,
            in nats; empty for networks that predict no tokens.
        before: the most likely first tokens of the first stream, as `guesses` has those after each.
        not_read: how many tokens lie beyond the longest input of a classifier.
    """

    tokens: list[list[str]]
    states: dict[str, Tensor]
    guesses: list[list[tuple[str, float]]]
    surprise: list[float]
    not_read: int = 0
    before: list[tuple[str, float]] = dataclass_field(default_factory=list)


def record_text(run: Run, text: Any, condition: str | None = None) -> RecordedText:
    """Read one text with a run.

    Args:
        run: of a language model, a classifier of texts, a tagger or a translator.
        text: a string, or an input of a tagger.
        condition: the category, for language models that were trained with one.

    Raises:
        UserError: for a text that the run cannot read, and runs of tasks that read no text.
    """
    if isinstance(run, LanguageRun):
        start = len(start_ids(run.vocabulary, run.settings.per_line))
        ids = prompt_ids(run.vocabulary, text, run.settings.per_line)
        if len(ids) == start:
            raise UserError(EMPTY)
        if len(ids) - start > MAX_TOKENS:
            raise UserError(
                f"The text has {len(ids) - start:,} tokens; expected at most {MAX_TOKENS:,}. Give a "
                "shorter text."
            )
        number = run.category(condition)
        category = None if number is None else torch.tensor([number])
        return record_language_model(run, torch.tensor(ids)[:, None], category, start)
    if run.task_name in TOKEN_KEYS:
        return record_prediction(run, text, TOKEN_KEYS[run.task_name])
    return record_classifier(run, text)


def record_classifier(run: Run, text: Any) -> RecordedText:
    """Read a text with a classifier.

    Raises:
        UserError: for a run that classifies no texts, and a text without words.
    """
    network, preprocessor = run.model, run.preprocessor
    if not isinstance(network, Classifier) or preprocessor.vocabulary is None:
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}; inspect states supports language "
            "models, classifiers of texts, taggers and translators."
        )
    encoded = preprocessor.encode(text)
    ids = encoded[: preprocessor.longest]
    if not len(ids):
        raise UserError(EMPTY)
    x = torch.as_tensor(ids, dtype=torch.int64, device=run.device)[:, None]
    with torch.no_grad(), recorded(network.eval()) as calls:
        network(x, torch.tensor([len(x)], device=run.device))
    states = {name: s.cpu() for call in calls for name, s in call_states(call).items()}
    tokens = preprocessor.tokens(text)[: len(x)]
    return RecordedText([tokens], states, [], [], len(encoded) - len(ids))


def record_prediction(run: Run, text: Any, token_key: str) -> RecordedText:
    """The states of the layers over a sentence while its prediction is made.

    Args:
        run: of a tagger or a translator.
        text: one input.
        token_key: where a prediction keeps the tokens of its input.

    Raises:
        UserError: for a text without words.
    """
    if isinstance(text, str) and not text.strip():
        raise UserError(EMPTY)
    with torch.no_grad(), recorded(run.model.eval()) as calls:
        (prediction,) = run.predict_iterator([text])
    tokens = prediction[token_key]
    states = {
        name: s.cpu()
        for call in calls
        if call.x.shape[:2] == (len(tokens), 1)  # layers over letters have one column per word
        for name, s in call_states(call).items()
    }
    return RecordedText([list(tokens)], states, [], [])


def record_data(run: LanguageRun, path: str, tokens: int) -> RecordedText:
    """Read a sample of a file with a language model, evenly spaced over the file.

    Args:
        run: of a language model.
        path: the file.
        tokens: about how many.

    Raises:
        UserError: for a file that the run cannot read.
    """
    encoded = read_encoded(run, path)
    streams = 16 if encoded.starts is None else 128
    length = None
    if encoded.starts is None:
        length = max(2, min(encoded.tokens, tokens) // streams)
    windows = text_windows(encoded, length, streams, path)
    ids = torch.cat([windows.before, windows.x])
    return record_language_model(
        run, ids, windows.category, len(windows.before), with_guesses=False
    )


@torch.no_grad()
def record_language_model(
    run: LanguageRun,
    ids: Tensor,
    category: Tensor | None,
    skip: int,
    *,
    with_guesses: bool = True,
) -> RecordedText:
    """Read ids with a language model: states of its network, predictions of network and n-grams.

    Args:
        run: of a language model.
        ids: [T, B].
        category: [B], or None.
        skip: how many first steps are read but not kept.
        with_guesses: whether predictions are kept.
    """
    network, vocabulary = run.model.eval(), run.vocabulary
    predictor, rows = run.predictor, None
    category = None if category is None else category.to(run.device)
    state, chunks, guesses, surprise = None, [], [], []
    for at in range(0, len(ids), CHUNK):
        part = ids[at : at + CHUNK].to(run.device)
        with recorded(network) as calls:
            logits, state = network(part, state, category=category)
        chunks.append({k: s.cpu() for call in calls for k, s in call_states(call).items()})
        if not with_guesses:
            continue
        first = logits[:, 0].log_softmax(-1)
        if isinstance(predictor, MixedLanguageModel):
            first, rows = predictor.mix_steps(first, ids[at : at + len(part), 0].numpy(), rows)
        p, order = first.exp().topk(min(GUESSES, first.shape[1]))
        guesses += [
            list(zip(o, q, strict=True)) for o, q in zip(order.tolist(), p.tolist(), strict=True)
        ]
        following = ids[at + 1 : at + 1 + len(part), 0].to(run.device)
        surprise += (-first[: len(following)].gather(1, following[:, None]))[:, 0].tolist()
    return RecordedText(
        [[vocabulary.name(i) for i in stream] for stream in ids[skip:].T.tolist()],
        {name: torch.cat([chunk[name] for chunk in chunks])[skip:] for name in chunks[0]},
        [[(vocabulary.name(i), q) for i, q in step] for step in guesses[skip:]],
        surprise[skip - 1 :] if skip else surprise,
        before=[(vocabulary.name(i), q) for i, q in guesses[skip - 1]] if skip and guesses else [],
    )


def call_states(call: RecordedCall) -> dict[str, Tensor]:
    """Every floating-point state of a call, [T, B, H], by part and field."""
    by_name = {}
    for name, cell, record in call.parts():
        several = len(list(fields(cell.initial_state(1)))) > 1
        for field, states in record.states.items():
            if states.is_floating_point():
                by_name[f"{name} {field}" if several else name] = states.flatten(2)
    return by_name
