"""Classify: a label, or several, for each text or sequence of numbers.

many to one: sentiment, topics, intents; gestures, sensors, digits row by row.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from unroll.data.bpe import BPEVocabulary
from unroll.data.bucketed import in_order
from unroll.data.characters import CharacterVocabulary
from unroll.data.labelled import (
    ClassCodec,
    Labelled,
    LabelledBatch,
    LabelledBatches,
    balanced,
    batch_of,
    encoded,
    label_counts,
    prepared,
)
from unroll.data.problems import Problems
from unroll.data.records import numbered_lines
from unroll.data.series import Scaler, file_sequence, number
from unroll.data.sources import Source, find_source
from unroll.data.split import held_out, shared
from unroll.data.text import TEXT_SUFFIXES
from unroll.data.vocabularies import BPE_SIZE, LOOK
from unroll.data.vocabulary import Vocabulary
from unroll.data.words import WordVocabulary, stands_alone
from unroll.decoding.mattered import as_words, mattering, strongest
from unroll.errors import UserError
from unroll.models.classifier import Classifier
from unroll.models.initialisation import initialise
from unroll.models.judged import judged
from unroll.models.naive_bayes import NaiveBayes, commonest, fit_naive_bayes
from unroll.settings.classify import ClassifySettings, guess
from unroll.tasks.task import Make, Say, Trained, Watch
from unroll.training.checkpoint import pack
from unroll.training.work import Work

NAME = "classify"
SETTINGS = ClassifySettings
WATCHED = 5000  # records that an evaluation during training reads at most
ROWS = 128  # of a batch that is only read
FEW = 10  # classes that are listed one by one

__all__ = ["NAME", "SETTINGS", "guess"]


@dataclass(frozen=True)
class Classified:
    """What was read. source: where from. train, valid: the two parts. moved: records that were
    taken from the held-out part because their label is nowhere else. told: of bad records."""

    source: Source
    codec: ClassCodec
    train: Labelled
    valid: Labelled
    sha256: str
    held_out: str
    moved: int
    told: tuple[str, ...]


def resolve_sizes(settings: ClassifySettings, make: Make) -> ClassifySettings:
    """The sizes that were left open; `make` is tried."""
    hidden = settings.hidden or HIDDEN
    embedding = settings.embedding or EMBEDDING[settings.level]
    width = embedding
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size * (2 if settings.bidirectional else 1)
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


HIDDEN = 128
EMBEDDING = {"word": 128, "char": 64, "bpe": 128}


def read(path: str, settings: ClassifySettings, say: Say, codec: Any = None) -> Classified:
    """Records in two parts; vocabulary, classes and scales are learned from the first alone.

    Raises: UserError, in a sentence, for data that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    source = source_of(path, settings)
    survey = surveyed(source, problems)
    sha256 = survey.sha256
    apart, moved, where = np.zeros(len(survey.labels), dtype=bool), 0, settings.valid or ""
    if settings.valid is None:
        apart, moved = without_strangers(held_out(len(survey.labels)), survey.labels)
        size = int(apart.sum())
        where = f"a tenth of the records, {size:,} of {len(apart):,}"
        if size < 0.09 * len(apart):
            where = f"{size:,} of the {len(apart):,} records"

    def part(held: bool) -> Iterator[Any]:
        for k, record in enumerate(source.read(Problems(skip=True))):
            if apart[k] == held:
                yield record

    if codec is None:
        codec = learned(part, survey, settings, source)
    refuse = settings.too_long == "refuse"
    train = encoded(part(False), codec, problems, refuse=refuse)
    if settings.valid is None:
        valid = encoded(part(True), codec, problems, refuse=refuse)
    else:
        other = source_of(settings.valid, settings, source)
        check_same_kind(other, codec)
        valid = encoded(other.read(problems), codec, problems, refuse=refuse)
        sha256 = hashlib.sha256((sha256 + str(valid.marks.tolist())).encode()).hexdigest()
    if not len(train) or not len(valid):
        raise UserError(
            f"{path} leaves {len(train)} records to learn from and {len(valid)} held out ({where}); "
            "expected some of each. Give more records."
        )
    return Classified(source, codec, train, valid, sha256, where, moved, tuple(problems.told()))


