"""Language models: learn a text; score, continue and generate text.

many to many: every token predicts the next.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from unroll.cells import State
from unroll.data.encoded import Encoded, head
from unroll.data.stream import (
    Batch,
    Batches,
    BlockStream,
    LineBatches,
    evaluation_blocks,
    evaluation_lines,
)
from unroll.data.table import find_columns
from unroll.data.text import text_source
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import generate
from unroll.models.ngram import NGramModel
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.language.reader import Corpus, LanguagePreprocessor, read_corpus, read_text
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.truncated import window_loss
from unroll.tasks.language.truncation import SENTENCES, WindowStream
from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work
from unroll.training.online import Online
from unroll.training.online_blocks import OnlineBlocks

ORDER = 5  # of the n-gram baseline
BASELINE_TOKENS = 2_000_000  # it counts at most so many
WATCH_TOKENS = 32_768  # an evaluation during training reads at most so many
FINAL_TOKENS = 2_000_000  # the evaluation at its end
LONG_READING = 16_000_000  # bytes
BASELINE = "baseline.safetensors"
MANY_UNKNOWN = 0.2
TOKENS = {"char": "characters", "word": "words", "bpe": "pieces of words"}
UNKNOWN_WORDS = "rare words are <unk> (--set min_count=N or vocabulary_size=N)"
SAMPLE_LENGTH = {"char": 160, "word": 40, "bpe": 60}


def read(
    path: str,
    settings: LanguageSettings,
    say: Log,
    preprocessor: LanguagePreprocessor | None = None,
) -> Corpus:
    """The text with its vocabulary, cut into a training and a held-out part."""
    place = Path(path)
    if place.is_file() and place.stat().st_size > LONG_READING:
        size = place.stat().st_size / 1e6
        say(f"Reading {path} ({size:,.0f} MB), then encoding it once.")
    return read_corpus(path, settings, preprocessor)


def load_preprocessor(folder: Path, config: dict[str, Any]) -> LanguagePreprocessor:
    """The vocabulary and the categories of a run."""
    return LanguagePreprocessor.load(folder)


def facts(corpus: Corpus) -> dict[str, Any]:
    """How much text it is."""
    return {"characters": corpus.scan.characters}


def resolve_sizes(settings: LanguageSettings, make: MakeCell) -> LanguageSettings:
    """The sizes of the network that were left open get their numbers.

    make: the cell; one a layer is made, so that what it cannot be is refused before a text is read.
    Raises: UserError where settings do not fit together.
    """
    hidden = settings.hidden or defaults(settings)["hidden"]
    may_tie = settings.level != "char" if settings.tie is None else settings.tie
    free = defaults(settings).get("embedding", 128)
    embedding = settings.embedding or (hidden if may_tie else min(free, hidden))
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
    found = {"tie": may_tie and embedding == width, "hidden": hidden, "embedding": embedding}
    if settings.online and "block" not in settings.model_fields_set:
        found["block"] = ONLINE_BLOCK
    return settings.model_copy(update=found)


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
    preset = DEFAULTS["line" if settings.per_line else settings.level]
    return preset if settings.online is None else {**preset, **ONLINE[settings.online]}


# characters: chosen by many trials (benchmarks/LOG.md); words: by two; lines and bpe: by analogy
DEFAULTS: dict[str, dict[str, Any]] = {
    "char": {"hidden": 512, "batch_size": 8, "dropout": 0.1, "learning_rate": 3e-3},
    "line": {"hidden": 256, "batch_size": 32, "dropout": 0.1, "learning_rate": 3e-3},
    "word": {"hidden": 256, "batch_size": 16, "dropout": 0.4, "learning_rate": 3e-3},
    "bpe": {"hidden": 512, "batch_size": 16, "dropout": 0.2, "learning_rate": 3e-3},
}

# what a step costs decides here, and that many changes of the weights are worth more than streams
ONLINE: dict[str, dict[str, Any]] = {
    "rtrl": {"hidden": 32, "batch_size": 1, "dropout": 0.0, "embedding": 16},
    "snap1": {"hidden": 64, "batch_size": 1, "dropout": 0.0, "embedding": 32},
}
ONLINE_BLOCK = 8


def model(
    settings: LanguageSettings, preprocessor: LanguagePreprocessor, make: MakeCell
) -> LanguageModel:
    """The network, on the CPU, freshly initialised. make: its cell."""
    return LanguageModel(
        len(preprocessor.vocabulary),
        settings.embedding or 128,
        settings.hidden or 512,
        settings.layers,
        cell=make,
        categories=len(preprocessor.categories),
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
    elif settings.truncation == "window":
        batches = BlockStream(corpus.train, batch_size, settings.block, settings.seed)
    else:
        reach = settings.reach
        batches = WindowStream(corpus.train, batch_size, settings.truncation, *reach, settings.seed)
    carry = settings.state == "carry" and not settings.per_line
    learner = online_blocks(network, settings) if settings.online else None

    def loss(batch: Batch, state: State | None) -> tuple[Tensor, State | None]:
        if learner is not None:
            return learner(batch.x, batch.y, state)
        if batch.window is None:
            total, new = batch_loss(network, batch, state)
        else:
            total, new = window_loss(
                lambda x, y, s, w: network.loss(x, y, s, weight=w), batch, state
            )
        return total, new if carry else None

    def start() -> State | None:
        if learner is not None:
            return learner.online.start()
        return network.initial_state(batch_size) if carry else None

    watched = head(corpus.valid, WATCH_TOKENS)

    def evaluated() -> dict[str, float]:
        figures = measure(network, watched, device)
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
        initial_state=start,
        evaluate=evaluated,
        sample=sample,
        learning_rate=settings.learning_rate or 1e-3,
        unit={"char": "characters", "word": "words", "bpe": "tokens"}[settings.level],
        device=device,
    )


def online_blocks(network: LanguageModel, settings: LanguageSettings) -> OnlineBlocks:
    """What learns online in the place of backpropagation.

    Raises: UserError where cell and sizes do not allow it.
    """
    if settings.watch is not None:
        raise UserError(
            f"--watch {settings.watch} follows gradients back, and online={settings.online} has none "
            "that go back. Leave one of them out."
        )
    batch_size = settings.batch_size or 1
    if settings.online == "rtrl":
        online = Online(network.as_cell(), batch_size, "rtrl")
        return OnlineBlocks(network, online, network.output_loss)
    cell = network.get_submodule("stack.0.cells.0")
    online = Online(cell, batch_size, "snap1")  # type: ignore[arg-type]
    return OnlineBlocks(network, online, network.output_loss, network.embedding)


def online_in_words(network: LanguageModel, settings: LanguageSettings) -> str:
    """The mode, what it leaves out, and what it costs."""
    online = online_blocks(network, settings).online
    if settings.online == "rtrl":
        what = "what every weight has done to the state goes along with it, exactly"
    elif online.exact:
        what = (
            "what every weight has done to the state goes along with it, exactly for this cell, but "
            "the embedding learns from each step alone"
        )
    else:
        what = (
            "what a weight has done to its own unit goes along with it, what it did through others "
            "does not, and the embedding learns from each step alone"
        )
    return (
        f"Online: {settings.online}, no gradient goes back and no step is kept; {what}. The weights "
        f"change every {settings.block} steps (--set block=N). It costs {online.cost} (--set "
        "online=rtrl|snap1)."
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
def measure(
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


def files(corpus: Corpus) -> dict[str, bytes]:
    """The counts of the n-gram model of the training text."""
    arrays = fit_baseline(corpus).arrays()
    return {BASELINE: pack({name: torch.from_numpy(array) for name, array in arrays.items()})}


def load_baseline(trained: Trained) -> NGramModel:
    """The n-gram model of the training text.

    Raises: UserError where its file is damaged.
    """
    check_baseline(trained.path, BASELINE)
    arrays = {k: t.numpy() for k, t in load_file(trained.path / BASELINE).items()}
    return NGramModel.from_arrays(len(trained.preprocessor.vocabulary), arrays)


def result(trained: Trained, corpus: Corpus, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part, or of its first FINAL_TOKENS tokens."""
    return beside_baselines(trained, head(corpus.valid, FINAL_TOKENS), watch)


