"""Translators: from a sequence to another of another length, learned from pairs.

encoder-decoder: languages, dates, numbers, spellings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from unroll.cells import State
from unroll.counting import counted
from unroll.data.pair_batches import EncodedPairs, PairBatch, PairBatches, evaluation_batches
from unroll.data.pair_preprocessor import PairPreprocessor
from unroll.data.pair_preprocessor import load_preprocessor as load_pair_codec
from unroll.data.pairs import Pair, numbered, one_file, open_pairs
from unroll.data.problems import Problems
from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.models.translator import Translator
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.translate.baseline import BASELINE, NearestNeighbour
from unroll.tasks.translate.decoding import answers as translated
from unroll.tasks.translate.reader import PairCorpus, encode, read_corpus, unknown_rates
from unroll.tasks.translate.settings import SEARCH, TranslateSettings
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work

IN_USE = (*SEARCH, "skip_bad")
WATCHED = 200  # held-out pairs that are translated during training
WATCHED_LOSS = 2000  # held-out pairs whose loss is taken then
FINAL = 2000  # held-out pairs that are translated at the end
LOGITS = 1 << 22  # at a time
TOKENS = {"char": "characters", "word": "words", "bpe": "pieces of words"}


def read(
    path: str, settings: TranslateSettings, say: Log, preprocessor: PairPreprocessor | None = None
) -> PairCorpus:
    """The pairs with their vocabularies, cut into a training and a held-out part."""
    return read_corpus(path, settings, preprocessor)


def load_preprocessor(folder: Path, config: dict[str, Any]) -> PairPreprocessor:
    """The vocabularies of a run."""
    return load_pair_codec(folder)


def resolve_sizes(settings: TranslateSettings, make: MakeCell) -> TranslateSettings:
    """The sizes of the network that were left open get their numbers.

    make: the cell; one for encoder and decoder is made, so that what it cannot be is refused before
    data is read.
    Raises: UserError where settings do not fit together.
    """
    preset = DEFAULTS[settings.level]
    hidden = settings.hidden or preset["hidden"]
    encoder_hidden = settings.encoder_hidden or max(1, hidden // 2)
    embedding = settings.embedding or preset["embedding"]
    fed = embedding if settings.tie else hidden
    encoder = make(embedding, encoder_hidden)
    decoder = make(embedding + (fed if settings.input_feeding else 0), hidden)
    for cell in (encoder, decoder):
        initialise(cell, settings.initialisation)
    if settings.attention == "dot" and 2 * encoder.output_size != decoder.output_size:
        raise UserError(
            f"--set attention=dot needs an encoder as wide as the decoder; its two directions give "
            f"2 x {encoder.output_size} numbers and the decoder {decoder.output_size}. Give --set "
            "encoder_hidden=N of half of --hidden, or take attention=general."
        )
    return settings.model_copy(
        update={"hidden": hidden, "encoder_hidden": encoder_hidden, "embedding": embedding}
    )


def resolve(settings: TranslateSettings, corpus: PairCorpus) -> TranslateSettings:
    """Every other setting that was left open gets its number, which the run then records."""
    preset = DEFAULTS[settings.level]
    dropout = settings.dropout if settings.dropout is not None else preset["dropout"]
    dropout_input = settings.dropout_input
    learning_rate = settings.learning_rate
    if learning_rate is None:
        learning_rate = preset["learning_rate"] if settings.optimizer == "adamw" else 0.3
    return settings.model_copy(
        update={
            "batch_size": min(settings.batch_size or preset["batch_size"], len(corpus.train)),
            "dropout": dropout,
            "dropout_input": dropout if dropout_input is None else dropout_input,
            "word_dropout": preset["word_dropout"]
            if settings.word_dropout is None
            else settings.word_dropout,
            "learning_rate": learning_rate,
        }
    )


# what small corpora want (R. Sennrich and B. Zhang 2019): few pieces, much dropout, small batches
DEFAULTS: dict[str, dict[str, Any]] = {
    "bpe": {
        "hidden": 512, "embedding": 256, "batch_size": 64, "dropout": 0.4, "word_dropout": 0.1,
        "learning_rate": 2e-3,
    },
    "word": {
        "hidden": 512, "embedding": 256, "batch_size": 64, "dropout": 0.4, "word_dropout": 0.1,
        "learning_rate": 2e-3,
    },
    "char": {
        "hidden": 256, "embedding": 64, "batch_size": 64, "dropout": 0.1, "word_dropout": 0.0,
        "learning_rate": 3e-3,
    },
}  # fmt: skip


def model(
    settings: TranslateSettings, preprocessor: PairPreprocessor, make: MakeCell
) -> Translator:
    """The network, on the CPU, freshly initialised. make: the cell of encoder and decoder."""
    preset = DEFAULTS[settings.level]
    return Translator(
        len(preprocessor.source),
        len(preprocessor.target),
        settings.embedding or preset["embedding"],
        settings.hidden or preset["hidden"],
        settings.layers,
        cell=make,
        encoder_size=settings.encoder_hidden,
        attention=settings.attention,
        coverage=settings.coverage,
        input_feeding=settings.input_feeding,
        joint=preprocessor.joint,
        tie=settings.tie,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        word_dropout=settings.word_dropout or 0.0,
        initialisation=settings.initialisation,
    )


def work(
    network: Translator, corpus: PairCorpus, settings: TranslateSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    batches = PairBatches(
        corpus.train,
        settings.batch_size or 1,
        settings.seed,
        settings.teacher_forcing,
        settings.forcing_epochs,
    )

    def loss(batch: PairBatch, state: State | None) -> tuple[Tensor, State | None]:
        return network.loss(
            batch.source,
            batch.lengths,
            batch.inputs,
            batch.target,
            batch.weight,
            smoothing=settings.label_smoothing,
            teacher_forcing=batch.forcing,
        ), None

    some = [corpus.valid_pairs[row] for row in evenly_spread(len(corpus.valid_pairs), WATCHED)]
    watched = encode(
        [corpus.valid_pairs[r] for r in evenly_spread(len(corpus.valid), WATCHED_LOSS)],
        corpus.preprocessor,
    )
    greedy = settings.model_copy(update={"beam": 1, "best": 1, "temperature": None})

    def evaluated() -> dict[str, float]:
        figures = measure(network, watched, device)
        found = translated(
            network, corpus.preprocessor, (pair.source for pair in some), greedy, device
        )
        said = [answer["translation"] for answer in found]
        return {**figures, **scores(said, [pair.target for pair in some], few=True)}

    def sample() -> str:
        pair = some[0]
        (found,) = translated(network, corpus.preprocessor, [pair.source], greedy, device)
        return f"{pair.source}\n-> {found['translation']}\n   ({pair.target})"

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=sample,
        learning_rate=settings.learning_rate or 1e-3,
        unit={"char": "characters", "word": "words", "bpe": "tokens"}[settings.level],
        device=device,
    )


@torch.no_grad()
def measure(
    network: Translator, pairs: EncodedPairs, device: torch.device, watch: Progress | None = None
) -> dict[str, float]:
    """loss (nats a token), perplexity and token_accuracy where every token before is the true one."""
    network.eval()
    nats, right, tokens = 0.0, 0, 0
    weight, bias = network.softmax_weight, network.bias
    for _, batch in evaluation_batches(pairs):
        moved = batch.to(device)
        encoded = network.encode(moved.source, moved.lengths)
        h, _ = network.decode(encoded, moved.inputs, moved.weight.sum(0))
        rows, targets = h[moved.weight], moved.target[moved.weight]
        size = max(1, LOGITS // len(bias))
        for part, wanted in zip(rows.split(size), targets.split(size), strict=True):
            logits = linear(part, weight, bias)
            nats += float(cross_entropy(logits, wanted, reduction="sum"))
            right += int((logits.argmax(1) == wanted).sum())
        tokens += len(targets)
        if watch is not None:
            watch(min(1.0, tokens / max(1, len(pairs.target.ids) + len(pairs))))
    loss = nats / tokens
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "token_accuracy": right / tokens,
    }


def scores(said: list[str], wanted: list[str], few: bool = False) -> dict[str, Any]:
    """bleu, chrf, and exact_match: the share that is the target to the letter; and signatures.

    few: bleu and exact_match alone, for a glimpse.
    Source: M. Post, A call for clarity in reporting BLEU scores, 2018
    (https://arxiv.org/abs/1804.08771), by the package sacrebleu; M. Popović, chrF: character n-gram
    F-score for automatic MT evaluation, 2015.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    exact = float(np.mean([a == b for a, b in zip(said, wanted, strict=True)]))
    bleu = BLEU()
    found: dict[str, Any] = {"bleu": bleu.corpus_score(said, [wanted]).score, "exact_match": exact}
    if few:
        return found
    chrf = CHRF()
    found["chrf"] = chrf.corpus_score(said, [wanted]).score
    signatures = {"bleu": bleu.get_signature(), "chrf": chrf.get_signature()}
    return {**found, "signatures": {name: str(one) for name, one in signatures.items()}}


def files(corpus: PairCorpus) -> dict[str, bytes]:
    """The pairs that the nearest neighbour is looked for in."""
    return NearestNeighbour(corpus.known).files()


def load_baseline(trained: Trained) -> NearestNeighbour:
    """The nearest neighbour of the training part.

    Raises: UserError where its file is damaged.
    """
    check_baseline(trained.path, BASELINE)
    return NearestNeighbour.from_json((trained.path / BASELINE).read_text(encoding="utf-8"))


def result(trained: Trained, corpus: PairCorpus, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part, translations of at most FINAL pairs of it."""
    places = evenly_spread(len(corpus.valid_pairs), FINAL)
    return figures(trained, [corpus.valid_pairs[place] for place in places], watch)


def evaluate(
    trained: Trained,
    path: str,
    watch: Progress | None = None,
    *,
    source: str | None = None,
    target: str | None = None,
) -> dict[str, Any]:
    """The figures of other pairs. source, target: columns, or a second file, if not the run's."""
    settings, problems = trained.settings, Problems(trained.settings.skip_bad)
    own = None if trained.preprocessor.parallel else settings.target
    file = open_pairs(path, source or settings.source, target or own)
    pairs = list(file.pairs(problems))
    if not pairs:
        raise UserError(f"{path} has no pairs. Give a file with at least one.")
    return {**figures(trained, pairs, watch), "left_out": problems.count}


def figures(trained: Trained, pairs: list[Pair], watch: Progress | None) -> dict[str, Any]:
    encoded = encode(pairs, trained.preprocessor)
    sources, wanted = [pair.source for pair in pairs], [pair.target for pair in pairs]
    found = measure(trained.model, encoded, trained.device)
    said = []
    for answer in answers(trained, sources):
        said.append(answer["translation"])
        if watch is not None:
            watch(len(said) / len(pairs))
    neighbour = load_baseline(trained)
    others = {
        "source copied": sources,
        "nearest neighbour": [neighbour.translate(source) for source in sources],
    }
    return {
        **found,
        **scores(said, wanted),
        "pairs": len(pairs),
        "tokens": len(encoded.target.ids) + len(pairs),
        "unknown_rate": unknown_rates(encoded),
        "search": searched(trained.settings),
        "baselines": {name: scores(texts, wanted) for name, texts in others.items()},
    }


def searched(settings: TranslateSettings) -> str:
    """How translations are looked for, in words."""
    if settings.temperature is not None:
        return f"drawn at temperature {settings.temperature:g}, seed {settings.seed}"
    if settings.beam == 1:
        return "greedy"
    penalties = f"length penalty {settings.length_penalty:g}"
    if settings.coverage_penalty:
        penalties += f", coverage penalty {settings.coverage_penalty:g}"
    return f"beam of {settings.beam}, {penalties}"


def header(corpus: PairCorpus, settings: TranslateSettings, network: Translator) -> list[str]:
    """What was read, and how it is cut into batches."""
    preprocessor, train = corpus.preprocessor, corpus.train
    sides = f"{len(preprocessor.source):,} for the source and {len(preprocessor.target):,} for the target"
    if preprocessor.joint:
        sides = f"{len(preprocessor.target):,} for both sides"
    rates = unknown_rates(corpus.valid)
    lengths = {"source": train.source.lengths, "target": train.target.lengths}
    waste = PairBatches(train, settings.batch_size or 1, settings.seed).waste()
    said = [
        f"{corpus.file.described()}: {counted(len(train), 'pair')} to learn from (--set source=N "
        "target=N, or target=FILE).",
        f"Held out: {corpus.validation_set}, {counted(len(corpus.valid_pairs), 'pair')} (--valid FILE).",
        f"Tokens are {TOKENS[settings.level]} (--level), {sides} (--set joint=true|false); unknown "
        f"where held out: {rates['source']:.2%} of sources, {rates['target']:.2%} of targets.",
        "Lengths in tokens: "
        + ", ".join(f"{side} {n.mean():.1f}, at most {n.max()}" for side, n in lengths.items())
        + ".",
        *corpus.said,
    ]
    if corpus.file.other is None and len(corpus.file.names) > 2:
        said.append(f"Of {len(corpus.file.names)} columns the others are not read.")
    if corpus.file.header:
        said.append(f"Line 1 is read as the names of the columns: {', '.join(corpus.file.names)}.")
    forcing = ""
    if settings.teacher_forcing < 1:
        forcing = (
            f"; {settings.teacher_forcing:.0%} true inputs after {settings.forcing_epochs} epochs"
        )
    said.append(
        f"Batches: {settings.batch_size} pairs of about the same lengths, {waste:.1%} of their "
        f"steps padding; label smoothing {settings.label_smoothing:g}{forcing}."
    )
    fed = ", input feeding" if settings.input_feeding else ""
    said.append(
        f"Attention: {settings.attention} (--set attention=dot|general|additive)"
        f"{', coverage' if settings.coverage else ''}{fed}; encoder 2 x {settings.encoder_hidden}."
    )
    return said


def facts(corpus: PairCorpus) -> dict[str, Any]:
    """How many pairs it is."""
    return {"pairs": len(corpus.train) + len(corpus.valid_pairs)}


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    return [
        f"On {where}, {counted(result['pairs'], 'pair')} ({result['search']}):",
        *(
            f"  {name:{width}}  BLEU {row['bleu']:5.2f}   chrF {row['chrf']:5.2f}   exactly right "
            f"{row['exact_match']:6.2%}"
            for name, row in rows.items()
        ),
        f"  perplexity {result['perplexity']:,.2f} and {result['token_accuracy']:.2%} of "
        f"{counted(result['tokens'], 'token')} right, each given the true ones before it",
        *(f"  {name} {signature}" for name, signature in result["signatures"].items()),
    ]


def check(path: str, settings: TranslateSettings, say: Log) -> dict[str, Any]:
    """Pairs, lengths, unknown rates, duplicates, what will be cut, and what is bad."""
    file = open_pairs(path, settings.source, settings.target)
    problems = Problems(skip=True)
    pairs = sum(1 for _ in file.pairs(problems))
    lax = settings.model_copy(update={"skip_bad": True})
    if lax.max_length is not None and lax.too_long == "refuse":
        lax = lax.model_copy(update={"too_long": "leave_out"})
    found: dict[str, Any] = {"pairs": pairs, "read": file.described()}
    if pairs > 1:
        corpus = read_corpus(path, lax)
        lengths = {"source": corpus.train.source.lengths, "target": corpus.train.target.lengths}
        found |= {
            "validation_set": f"{corpus.validation_set}, {len(corpus.valid_pairs):,} pairs",
            "vocabulary": {
                "source": len(corpus.preprocessor.source),
                "target": len(corpus.preprocessor.target),
            },
            "tokens": {
                side: {"mean": float(n.mean()), "longest": int(n.max())}
                for side, n in lengths.items()
            },
            "unknown_rate": unknown_rates(corpus.valid),
            "told": [sentence for sentence in corpus.said if sentence not in problems.messages()],
        }
    return {**found, "problems": problems.messages()}


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The translations of each source, in order, as `unroll.tasks.translate.decoding` has them.

    Raises: UserError for a question that is no text.
    """
    return translated(
        trained.model,
        trained.preprocessor,
        map(text_of, questions),
        trained.settings,
        trained.device,
    )


def text_of(question: Any) -> str:
    if not isinstance(question, str):
        raise UserError(
            f"Got {type(question).__name__} where a text to translate is expected. Give a string."
        )
    return question.strip()


def questions(trained: Trained, path: str) -> Iterator[str]:
    """Each line of a file, or the source's column where there are several."""
    settings = trained.settings
    named = settings.source or "1"
    column = int(named) - 1 if named.isdigit() else None
    for number, line in numbered(one_file(path), Problems()):
        if line is None:
            continue
        if trained.preprocessor.parallel or "\t" not in line:
            yield line
            continue
        cells = line.split("\t")
        if column is None:
            if number == 1 and settings.source in cells:
                column = cells.index(settings.source)
                continue
            raise UserError(
                f"{path}, line 1: no column {settings.source!r}, which the run reads its sources "
                "from. Give the header, or lines with nothing but the source."
            )
        if column >= len(cells):
            raise UserError(f"{path}, line {number}: no column {column + 1}.")
        yield cells[column]


def written(answer: dict[str, Any]) -> str:
    """The translation; with others, each on its line behind its score."""
    if not answer["others"]:
        return str(answer["translation"])
    rows = [answer, *answer["others"]]
    return "\n".join(f"{row['score']:.4f}\t{row['translation']}" for row in rows)


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    return [
        f'  unroll predict {run} --input "..."',
        f"  unroll predict {run} FILE --out translations.jsonl",
        f"  unroll eval {run} PAIRS --json",
    ]


class TranslateTask(
    Task[
        TranslateSettings, PairCorpus, PairPreprocessor, Translator, dict[str, Any], dict[str, Any]
    ]
):
    """The task, as the rest of the program calls it."""

    name = "translate"
    changeable = IN_USE

    def resolve_sizes(self, settings: TranslateSettings, make_cell: MakeCell) -> TranslateSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: TranslateSettings,
        log: Log,
        preprocessor: PairPreprocessor | None = None,
    ) -> PairCorpus:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: TranslateSettings, data: PairCorpus) -> TranslateSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: TranslateSettings, preprocessor: PairPreprocessor, make_cell: MakeCell
    ) -> Translator:
        return model(settings, preprocessor, make_cell)

    def objective(
        self,
        network: Translator,
        data: PairCorpus,
        settings: TranslateSettings,
        device: torch.device,
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: PairCorpus, settings: TranslateSettings, network: Translator
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: PairCorpus) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: PairCorpus) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> PairPreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[TranslateSettings, PairPreprocessor, Translator],
        data: PairCorpus,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[TranslateSettings, PairPreprocessor, Translator],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: TranslateSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[TranslateSettings, PairPreprocessor, Translator],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[TranslateSettings, PairPreprocessor, Translator], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(
        self, run: str, trained: Trained[TranslateSettings, PairPreprocessor, Translator]
    ) -> list[str]:
        return use_lines(run, trained)
