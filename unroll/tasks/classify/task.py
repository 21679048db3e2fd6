"""Classify: a label, or several, for each text or sequence of numbers.

many to one: sentiment, topics, intents; gestures, sensors, digits row by row.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.problems import Problems
from unroll.data.records import numbered_lines
from unroll.data.series import file_sequence
from unroll.data.split import count_shared, evenly_spread
from unroll.data.text import TEXT_SUFFIXES
from unroll.errors import UserError
from unroll.models.classification_metrics import judged
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.classify.attributions import as_words, strongest
from unroll.tasks.classify.baseline import NaiveBayes, best_naive_bayes, commonest
from unroll.tasks.classify.calibration import fit_temperature, tempered
from unroll.tasks.classify.counts import ORDERS
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.preprocessor import (
    ClassifyPreprocessor,
    Labelled,
    LabelledBatch,
    LabelledBatches,
    balanced,
    batch_of,
    encoded,
    label_counts,
)
from unroll.tasks.classify.reader import (
    Classified,
    check_same_kind,
    other_source,
    read_classified,
    source_of,
    surveyed,
)
from unroll.tasks.classify.ridge_head import Batch, solve_head
from unroll.tasks.classify.settings import ClassifySettings
from unroll.training.budget import small_epochs
from unroll.training.checkpoint import pack
from unroll.training.folder import check_baseline
from unroll.training.objective import Objective, Work

IN_USE = ("text", "label", "skip_bad")
BASELINE = "baseline.safetensors"
WATCHED = 5000  # records that an evaluation during training reads at most
ROWS = 128  # of a batch that is only read
FEW = 10  # classes that are listed one by one


def resolve_sizes(settings: ClassifySettings, make: MakeCell) -> ClassifySettings:
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


def read(path: str, settings: ClassifySettings, say: Log, preprocessor: Any = None) -> Classified:
    """Records in two parts; vocabulary, classes and scales are learned from the first alone."""
    return read_classified(path, settings, preprocessor)


def resolve(settings: ClassifySettings, data: Classified) -> ClassifySettings:
    """Every other setting that was left open; the columns by the names that were found."""
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    numbers = data.preprocessor.scaler is not None
    dropout_input = settings.dropout_input
    if dropout_input is None:
        dropout_input = 0.0 if numbers else dropout
    rate = RATE if settings.optimizer == "adamw" else 0.1
    return settings.model_copy(
        update={
            "text": settings.text or data.source.text,
            "label": settings.label or data.source.label,
            "columns": ",".join(data.source.numbers or ()) if settings.id else settings.columns,
            "counts": data.preprocessor.counted is not None,
            "batch_size": settings.batch_size or BATCH,
            "dropout": dropout,
            "dropout_input": dropout_input,
            "learning_rate": settings.learning_rate or rate,
            "epochs": small_epochs(settings, EPOCHS, len(data.train.items), SMALL),
        }
    )


# chosen on validation parts of the training data of two sets (reviews, 77 intents)
DROPOUT, BATCH, RATE = 0.5, 32, 2e-3
# small data is learned by heart when it is read for minutes; larger is read for the usual seconds
EPOCHS, SMALL = 16, 4_000_000  # steps of sequences


def model(
    settings: ClassifySettings, preprocessor: ClassifyPreprocessor, make: MakeCell
) -> Classifier:
    """The network, on the CPU, freshly initialised. make: its cell."""
    network = Classifier(
        preprocessor.inputs,
        len(preprocessor.classes),
        settings.hidden or HIDDEN,
        settings.layers,
        embedding_size=None if preprocessor.scaler is not None else settings.embedding,
        cell=make,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        several=preprocessor.several,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        word_dropout=settings.word_dropout,
        label_smoothing=settings.label_smoothing,
        orders=0 if preprocessor.counted is None else len(ORDERS),
        initialisation=settings.initialisation,
    )
    if settings.readout == "ridge" and network.embedding is not None:
        # embeddings that are not learned are to be heard by the reservoir
        nn.init.normal_(network.embedding.weight)
    return network


def work(
    network: Classifier, data: Classified, settings: ClassifySettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    preprocessor = data.preprocessor
    batches = LabelledBatches(data.train, settings.batch_size or BATCH, settings.seed)
    if settings.class_weights == "balanced":
        weights = torch.from_numpy(balanced(data.train, len(preprocessor.classes)))
        network.weights = weights.to(device)

    def loss(batch: LabelledBatch, state: Any) -> tuple[torch.Tensor, None]:
        return network.loss(batch.x, batch.lengths, batch.y, batch.counted), None

    watched = evenly_spread(len(data.valid), WATCHED)

    def evaluated() -> dict[str, float]:
        p = probabilities(network, data.valid, device, rows=watched)
        figures = judged(p, data.valid.targets[watched])
        return {
            "loss": figures["loss"],
            "accuracy": figures["accuracy"],
            "macro_f1": figures["macro_f1"],
            "error": 1 - figures["accuracy"],
        }

    def solve(watch: Progress) -> list[str]:
        def of(part: Labelled, most: float) -> Iterator[Batch]:
            for k, rows in enumerate(longest_first(part.lengths, ROWS)):
                batch = batch_of(part, rows).to(device)
                yield batch.x, batch.lengths, batch.y
                watch(most * (k + 1) * ROWS / max(len(part), ROWS))

        penalty = solve_head(network, lambda: of(data.train, 0.9), lambda: of(data.valid, 1.0))
        return [
            f"The read-out is solved by ridge regression over {len(data.train):,} records, penalty "
            f"{penalty:g} a record, chosen in the held-out part."
        ]

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit=things_name(preprocessor),
        device=device,
        decides="error",
        solve=solve if settings.readout == "ridge" else None,
    )


@torch.no_grad()
def probabilities(
    network: Classifier,
    labelled: Labelled,
    device: torch.device,
    watch: Progress | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """[R, K] of records, in their order. rows: only those. watch: told the share that is done."""
    network.eval()
    rows = np.arange(len(labelled)) if rows is None else rows
    found = np.zeros((len(rows), network.decide.out_features))
    done = 0
    for places in longest_first(labelled.lengths[rows], ROWS):
        batch = batch_of(labelled, rows[places].tolist()).to(device)
        p = network.probabilities(batch.x, batch.lengths, batch.counted)
        found[places] = p.cpu().numpy()
        done += len(places)
        if watch is not None:
            watch(done / len(rows))
    return found


def header(data: Classified, settings: ClassifySettings, model: Classifier) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    thing, steps = things_name(preprocessor), steps_name(preprocessor)
    said = [*data.told]
    said += [f"Guessed: {', '.join(data.source.said)}."] if data.source.said else []
    said.append(
        f"{len(train):,} {thing} to learn from; held out: {data.validation_set}, {len(valid):,} {thing} "
        "(--valid FILE)."
    )
    if data.moved:
        said.append(
            f"{data.moved:,} that would be held out stay in training: their label is nowhere else."
        )
    said.append(balance(train, preprocessor))
    reach = f"Half of them have {int(np.median(train.lengths))} {steps} or fewer"
    said.append(f"{reach}, the longest {int(train.lengths.max()):,}.")
    if train.cut + valid.cut:
        said.append(
            f"{train.cut + valid.cut:,} {thing} are cut to their first {preprocessor.longest} {steps} (--set "
            "longest=N)."
        )
    if preprocessor.vocabulary is not None:
        rate = valid.unknown / max(1, len(valid.items))
        case = "case dropped (--set lower=false)" if preprocessor.lower else "case kept"
        where = f", cut at {preprocessor.split} (--set split=...)" if steps == "words" else ""
        said.append(
            f"Vocabulary: {preprocessor.inputs:,} {steps} (--level){where}, {case}; of the held-out ones "
            f"{rate:.2%} are unknown."
        )
    repeated = count_shared(train.marks.tolist(), valid.marks.tolist())
    if repeated:
        stand = counted(
            repeated, f"of the held-out {thing} stands", f"of the held-out {thing} stand"
        )
        said.append(f"{stand} in the training part too.")
    if preprocessor.counted is not None:
        words, pairs = (len(keys) for keys in preprocessor.counted.keys)
        said.append(
            f"Beside the network: what {words:,} {steps} and {pairs:,} pairs of neighbours say by "
            "counting (--set counts=false)."
        )
    waste = LabelledBatches(train, settings.batch_size or BATCH, settings.seed).order.waste()
    said.append(
        f"Reads {'both ways' if settings.bidirectional else 'one way'} (--set bidirectional=...), "
        f"{settings.pooling} pooling (--set pooling=last|mean|max|attention); {waste:.0%} of a "
        "batch is padding."
    )
    if settings.epochs == EPOCHS:
        said.append(f"Small data: {EPOCHS} epochs (--seconds, --steps or --epochs).")
    return said


def things_name(preprocessor: ClassifyPreprocessor) -> str:
    return "sequences" if preprocessor.vocabulary is None else "texts"


def steps_name(preprocessor: ClassifyPreprocessor) -> str:
    if preprocessor.vocabulary is None:
        return "rows"
    return {"char": "characters", "word": "words", "bpe": "tokens"}[preprocessor.vocabulary.level]


def balance(labelled: Labelled, preprocessor: ClassifyPreprocessor) -> str:
    """How often the classes come, in a sentence."""
    counts, total = label_counts(labelled, len(preprocessor.classes)), len(labelled)
    named = sorted(zip(counts.tolist(), preprocessor.classes, strict=True), reverse=True)
    if len(named) <= FEW:
        each = ", ".join(f"{name} {n:,} ({n / total:.0%})" for n, name in named)
        said = f"{len(named)} classes: {each}"
    else:
        (most, first), (least, last) = named[0], named[-1]
        said = f"{len(named)} classes, from {first} with {most:,} to {last} with {least:,}"
    if preprocessor.several:
        said += f"; {labelled.targets.sum() / total:.1f} labels each on average"
    if named[0][0] > 4 * max(1, named[-1][0]):
        said += "; --set class_weights=balanced makes rare ones count as much"
    return said + "."


def facts(data: Classified) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    return {
        "records": len(data.train) + len(data.valid),
        "classes": data.preprocessor.classes
        if len(data.preprocessor.classes) <= 100
        else len(data.preprocessor.classes),
        "steps": len(data.train.items) + len(data.valid.items),
    }


def files(data: Classified) -> dict[str, bytes]:
    """What baselines know, and hashes of what was learned from."""
    K = len(data.preprocessor.classes)
    kept = {"share": commonest(data.train, K), "train": np.unique(data.train.marks)}
    if data.preprocessor.vocabulary is not None:
        bayes = best_naive_bayes(data.train, data.valid, data.preprocessor.inputs, K)
        kept |= {"prior": bayes.prior, "words": bayes.words.astype(np.float32)}
    arrays = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in kept.items()}
    return {BASELINE: pack(arrays)}


def load_preprocessor(folder: Path, config: dict[str, Any]) -> ClassifyPreprocessor:
    """The preprocessor of a run folder."""
    return ClassifyPreprocessor.load(folder)


def settled(trained: Trained, data: Classified, watch: Progress) -> list[str]:
    """The temperature of the kept weights is fitted on the held-out part."""
    network: Classifier = trained.model
    network.temperature.fill_(1.0)
    p = probabilities(network, data.valid, trained.device, watch)
    network.temperature.fill_(fit_temperature(p, data.valid.targets))
    return [
        f"Its probabilities are taken at temperature {float(network.temperature):.2f}, fitted on the "
        "held-out part."
    ]


def result(trained: Trained, data: Classified, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part at the end of training."""
    return compared(trained, data.valid, watch)