def evaluate(
    trained: Trained, path: str, watch: Progress | None = None, *, text: str | None = None
) -> dict[str, Any]:
    """The figures of another text. text: the column or field, if it is not the run's."""
    settings = trained.settings
    text = text or settings.text
    source, columns = text_source(path, text or "text"), None
    if settings.condition is not None:
        columns = find_columns(source, settings.condition, text)
    encoded = read_text(
        source,
        trained.preprocessor.vocabulary,
        columns=columns,
        per_line=settings.per_line,
        categories=trained.preprocessor.categories,
    )
    return beside_baselines(trained, encoded, watch)


def beside_baselines(trained: Trained, encoded: Encoded, watch: Progress | None) -> dict[str, Any]:
    found = measure(trained.model, encoded, trained.device, watch)
    return {**found, "baselines": baseline_figures(load_baseline(trained), encoded)}


def header(corpus: Corpus, settings: LanguageSettings, network: LanguageModel) -> list[str]:
    """What was read, and how it is cut into batches."""
    preprocessor = corpus.preprocessor
    said = [
        f"{corpus.source.name}: {corpus.scan.characters:,} characters; tokens are "
        f"{TOKENS[settings.level]} (--level), {len(preprocessor.vocabulary):,} of them, "
        f"{corpus.train.tokens:,} to learn from.",
        f"Held out: {corpus.validation_set}, {corpus.valid.tokens:,} tokens (--valid FILE); unknown: "
        f"{corpus.valid.unknown_rate:.2%} there, {corpus.train.unknown_rate:.2%} in training.",
    ]
    if settings.level == "word":
        split = getattr(preprocessor.vocabulary, "split", "")
        said.append(f"Words are cut at {split} (--set split=spaces|punctuation); {UNKNOWN_WORDS}.")
    if corpus.header:
        said.append(f"Line 1 is read as the names of the columns: {', '.join(corpus.header)}.")
    if preprocessor.categories:
        said.append(
            f"{len(preprocessor.categories)} categories: {', '.join(preprocessor.categories[:12])}"
            f"{', ...' if len(preprocessor.categories) > 12 else ''}."
        )
    if settings.per_line:
        said.append(f"Batches: {settings.batch_size} lines a step, each its own sequence.")
    else:
        carried = "carried from block to block" if settings.state == "carry" else "reset each block"
        k1, k2 = settings.reach
        sentence = SENTENCES[settings.truncation].format(k1=k1, k2=k2)
        size = settings.block if settings.truncation == "window" else k1
        said.append(
            f"Batches: {settings.batch_size} streams, blocks of {size} steps, state {carried} "
            "(--state carry|reset)."
        )
        if settings.online:
            return [*said, online_in_words(network, settings)]
        said.append(
            f"Truncation: {settings.truncation}, {sentence} "
            "(--set truncation=window|overlapping|randomised)."
        )
    return said


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures of a text beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"On {where}, {result['tokens']:,} tokens:"]
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


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    named = run
    if trained.preprocessor.categories:
        named += f" --condition {shlex.quote(trained.preprocessor.categories[0])}"
    return [
        f"  unroll generate {named} --temperature 0.8"
        + (" --count 10" if trained.settings.per_line else ' --prompt "..." --length 400'),
        f'  unroll score {named} "..."        unroll next {named} "..." --top 10',
        f"  unroll eval {run} FILE --json",
    ]