def source_of(path: str, settings: ClassifySettings, like: Source | None = None) -> Source:
    """The records at a path, in the columns of the settings, or of the training data."""
    text, label = settings.text, settings.label
    if like is not None:
        text, label = text or like.text, label or like.label
    return find_source(
        path,
        text=text,
        label=label,
        separator=settings.separator,
        id=settings.id,
        columns=settings.columns,
    )


@dataclass(frozen=True)
class Survey:
    """What a first reading finds: the labels of every record, and a hash of all of them."""

    labels: list[tuple[str, ...]]
    sha256: str


def surveyed(source: Source, problems: Problems) -> Survey:
    """Read everything once; every bad record is met here.

    Raises: UserError where there are too few records, or too few classes.
    """
    digest, labels = hashlib.sha256(), []
    for record in source.read(problems):
        labels.append(record.labels)
        digest.update(json.dumps(record.labels).encode())
        value = record.value
        digest.update(value.encode() if isinstance(value, str) else value.tobytes())
        digest.update(b"\0")
    kinds = {label for each in labels for label in each}
    if len(labels) < 2 or not kinds or (len(kinds) < 2 and all(len(each) == 1 for each in labels)):
        raise UserError(
            " ".join(
                [
                    f"{source.name} holds {len(labels)} records with {len(kinds)} different labels; "
                    "expected at least 2 of each to learn what tells them apart.",
                    *problems.told(),
                ]
            )
        )
    return Survey(labels, digest.hexdigest())


def without_strangers(apart: np.ndarray, labels: list[tuple[str, ...]]) -> tuple[np.ndarray, int]:
    """The held-out part without the records of labels that are nowhere else, and how many."""
    known = {label for k, each in enumerate(labels) if not apart[k] for label in each}
    lost = [k for k in np.flatnonzero(apart) if not set(labels[k]) <= known]
    kept = apart.copy()
    kept[lost] = False
    return kept, len(lost)


def learned(part: Any, survey: Survey, settings: ClassifySettings, source: Source) -> ClassCodec:
    """Classes, and vocabulary or scales, of the training part."""
    classes = sorted(
        {label for each in survey.labels for label in each},
        key=lambda name: (number(name) is None, number(name) or 0.0, name),
    )
    several = settings.separator is not None or any(len(each) != 1 for each in survey.labels)
    if source.numbers is not None:
        scaler = Scaler.learn(list(source.numbers), (record.value for record in part(False)))
        return ClassCodec(classes, several, scaler=scaler, longest=settings.longest)
    split = settings.split
    if split == "auto":
        head = "\n".join(record.value for record in islice(part(False), 1000))[:LOOK]
        split = "spaces" if stands_alone(head) else "punctuation"

    def texts() -> Iterator[str]:
        for record in part(False):
            yield prepared(record.value, settings.level, split, settings.lower)

    vocabulary: Vocabulary
    size = settings.vocabulary_size
    if settings.level == "char":
        vocabulary = CharacterVocabulary.learn(texts(), settings.min_count, size)
    elif settings.level == "bpe":
        vocabulary = BPEVocabulary.learn(texts(), size or BPE_SIZE, settings.min_count)
    else:
        vocabulary = WordVocabulary.learn(texts(), settings.min_count, size, "spaces")
    return ClassCodec(
        classes,
        several,
        vocabulary=vocabulary,
        split=split,
        lower=settings.lower,
        longest=settings.longest,
    )


def check_same_kind(source: Source, codec: ClassCodec) -> None:
    """Numbers where numbers were learned from, of the same columns."""
    expected = None if codec.scaler is None else tuple(codec.scaler.names)
    if source.numbers != expected:
        kinds = [
            "texts" if names is None else f"numbers in the columns {', '.join(names)}"
            for names in (source.numbers, expected)
        ]
        raise UserError(f"{source.name} holds {kinds[0]}; expected {kinds[1]}.")


