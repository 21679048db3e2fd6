"""Language models: learn a text; score, continue and generate text.

many to many: every token predicts the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.cells import Cell, State
from unroll.data.corpus import Corpus, read_corpus
from unroll.data.encoded import Encoded, head
from unroll.data.stream import (
    Batch,
    Batches,
    BlockStream,
    LineBatches,
    evaluation_blocks,
    evaluation_lines,
)
from unroll.data.vocabulary import BOUNDARY, UNKNOWN, Vocabulary
from unroll.decoding.generation import generated
from unroll.decoding.sampling import checked_sampling
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.models.language import LanguageModel
from unroll.models.ngram import NGramModel
from unroll.settings import LanguageSettings
from unroll.training.work import Work

NAME = "language"
SUFFIXES = (".txt", ".text", ".md", ".gz", ".jsonl")
TABLES = (".tsv", ".csv")  # with --per-line
ORDER = 5  # of the n-gram baseline
BASELINE_TOKENS = 2_000_000  # it counts at most so many
WATCH_TOKENS = 32_768  # an evaluation during training reads at most so many
FINAL_TOKENS = 2_000_000  # the evaluation at its end
SAMPLE_LENGTH = {"char": 160, "word": 40, "bpe": 60}


def guess(path: str, per_line: bool = False) -> str | None:
    """Why this file looks like a text to model, or None; a table does where lines are sequences."""
    if path == "-":
        return "standard input is read as a text"
    if Path(path).is_dir():
        return "a folder of texts"
    return "a text" if path.endswith((*SUFFIXES, *(TABLES if per_line else ()))) else None


def read(path: str, settings: LanguageSettings, **known: Any) -> Corpus:
    """The text with its vocabulary, cut into a training and a held-out part."""
    return read_corpus(path, settings, **known)


Make = Callable[[int, int], Cell]


def resolve_sizes(settings: LanguageSettings, make: Make) -> LanguageSettings:
    """The sizes of the network that were left open get their numbers.

    make: the cell; one a layer is made, so that what it cannot be is refused before a text is read.
    Raises: UserError where settings do not fit together.
    """
    hidden = settings.hidden or defaults(settings)["hidden"]
    may_tie = settings.level != "char" if settings.tie is None else settings.tie
    embedding = settings.embedding or (hidden if may_tie else min(128, hidden))
    width = embedding
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size
    if may_tie and settings.embedding is None:
        embedding = width
    if settings.tie and embedding != width:
        raise UserError(
            f"Tied weights need --set embedding={embedding} equal to the cell's output, {width} "
            f"numbers with --hidden {hidden}. Leave the embedding out, or use --set tie=false."
        )
    return settings.model_copy(
        update={"tie": may_tie and embedding == width, "hidden": hidden, "embedding": embedding}
    )


def resolve(settings: LanguageSettings, corpus: Corpus) -> LanguageSettings:
    """Every other setting that was left open gets its number, which the run then records.

    Raises: UserError where settings and text do not fit together.
    """
    preset = defaults(settings)
    characters = settings.level == "char"
    # a large device wants more streams side by side
    streams = preset["batch_size"] if settings.per_line or settings.device == "cpu" else 64
    batch_size = settings.batch_size or streams
    if not settings.per_line:
        room = (corpus.train.tokens - settings.block) // settings.block
        if room < 1:
            raise UserError(
                f"{corpus.source.name} is shorter than two blocks: {corpus.train.tokens} tokens to "
                f"learn from, blocks of {settings.block}. Give a longer text, or a smaller "
                f"--set block={max(1, corpus.train.tokens // 4)}."
            )
        batch_size = min(batch_size, room)
    dropout = settings.dropout if settings.dropout is not None else preset["dropout"]
    dropout_input = settings.dropout_input
    if dropout_input is None:
        dropout_input = 0.0 if characters else dropout
    learning_rate = settings.learning_rate
    if learning_rate is None:
        learning_rate = preset["learning_rate"] if settings.optimizer == "adamw" else 0.3
    return settings.model_copy(
        update={
            "batch_size": batch_size,
            "dropout": dropout,
            "dropout_input": dropout_input,
            "learning_rate": learning_rate,
        }
    )


def defaults(settings: LanguageSettings) -> dict[str, Any]:
    return DEFAULTS["line" if settings.per_line else settings.level]


# characters: chosen by many trials (benchmarks/LOG.md); words: by two; lines and bpe: by analogy
DEFAULTS: dict[str, dict[str, Any]] = {
    "char": {"hidden": 512, "batch_size": 8, "dropout": 0.1, "learning_rate": 3e-3},
    "line": {"hidden": 256, "batch_size": 32, "dropout": 0.1, "learning_rate": 3e-3},
    "word": {"hidden": 256, "batch_size": 16, "dropout": 0.4, "learning_rate": 3e-3},
    "bpe": {"hidden": 512, "batch_size": 16, "dropout": 0.2, "learning_rate": 3e-3},
}


def model(
    settings: LanguageSettings, vocabulary: Vocabulary, categories: list[str], make: Make
) -> LanguageModel:
    """The network, on the CPU, freshly initialised. make: its cell."""
    return LanguageModel(
        len(vocabulary),
        settings.embedding or 128,
        settings.hidden or 512,
        settings.layers,
        cell=make,
        categories=len(categories),
        tie=bool(settings.tie),
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        initialisation=settings.initialisation,
    )


def work(
    network: LanguageModel, corpus: Corpus, settings: LanguageSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    batch_size = settings.batch_size or 1
    batches: Batches
    if settings.per_line:
        batches = LineBatches(corpus.train, batch_size, settings.seed)
    else:
        batches = BlockStream(corpus.train, batch_size, settings.block, settings.seed)
    carry = settings.state == "carry" and not settings.per_line

    def loss(batch: Batch, state: State | None) -> tuple[Tensor, State | None]:
        total, new = batch_loss(network, batch, state)
        return total, new if carry else None

    watched = head(corpus.valid, WATCH_TOKENS)

    def held_out() -> dict[str, float]:
        figures = evaluate(network, watched, device)
        return {
            "loss": figures["nats_per_token"],
            "bits_per_character": figures["bits_per_character"],
            "perplexity": figures["perplexity"],
        }

    def sample() -> str:
        drawn = generate(
            network,
            corpus.vocabulary,
            per_line=settings.per_line,
            temperature=0.8,
            length=SAMPLE_LENGTH[settings.level],
            seed=settings.seed,
            category=0 if corpus.categories else None,
        )
        return "".join(drawn).strip("\n")

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: network.initial_state(batch_size) if carry else None,
        evaluate=held_out,
        sample=sample,
        learning_rate=settings.learning_rate or 1e-3,
        unit={"char": "characters", "word": "words", "bpe": "tokens"}[settings.level],
        device=device,
    )


def batch_loss(network: LanguageModel, batch: Batch, state: State | None) -> tuple[Tensor, State]:
    return network.loss(
        batch.x,
        batch.y,
        state,
        lengths=batch.lengths,
        category=batch.category,
        weight=batch.weight,
    )


@torch.no_grad()
def evaluate(
    network: LanguageModel,
    encoded: Encoded,
    device: torch.device,
    watch: Callable[[float], None] | None = None,
) -> dict[str, float]:
    """nats_per_token, bits_per_character, perplexity, tokens and unknown_rate of an encoded text.

    watch: told the share that is done.
    """
    network.eval()
    if encoded.starts is not None:
        batches: Iterator[Batch] = evaluation_lines(encoded)
    else:
        batches = evaluation_blocks(encoded)
    nats, tokens, state = 0.0, 0, None
    for batch in batches:
        moved = batch.to(device)
        total, new = batch_loss(network, moved, None if batch.fresh else state)
        nats, tokens, state = nats + float(total), tokens + batch.tokens, new
        if watch is not None:
            watch(min(1.0, tokens / max(1, encoded.tokens)))
    return figures(nats, tokens, encoded)


def figures(nats: float, tokens: int, encoded: Encoded) -> dict[str, float]:
    """The figures of a language model from its summed loss over `tokens` tokens of a text."""
    per_token = nats / tokens
    return {
        "nats_per_token": per_token,
        "bits_per_character": per_token / math.log(2) * encoded.tokens / max(1, encoded.characters),
        "perplexity": math.exp(min(per_token, 700.0)),
        "tokens": tokens,
        "unknown_rate": encoded.unknown_rate,
    }


def fit_baseline(corpus: Corpus) -> NGramModel:
    """The n-gram model of the training part, or of its first BASELINE_TOKENS tokens."""
    ids = np.asarray(corpus.train.ids[: BASELINE_TOKENS + 1], dtype=np.int64)
    return NGramModel.fit(ids, len(corpus.vocabulary), ORDER)


def baseline_figures(baseline: NGramModel, encoded: Encoded) -> dict[str, dict[str, float]]:
    """The figures of the unigram and the interpolated n-gram model on a text."""
    found = {}
    for name, order in (("unigram", 1), (f"{baseline.order}-gram", baseline.order)):
        nats = sum(
            -float(baseline.log_probabilities(chunk, order)[skip:].sum())
            for chunk, skip in overlapping(encoded.ids, baseline.order)
        )
        found[name] = figures(nats, encoded.tokens, encoded)
    return found


def overlapping(
    ids: np.ndarray, order: int, size: int = 1 << 18
) -> Iterator[tuple[np.ndarray, int]]:
    """A long sequence in chunks that repeat enough of the past; how much of each was scored."""
    for at in range(0, len(ids) - 1, size):
        first = max(0, at - order + 1)
        yield np.asarray(ids[first : at + size + 1], dtype=np.int64), at - first


def start_ids(vocabulary: Vocabulary, per_line: bool) -> list[int]:
    """What stands before a text of its own: the boundary, or a line end where text is a stream."""
    if not per_line and vocabulary.level in ("char", "bpe"):
        ids = vocabulary.encode("\n").tolist()
        if ids and UNKNOWN not in ids:
            return ids
    return [BOUNDARY]


@torch.no_grad()
def score(
    network: LanguageModel,
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
    network: LanguageModel,
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
    network: LanguageModel,
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