def evaluate(
    trained: Trained,
    path: str,
    watch: Progress,
    *,
    text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """The figures of other data. text, label: the columns, if they are not the run's."""
    settings: ClassifySettings = trained.settings
    problems = Problems(settings.skip_bad)
    source = other_source(path, settings, labelled=True, text=text, label=label)
    check_same_kind(source, trained.preprocessor)
    refuse = settings.too_long == "refuse"
    labelled = encoded(source.read(problems), trained.preprocessor, problems, refuse=refuse)
    if not len(labelled):
        raise UserError(f"{path} has nothing to evaluate; expected records with labels.")
    return {**compared(trained, labelled, watch), "bad": problems.count}


def compared(trained: Trained, labelled: Labelled, watch: Progress) -> dict[str, Any]:
    """The figures of a model on records beside those of the baselines."""
    preprocessor: ClassifyPreprocessor = trained.preprocessor
    p = probabilities(trained.model, labelled, trained.device, watch)
    figures = judged(p, labelled.targets)
    before = tempered(p, 1 / float(trained.model.temperature), preprocessor.several)
    check_baseline(trained.path, BASELINE)
    known = {name: t.numpy() for name, t in load_file(trained.path / BASELINE).items()}
    share = np.broadcast_to(known["share"], p.shape)
    baselines = {"most frequent class": share}
    if "words" in known:
        bayes = NaiveBayes(known["prior"], known["words"], preprocessor.several)
        baselines["naive Bayes"] = bayes.probabilities(labelled.items, labelled.starts)
    confusion = figures.pop("confusion")
    return {
        **figures,
        "uncalibrated_error": judged(before, labelled.targets)["calibration_error"],
        "temperature": float(trained.model.temperature),
        "unit": things_name(preprocessor),
        "unknown_rate": labelled.unknown / max(1, len(labelled.items)),
        "cut": labelled.cut,
        "in_training": count_shared(known["train"].tolist(), labelled.marks.tolist()),
        "baselines": {
            name: {
                k: v
                for k, v in judged(q, labelled.targets).items()
                if k in ("loss", "accuracy", "macro_f1", "micro_f1")
            }
            for name, q in baselines.items()
        },
        "classes": preprocessor.classes,
        "confusion": confusion,
    }


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """Such figures in words, beside the baselines'."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [f"On {where}, {counted(result['records'], result['unit'].removesuffix('s'))}:"]
    said += [
        f"  {name:{width}}  accuracy {row['accuracy']:6.2%}  macro F1 {row['macro_f1']:.4f}  "
        f"micro F1 {row['micro_f1']:.4f}  loss {row['loss']:.4f} nats"
        for name, row in rows.items()
    ]
    said.append(
        f"Its probabilities are off by {result['calibration_error']:.2%} on average (expected "
        f"calibration error); {result['uncalibrated_error']:.2%} at temperature 1, now "
        f"{result['temperature']:.2f}."
    )
    mistaken = mistakes(result)
    said += [f"Taken most often for another: {mistaken}."] if mistaken else []
    if result["in_training"]:
        stand = counted(result["in_training"], "of them stands", "of them stand")
        said.append(f"{stand} in the training data too.")
    if result["cut"]:
        are = counted(result["cut"], "of them is", "of them are")
        said.append(f"{are} cut to the length that the model reads.")
    if result["unknown_rate"]:
        said.append(f"{result['unknown_rate']:.2%} of the tokens are unknown to the model.")
    if result.get("bad"):
        said.append(f"{counted(result['bad'], 'bad record is', 'bad records are')} left out.")
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


def check(path: str, settings: ClassifySettings, say: Log) -> dict[str, Any]:
    """What `unroll train` would meet: every bad record is counted, none stops it."""
    problems = Problems(skip=True)
    source = source_of(path, settings)
    survey = surveyed(source, problems)
    data = read(path, settings.model_copy(update={"skip_bad": True, "counts": False}), say)
    counts = Counter(label for each in survey.labels for label in each)
    lengths = np.concatenate([data.train.lengths, data.valid.lengths])
    return {
        "guessed": list(source.said),
        "rows": len(survey.labels),
        "labels": dict(counts.most_common()),
        "lengths": {
            "median": float(np.median(lengths)),
            "longest": int(lengths.max()),
            "unit": steps_name(data.preprocessor),
        },
        "unknown_rate": data.valid.unknown / max(1, len(data.valid.items)),
        "duplicates": len(data.train)
        + len(data.valid)
        - len(set(data.train.marks.tolist()) | set(data.valid.marks.tolist())),
        "validation_in_training": count_shared(
            data.train.marks.tolist(), data.valid.marks.tolist()
        ),
        "cut": data.train.cut + data.valid.cut,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }


def questions(trained: Trained, path: str) -> Iterator[Any]:
    """The texts of a file, one a line or of its column; or the sequences of numbers it holds."""
    problems = Problems(trained.settings.skip_bad)
    if (
        trained.preprocessor.scaler is not None
        and trained.settings.id is None
        and Path(path).is_file()
    ):
        values = file_sequence(Path(path), trained.preprocessor.scaler.names, problems)
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
        source = other_source(path, trained.settings, labelled=False)
        check_same_kind(source, trained.preprocessor)
        yield from (record.value for record in source.read(problems))


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The label of each text or sequence, all probabilities, and the words or rows that mattered."""
    asked = iter(questions)
    while some := list(islice(asked, ROWS)):
        yield from answered(
            trained, [as_value(question, trained.preprocessor) for question in some]
        )


def as_value(question: Any, preprocessor: ClassifyPreprocessor) -> Any:
    """A question as the preprocessor reads it; numbers may come as JSON.

    Raises: UserError for what is no text, or no numbers.
    """
    if preprocessor.scaler is None:
        if not isinstance(question, str) or not question.strip():
            raise UserError(f"Got {question!r} to classify; expected a text with words in it.")
        return question
    names = preprocessor.scaler.names
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
    preprocessor: ClassifyPreprocessor = trained.preprocessor
    network: Classifier = trained.model
    network.eval()
    parts = [preprocessor.encode(value)[: preprocessor.longest] for value in values]
    labelled = Labelled(
        np.concatenate(parts),
        np.cumsum([0, *map(len, parts)]),
        np.zeros(len(parts), dtype=np.int64),
        np.zeros(len(parts), dtype=np.int64),
        0,
        0,
        preprocessor.counted,
    )
    batch = batch_of(labelled, list(range(len(parts)))).to(trained.device)
    p, weights = network.mattering(batch.x, batch.lengths, batch.counted)
    for value, part, row, steps in zip(values, parts, p.tolist(), weights.T, strict=True):
        mattered = steps[: len(part)].tolist()
        if preprocessor.counted is not None and network.trust is not None:
            trust = network.trust.detach().cpu().numpy()
            said = np.einsum("o,tok->tk", trust, preprocessor.counted.of_steps(part))
            mattered = (np.array(mattered) + said[:, int(np.argmax(row))]).tolist()
        ranked = sorted(zip(preprocessor.classes, row, strict=True), key=lambda pair: -pair[1])
        answer: dict[str, Any] = {}
        if isinstance(value, str):
            answer["text"] = value
        if preprocessor.several:
            answer["labels"] = [name for name, q in ranked if q >= 0.5]
        else:
            answer["label"], answer["probability"] = ranked[0]
        answer["probabilities"] = dict(ranked)
        if isinstance(value, str):
            tokens = preprocessor.tokens(value)[: len(part)]
            words = as_words(tokens, mattered, whole=steps_name(preprocessor) == "words")
            answer["words"] = strongest(words)
        else:
            answer["rows"] = strongest(list(enumerate(mattered, 1)))
        if len(part) == preprocessor.longest:
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
    lines = [
        f"  unroll predict {run} NEW.csv --out answers.jsonl",
        f"  unroll eval {run} FILE --json",
    ]
    return (
        lines
        if trained.preprocessor.scaler is not None
        else [f'  unroll predict {run} --input "..."', *lines]
    )


class ClassifyTask(
    Task[
        ClassifySettings,
        Classified,
        ClassifyPreprocessor,
        Classifier,
        dict[str, Any],
        dict[str, Any],
    ]
):
    """The task, as the rest of the program calls it."""

    name = "classify"
    changeable = IN_USE

    def resolve_sizes(self, settings: ClassifySettings, make_cell: MakeCell) -> ClassifySettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: ClassifySettings,
        log: Log,
        preprocessor: ClassifyPreprocessor | None = None,
    ) -> Classified:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: ClassifySettings, data: Classified) -> ClassifySettings:
        return resolve(settings, data)

    def build_network(
        self, settings: ClassifySettings, preprocessor: ClassifyPreprocessor, make_cell: MakeCell
    ) -> Classifier:
        return model(settings, preprocessor, make_cell)

    def objective(
        self,
        network: Classifier,
        data: Classified,
        settings: ClassifySettings,
        device: torch.device,
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: Classified, settings: ClassifySettings, network: Classifier
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: Classified) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: Classified) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> ClassifyPreprocessor:
        return load_preprocessor(folder, dict(config))

    def calibrate(
        self,
        trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier],
        data: Classified,
        progress: Progress,
    ) -> list[str] | None:
        return settled(trained, data, progress)

    def validate(
        self,
        trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier],
        data: Classified,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: ClassifySettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(
        self, run: str, trained: Trained[ClassifySettings, ClassifyPreprocessor, Classifier]
    ) -> list[str]:
        return use_lines(run, trained)