def resolve(settings: ClassifySettings, data: Classified) -> ClassifySettings:
    """Every other setting that was left open; the columns by the names that were found."""
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    numbers = data.codec.scaler is not None
    dropout_input = settings.dropout_input
    if dropout_input is None:
        dropout_input = 0.0 if numbers else dropout
    rate = RATE if settings.optimizer == "adamw" else 0.1
    return settings.model_copy(
        update={
            "text": settings.text or data.source.text,
            "label": settings.label or data.source.label,
            "batch_size": settings.batch_size or BATCH,
            "dropout": dropout,
            "dropout_input": dropout_input,
            "learning_rate": settings.learning_rate or rate,
        }
    )


DROPOUT, BATCH, RATE = 0.5, 32, 1e-3


def model(settings: ClassifySettings, codec: ClassCodec, make: Make) -> Classifier:
    """The network, on the CPU, freshly initialised. make: its cell."""
    return Classifier(
        codec.inputs,
        len(codec.classes),
        settings.hidden or HIDDEN,
        settings.layers,
        embedding_size=None if codec.scaler is not None else settings.embedding,
        cell=make,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        several=codec.several,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        word_dropout=settings.word_dropout,
        label_smoothing=settings.label_smoothing,
        initialisation=settings.initialisation,
    )


def work(
    network: Classifier, data: Classified, settings: ClassifySettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    codec = data.codec
    batches = LabelledBatches(data.train, settings.batch_size or BATCH, settings.seed)
    if settings.class_weights == "balanced":
        weights = torch.from_numpy(balanced(data.train, len(codec.classes)))
        network.weights = weights.to(device)

    def loss(batch: LabelledBatch, state: Any) -> tuple[torch.Tensor, None]:
        return network.loss(batch.x, batch.lengths, batch.y), None

    watched = spread(len(data.valid), WATCHED)

    def evaluated() -> dict[str, float]:
        p = probabilities(network, data.valid, device, rows=watched)
        figures = judged(p, data.valid.targets[watched])
        return {
            "loss": figures["loss"],
            "accuracy": figures["accuracy"],
            "macro_f1": figures["macro_f1"],
            "error": 1 - figures["accuracy"],
        }

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit="texts" if codec.scaler is None else "sequences",
        device=device,
        decides="error",
    )