def check(path: str, settings: LanguageSettings, say: Log) -> dict[str, Any]:
    """How much text there is, its tokens, and how many of the held-out ones are unknown."""
    corpus = read(path, settings, say)
    tokens = {"train": corpus.train, "held out": corpus.valid}
    return {
        "characters": corpus.scan.characters,
        "documents": corpus.scan.documents,
        "vocabulary": len(corpus.vocabulary),
        "categories": corpus.categories,
        "tokens": {name: part.tokens for name, part in tokens.items()},
        "unknown_rate": {name: part.unknown_rate for name, part in tokens.items()},
        "validation_set": corpus.validation_set,
        "problems": [],
    }


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


class LanguageTask(
    Task[
        LanguageSettings,
        Corpus,
        LanguagePreprocessor,
        LanguageModel,
        dict[str, Any],
        dict[str, Any],
    ]
):
    """The task, as the rest of the program calls it."""

    name = "language"

    def resolve_sizes(self, settings: LanguageSettings, make_cell: MakeCell) -> LanguageSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: LanguageSettings,
        log: Log,
        preprocessor: LanguagePreprocessor | None = None,
    ) -> Corpus:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: LanguageSettings, data: Corpus) -> LanguageSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: LanguageSettings, preprocessor: LanguagePreprocessor, make_cell: MakeCell
    ) -> LanguageModel:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: LanguageModel, data: Corpus, settings: LanguageSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: Corpus, settings: LanguageSettings, network: LanguageModel
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: Corpus) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: Corpus) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> LanguagePreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel],
        data: Corpus,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: LanguageSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def usage(
        self, run: str, trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel]
    ) -> list[str]:
        return use_lines(run, trained)
