"""What a run says at its start and its end, each choice with the flag that changes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unroll.cells.own import own_cell
from unroll.data.corpus import Corpus
from unroll.models.language import LanguageModel
from unroll.settings import LanguageSettings

MANY_UNKNOWN = 0.2
BUDGETS = ("seconds", "steps", "epochs")
UNKNOWN_WORDS = "rare words are <unk> (--set min_count=N or vocabulary_size=N)"


def header(
    data: str,
    corpus: Corpus,
    settings: LanguageSettings,
    network: LanguageModel,
    threads: str,
    path: Path,
) -> list[str]:
    """What was guessed and chosen, each with the flag that changes it."""
    token = {"char": "characters", "word": "words", "bpe": "pieces of words"}[settings.level]
    parameters = sum(p.numel() for p in network.parameters())
    said = [
        f"{corpus.source.name}: {corpus.scan.characters:,} characters, read as a text to model "
        f"(--task language); tokens are {token} (--level), {len(corpus.vocabulary):,} of them, "
        f"{corpus.train.tokens:,} to learn from.",
        f"Held out: {corpus.held_out}, {corpus.valid.tokens:,} tokens (--valid FILE); unknown: "
        f"{corpus.valid.unknown_rate:.2%} there, {corpus.train.unknown_rate:.2%} in training.",
    ]
    if settings.level == "word":
        split = getattr(corpus.vocabulary, "split", "")
        said.append(f"Words are cut at {split} (--set split=spaces|punctuation); {UNKNOWN_WORDS}.")
    if corpus.header:
        said.append(f"Line 1 is read as the names of the columns: {', '.join(corpus.header)}.")
    if corpus.categories:
        said.append(
            f"{len(corpus.categories)} categories: {', '.join(corpus.categories[:12])}"
            f"{', ...' if len(corpus.categories) > 12 else ''}."
        )
    if settings.per_line:
        stream = f"{settings.batch_size} lines a step, each its own sequence"
    else:
        carried = "carried from block to block" if settings.state == "carry" else "reset each block"
        stream = (
            f"{settings.batch_size} streams, blocks of {settings.block} steps, state {carried} "
            "(--state carry|reset)"
        )
    budget = next(
        (f"{getattr(settings, n):g} {n}" for n in BUDGETS if getattr(settings, n) is not None),
        "300 seconds (--seconds, --steps or --epochs)",
    )
    options = f" {settings.cell_options}" if settings.cell_options else ""
    said += [
        f"Model: {settings.cell}{options} {settings.layers}x{settings.hidden} "
        "(--cell --layers --hidden), "
        f"embedding {settings.embedding}{' tied' if settings.tie else ''}, locked dropout "
        f"{settings.dropout:g}, {parameters:,} parameters; {network.initialised}.",
        f"Training: {budget}, {settings.optimizer}, learning rate {settings.learning_rate:g}, "
        f"{settings.schedule}; {stream}.",
        f"Runs on {settings.device}, {threads}, {settings.backend} backend, seed {settings.seed}.",
        f"Run folder: {path}",
    ]
    return said


def trust_flag(settings: LanguageSettings) -> str:
    """What commands that use this run need, where its cell is the user's own."""
    return " --trust-code" if own_cell(settings.cell) else ""


def verdict(result: dict[str, Any], held_out: str) -> list[str]:
    """The held-out figures beside the baselines', in words."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"On {held_out}, {result['tokens']:,} tokens:"]
    for name, row in rows.items():
        said.append(
            f"  {name:{width}}  {row['bits_per_character']:.3f} bits per character   "
            f"{row['nats_per_token']:.4f} nats per token   perplexity {row['perplexity']:,.2f}"
        )
    if result["unknown_rate"] > MANY_UNKNOWN:
        said.append(
            f"{result['unknown_rate']:.0%} of these tokens are unknown to the model, so the figures "
            "say little about the text."
        )
    return said