def spread(count: int, most: int) -> np.ndarray:
    """At most so many of `count` rows, evenly spread."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


@torch.no_grad()
def probabilities(
    network: Classifier,
    labelled: Labelled,
    device: torch.device,
    watch: Watch | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """[R, K] of records, in their order. rows: only those. watch: told the share that is done."""
    network.eval()
    rows = np.arange(len(labelled)) if rows is None else rows
    found = np.zeros((len(rows), network.decide.out_features))
    done = 0
    for places in in_order(labelled.lengths[rows], ROWS):
        batch = batch_of(labelled, rows[places].tolist()).to(device)
        found[places] = network.probabilities(batch.x, batch.lengths).cpu().numpy()
        done += len(places)
        if watch is not None:
            watch(done / len(rows))
    return found


def header(data: Classified, settings: ClassifySettings, model: Classifier) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    codec, train, valid = data.codec, data.train, data.valid
    thing = "texts" if codec.scaler is None else "sequences"
    said = [*data.source.said, *data.told]
    said.append(f"{len(train):,} {thing} to learn from, {len(valid):,} held out ({data.held_out})")
    if data.moved:
        said.append(
            f"{data.moved:,} of those that would be held out stay in training: their label is "
            "nowhere else"
        )
    said.append(balance(train, codec))
    said.append(
        f"lengths: half have {int(np.median(train.lengths))} {steps_name(codec)} or fewer, the "
        f"longest {int(train.lengths.max())}"
    )
    cut = train.cut + valid.cut
    if cut:
        said.append(
            f"{cut:,} {thing} are cut to their first {codec.longest} {steps_name(codec)} (change by "
            "--set longest=N)"
        )
    if codec.vocabulary is not None:
        rate = valid.unknown / max(1, len(valid.items))
        said.append(
            f"vocabulary: {codec.inputs:,} {steps_name(codec)} ({'case dropped, ' * codec.lower}"
            f"split at {codec.split}); {rate:.1%} of the held-out ones are unknown"
        )
    repeated = shared(train.marks.tolist(), valid.marks.tolist())
    if repeated:
        said.append(f"{repeated:,} of the held-out {thing} stand in the training part too")
    said.append(
        f"{'both directions' if settings.bidirectional else 'one direction'}, {settings.pooling} "
        f"pooling (change by --set pooling=last|mean|max|attention); weights: {model.initialised}"
    )
    return said


def steps_name(codec: ClassCodec) -> str:
    if codec.vocabulary is None:
        return "rows"
    return {"char": "characters", "word": "words", "bpe": "tokens"}[codec.vocabulary.level]


def balance(labelled: Labelled, codec: ClassCodec) -> str:
    """How often the classes come, in a sentence."""
    counts = label_counts(labelled, len(codec.classes))
    named = sorted(zip(counts.tolist(), codec.classes, strict=True), reverse=True)
    if len(named) <= FEW:
        each = ", ".join(f"{name} {n:,} ({n / len(labelled):.0%})" for n, name in named)
        said = f"{len(named)} classes: {each}"
    else:
        (most, first), (least, last) = named[0], named[-1]
        said = f"{len(named)} classes: from {first} with {most:,} to {last} with {least:,}"
    if codec.several:
        mean = labelled.targets.sum() / len(labelled)
        said += f"; {mean:.1f} labels a record on average"
    elif named[0][0] > 4 * max(1, named[-1][0]):
        said += " (--set class_weights=balanced makes rare ones count as much)"
    return said


def facts(data: Classified) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    return {
        "records": len(data.train) + len(data.valid),
        "classes": data.codec.classes
        if len(data.codec.classes) <= 100
        else len(data.codec.classes),
        "steps": len(data.train.items) + len(data.valid.items),
    }


def files(data: Classified) -> dict[str, bytes]:
    """What baselines know, and hashes of what was learned from."""
    K = len(data.codec.classes)
    kept = {"share": commonest(data.train, K), "train": np.unique(data.train.marks)}
    if data.codec.vocabulary is not None:
        bayes = fit_naive_bayes(data.train, data.codec.inputs, K)
        kept |= {"prior": bayes.prior, "words": bayes.words.astype(np.float32)}
    arrays = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in kept.items()}
    return {"baseline.safetensors": pack(arrays)}


def load_codec(folder: Path, config: dict[str, Any]) -> ClassCodec:
    """The codec of a run folder."""
    return ClassCodec.load(folder)


def result(trained: Trained, data: Classified, watch: Watch) -> dict[str, Any]:
    """The figures of the held-out part at the end of training."""
    return compared(trained, data.valid, watch)


def evaluate(trained: Trained, path: str, watch: Watch, **columns: Any) -> dict[str, Any]:
    """The figures of other data. columns: text and label, where they are called otherwise."""
    settings: ClassifySettings = trained.settings
    problems = Problems(settings.skip_bad)
    source = other_source(trained, path, True, **columns)
    check_same_kind(source, trained.codec)
    refuse = settings.too_long == "refuse"
    labelled = encoded(source.read(problems), trained.codec, problems, refuse=refuse)
    if not len(labelled):
        raise UserError(f"{path} has nothing to evaluate; expected records with labels.")
    return {**compared(trained, labelled, watch), "bad": problems.count}


def other_source(trained: Trained, path: str, labelled: bool, **columns: Any) -> Source:
    """Other data of a run; in the run's columns where it has them, else guessed anew."""
    settings: ClassifySettings = trained.settings
    given: dict[str, Any] = {
        name: columns.get(name) or getattr(settings, name) for name in ("text", "label")
    }
    options: dict[str, Any] = {
        "separator": settings.separator,
        "id": settings.id,
        "columns": None if trained.codec.scaler is None else settings.columns,
        "labelled": labelled,
    }
    try:
        return find_source(path, **given, **options)
    except UserError:
        if any(columns.get(name) for name in given) or not Path(path).is_file():
            raise
        # questions need no label: the text's column may still be there
        for name in given:
            try:
                return find_source(path, **{name: given[name]}, **options)
            except UserError:
                continue
        return find_source(path, **options)


def compared(trained: Trained, labelled: Labelled, watch: Watch) -> dict[str, Any]:
    """The figures of a model on records beside those of the baselines."""
    codec: ClassCodec = trained.codec
    p = probabilities(trained.model, labelled, trained.device, watch)
    figures = judged(p, labelled.targets)
    known = {
        name: tensor.numpy()
        for name, tensor in load_file(trained.path / "baseline.safetensors").items()
    }
    share = np.broadcast_to(known["share"], p.shape)
    baselines = {"most frequent class": share}
    if "words" in known:
        bayes = NaiveBayes(known["prior"], known["words"], codec.several)
        baselines["naive Bayes"] = bayes.probabilities(labelled.items, labelled.starts)
    confusion = figures.pop("confusion")
    return {
        **figures,
        "unknown_rate": labelled.unknown / max(1, len(labelled.items)),
        "cut": labelled.cut,
        "in_training": shared(known["train"].tolist(), labelled.marks.tolist()),
        "baselines": {
            name: {
                k: v
                for k, v in judged(q, labelled.targets).items()
                if k in ("loss", "accuracy", "macro_f1")
            }
            for name, q in baselines.items()
        },
        "classes": codec.classes,
        "confusion": confusion,
    }


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """Such figures in words, beside the baselines'."""
    baselines = ", ".join(f"{n} {b['accuracy']:.1%}" for n, b in result["baselines"].items())
    said = [
        f"{where}: accuracy {result['accuracy']:.1%} of {result['records']:,} ({baselines}); macro "
        f"F1 {result['macro_f1']:.3f}, micro F1 {result['micro_f1']:.3f}, loss "
        f"{result['loss']:.3f} nats, probabilities off by {result['calibration_error']:.1%} on "
        "average"
    ]
    mistaken = mistakes(result)
    if mistaken:
        said.append(f"taken most often for another: {mistaken}")
    if result["in_training"]:
        said.append(f"{result['in_training']:,} of these records stand in the training data too")
    if result["cut"]:
        said.append(f"{result['cut']:,} are cut to what the model reads")
    if result["unknown_rate"]:
        said.append(f"{result['unknown_rate']:.1%} of the tokens are unknown to the model")
    return said


def mistakes(result: dict[str, Any], most: int = 3) -> str:
    """The commonest confusions of a classifier with one label a record."""
    confusion = np.asarray(result["confusion"])
    if confusion.ndim != 2:
        return ""
    np.fill_diagonal(confusion, 0)
    names = result["classes"]
    worst = np.argsort(-confusion, axis=None, kind="stable")[:most]
    pairs = [divmod(int(k), len(names)) for k in worst if confusion.flat[k]]
    return ", ".join(f"{names[a]} for {names[b]} ({confusion[a, b]} times)" for a, b in pairs)


def check(path: str, settings: ClassifySettings, say: Say) -> dict[str, Any]:
    """What `unroll train` would meet: every bad record is counted, none stops it."""
    problems = Problems(skip=True)
    source = source_of(path, settings)
    survey = surveyed(source, problems)
    data = read(path, settings.model_copy(update={"skip_bad": True}), say)
    counts = Counter(label for each in survey.labels for label in each)
    lengths = np.concatenate([data.train.lengths, data.valid.lengths])
    return {
        "guessed": list(source.said),
        "rows": len(survey.labels),
        "labels": dict(counts.most_common()),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": steps_name(data.codec),
        },
        "unknown_rate": data.valid.unknown / max(1, len(data.valid.items)),
        "duplicates": len(data.train)
        + len(data.valid)
        - len(set(data.train.marks.tolist()) | set(data.valid.marks.tolist())),
        "held_out_in_training": shared(data.train.marks.tolist(), data.valid.marks.tolist()),
        "cut": data.train.cut + data.valid.cut,
        "problems": {"count": problems.count, "first": [s.strip() for s in problems.told()[1:]]},
    }


def questions(trained: Trained, path: str) -> Iterator[Any]:
    """The texts of a file, one a line or of its column; or the sequences of numbers it holds."""
    problems = Problems(trained.settings.skip_bad)
    if trained.codec.scaler is not None and trained.settings.id is None and Path(path).is_file():
        values = file_sequence(Path(path), trained.codec.scaler.names, problems)
        if values is not None:
            yield values
        return
    if path == "-":
        yield from (line.strip() for line in sys.stdin if line.strip())
    elif path.removesuffix(".gz").endswith(TEXT_SUFFIXES) and Path(path).is_file():
        for _, line in numbered_lines(Path(path), path, problems):
            if line.strip():
                yield line.strip()
    else:
        source = other_source(trained, path, False)
        check_same_kind(source, trained.codec)
        yield from (record.value for record in source.read(problems))


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The label of each text or sequence, all probabilities, and the words or rows that mattered."""
    asked = iter(questions)
    while some := list(islice(asked, ROWS)):
        yield from answered(trained, [as_value(question, trained.codec) for question in some])


def as_value(question: Any, codec: ClassCodec) -> Any:
    """A question as the codec reads it; numbers may come as JSON.

    Raises: UserError for what is no text, or no numbers.
    """
    if codec.scaler is None:
        if not isinstance(question, str) or not question.strip():
            raise UserError(f"Got {question!r} to classify; expected a text with words in it.")
        return question
    names = codec.scaler.names
    try:
        rows = json.loads(question) if isinstance(question, str) else question
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim == 1 and len(names) == 1:
            values = values[:, None]
        if values.ndim == 2 and len(values) and values.shape[1] == len(names):
            if np.isfinite(values).all():
                return values
    except (ValueError, TypeError):
        pass
    raise UserError(
        f"Got {str(question)[:60]!r} to classify; expected rows of {len(names)} finite numbers "
        f"({', '.join(names)}), as JSON: [[...], [...]]."
    )


def answered(trained: Trained, values: list[Any]) -> Iterator[dict[str, Any]]:
    codec: ClassCodec = trained.codec
    network: Classifier = trained.model
    network.eval()
    parts = [codec.encode(value)[: codec.longest] for value in values]
    labelled = Labelled(
        np.concatenate(parts),
        np.cumsum([0, *map(len, parts)]),
        np.zeros(len(parts), dtype=np.int64),
        np.zeros(len(parts), dtype=np.int64),
        0,
        0,
    )
    batch = batch_of(labelled, list(range(len(parts)))).to(trained.device)
    p, weights = mattering(network, batch)
    for value, part, row, mattered in zip(
        values, parts, p.tolist(), weights.T.tolist(), strict=True
    ):
        ranked = sorted(zip(codec.classes, row, strict=True), key=lambda pair: -pair[1])
        answer: dict[str, Any] = {}
        if isinstance(value, str):
            answer["text"] = value
        if codec.several:
            answer["labels"] = [name for name, q in ranked if q >= 0.5]
        else:
            answer["label"], answer["probability"] = ranked[0]
        answer["probabilities"] = dict(ranked)
        if isinstance(value, str):
            tokens = codec.tokens(value)[: len(part)]
            words = as_words(tokens, mattered[: len(part)], whole=steps_name(codec) == "words")
            answer["words"] = strongest(words)
        else:
            answer["rows"] = strongest(list(enumerate(mattered[: len(part)], 1)))
        if len(part) == codec.longest:
            answer["read"] = len(part)
        yield answer


def written(answer: dict[str, Any]) -> str:
    """An answer as people read it: the label, how sure, what mattered, the text."""
    if "labels" in answer:
        sure = ", ".join(f"{name} {answer['probabilities'][name]:.0%}" for name in answer["labels"])
        said = sure or "none of the labels"
    else:
        said = f"{answer['label']} {answer['probability']:.0%}"
    if "words" in answer:
        mattered = " ".join(f"{word}{weight:+.1f}" for word, weight in answer["words"][:4])
        return f"{said}\t{answer['text']}\t({mattered})"
    return f"{said}\t(rows {', '.join(str(row) for row, _ in answer['rows'][:4])})"


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    if trained.codec.scaler is not None:
        return [f"unroll eval {run} OTHER.csv", f"unroll predict {run} NEW.csv"]
    return [
        f'unroll predict {run} --input "..."',
        f"unroll predict {run} NEW.txt --out answers.jsonl",
        f"unroll eval {run} OTHER.csv",
    ]
