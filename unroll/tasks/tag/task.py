"""Taggers: a label for each word of a sentence: named entities, parts of speech.

many to many: every word gets one label, in the light of all words around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unroll.cells import Cell
from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.problems import Problems
from unroll.data.split import evenly_spread
from unroll.data.text import lines
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.tag.conll import (
    PLAIN,
    Columns,
    Sentence,
    checked,
    conll_file,
    find_columns,
    read_sentences,
    with_tags,
)
from unroll.tasks.tag.network import LETTER_SIZE, OUTSIDE, Tagger
from unroll.tasks.tag.preprocessor import (
    FILE,
    EncodedSentences,
    TaggedBatch,
    TaggedBatches,
    TagPreprocessor,
)
from unroll.tasks.tag.reader import (
    TagCorpus,
    read_corpus,
    read_tagged,
    unknown_rate,
    with_known_tags,
)
from unroll.tasks.tag.schemes import allowed, spans
from unroll.tasks.tag.sentence_words import sentence_words
from unroll.tasks.tag.settings import SUFFIXES, TagSettings, in_columns
from unroll.tasks.tag.span_metrics import SpanScores
from unroll.tasks.tag.word_vectors import vector_size
from unroll.training.budget import small_epochs
from unroll.training.objective import Objective, Work

NAME = "tag"
IN_USE = ("word", "tag", "skip_bad")
WATCHED = 2000  # sentences that an evaluation during training reads at most
EVALUATION_BATCH = 64
PREDICTED_TOGETHER = 256  # questions that are sorted by length and answered together
LOOK = 200  # lines of a file of questions that a guess looks at

# chosen on the dev parts of ud_english_ewt and wnut17_ner, by short runs
DEFAULTS: dict[str, Any] = {
    "hidden": 200,
    "embedding": 100,
    "characters": 50,
    "batch_size": 32,
    "dropout": 0.4,
    "dropout_input": 0.3,
    "word_dropout": 0.5,
    "recall": 0.0,
    "learning_rate": 3e-3,
}
# of spans, which are few, and new ones in each text
SPANS = {"dropout": 0.5, "dropout_input": 0.5, "recall": 3.0, "average": 0.995}
LESS = tuple(k / 4 for k in range(9))  # nats that are tried
EPOCHS, SMALL = 12, 4_000_000  # words read in a run that is given no budget


def resolve_sizes(settings: TagSettings, make: MakeCell) -> TagSettings:
    """The sizes that were left open; vectors give theirs. One cell of each size is tried.

    Raises: UserError where settings do not fit together, or the cell cannot be of such a size.
    """
    sizes = {name: DEFAULTS[name] for name in ("hidden", "embedding", "characters")}
    if settings.vectors is not None:
        sizes["embedding"] = vector_size(settings.vectors)
        if settings.embedding not in (None, sizes["embedding"]):
            raise UserError(
                f"--set embedding={settings.embedding} does not fit {settings.vectors}, whose words "
                f"have {sizes['embedding']} numbers. Leave it out."
            )
    settings = filled(settings, sizes)
    hidden = settings.hidden or 1
    tried: list[Cell] = [make(LETTER_SIZE, settings.characters)] if settings.characters else []
    width = settings.embedding or 1
    for _ in range(settings.layers):
        tried.append(make(width, hidden))
        width = 2 * tried[-1].output_size
    for cell in tried:
        initialise(cell, settings.initialisation)
    return settings


def filled(settings: TagSettings, values: dict[str, Any]) -> TagSettings:
    """The settings with these values where none was given."""
    left_open = {name: value for name, value in values.items() if getattr(settings, name) is None}
    return settings.model_copy(update=left_open)


def read(path: str, settings: TagSettings, say: Log, preprocessor: Any = None) -> TagCorpus:
    """The sentences to learn from and the held-out ones. preprocessor: of a run that is resumed."""
    if preprocessor is not None:  # the weights of its words are in its checkpoint
        settings = settings.model_copy(update={"vectors": None})
    return read_corpus(path, settings, say, preprocessor)


def resolve(settings: TagSettings, data: TagCorpus) -> TagSettings:
    """Every other setting that was left open, the columns among them."""
    columns = data.columns
    tag = str((columns.tag or 0) + 1)
    if columns.universal:
        tag = {"4": "upos", "5": "xpos"}.get(tag, tag)
    return filled(
        settings,
        {
            **DEFAULTS,
            **(SPANS if data.preprocessor.scheme is not None else {}),
            "epochs": small_epochs(settings, EPOCHS, data.words, SMALL),
            "word": columns.word + 1,
            "tag": tag,
            "min_count": data.preprocessor.min_count,
            "output": "softmax" if data.preprocessor.scheme is None else "crf",
        },
    )


def model(settings: TagSettings, preprocessor: TagPreprocessor, make: MakeCell) -> Tagger:
    """The network, on the CPU, freshly initialised. make: its cell."""
    crf = settings.output == "crf"
    may = tuple(torch.from_numpy(x) for x in allowed(preprocessor.labels, preprocessor.scheme))
    return Tagger(
        preprocessor.counts,
        letters=len(preprocessor.alphabet),
        labels=len(preprocessor.labels),
        embedding_size=settings.embedding or 1,
        character_size=settings.characters or 0,
        hidden_size=settings.hidden or 1,
        num_layers=settings.layers,
        cell=make,
        crf=crf,
        allowed=(may[0], may[1], may[2]) if crf else None,
        word_dropout=settings.word_dropout or 0.0,
        recall=(settings.recall or 0.0) if preprocessor.scheme is not None else 0.0,
        dropout=settings.dropout or 0.0,
        dropout_input=settings.dropout_input or 0.0,
        initialisation=settings.initialisation,
    )


def work(model: Tagger, data: TagCorpus, settings: TagSettings, device: torch.device) -> Work:
    """What the training loop calls; 1 - F1 of spans, or 1 - accuracy, decides which weights stay."""
    batches = TaggedBatches(data.encoded_train, settings.batch_size or 1, settings.seed)
    watched = data.encoded_valid
    if len(watched) > WATCHED:
        some = [data.valid[k] for k in evenly_spread(len(watched), WATCHED)]
        watched = EncodedSentences(some, data.preprocessor)
    if data.vectors is not None:
        model.take_vectors({k: torch.from_numpy(v) for k, v in data.vectors.items()})

    def loss(batch: TaggedBatch, state: Any) -> tuple[Tensor, None]:
        return model.loss(model(batch), batch), None

    def evaluated() -> dict[str, float]:
        found = figures(model, data.preprocessor, watched, device)
        shown: dict[str, float] = {
            name: found[name] for name in ("loss", "accuracy", "f1") if name in found
        }
        good = shown.get("f1", shown["accuracy"])
        # while nothing is right, the loss says which weights are better
        return {**shown, "error": 1 - good if good else 1 + shown["loss"]}

    return Work(
        model=model,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=loss,
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or DEFAULTS["learning_rate"],
        unit="words",
        device=device,
        decides="error",
    )


@torch.no_grad()
def scored(
    model: Tagger, encoded: EncodedSentences, device: torch.device, watch: Progress | None = None
) -> Iterator[tuple[list[int], TaggedBatch, Tensor]]:
    """Every sentence in batches, longest first: their numbers, the batch, and its scores."""
    model.eval()
    done = 0
    for rows in longest_first(encoded.lengths, EVALUATION_BATCH):
        batch = encoded.batch(rows).to(device)
        yield rows, batch, model(batch)
        done += batch.tokens
        if watch is not None:
            watch(done / max(1, encoded.tokens))


def figures(
    model: Tagger,
    preprocessor: TagPreprocessor,
    encoded: EncodedSentences,
    device: torch.device,
    watch: Progress | None = None,
) -> dict[str, Any]:
    """How well sentences with tags are tagged; see `Scores`. loss: nats a word."""
    found, nats = Scores(preprocessor), 0.0
    for rows, batch, scores in scored(model, encoded, device, watch):
        nats += float(model.loss(scores, batch).detach())
        for row, labels in zip(rows, model.best(scores, batch).T.tolist(), strict=True):
            sentence = encoded.sentences[row]
            found.add(sentence, preprocessor.tags(labels[: len(sentence.words)]))
    return {"loss": nats / max(1, found.words), **found.figures()}


class Scores:
    """Right words, right unknown words, and spans as conlleval counts them."""

    def __init__(self, preprocessor: TagPreprocessor) -> None:
        self.preprocessor = preprocessor
        self.words = self.right = self.unknown = self.unknown_right = self.sentences = 0
        self.spans = SpanScores()

    def add(self, sentence: Sentence, predicted: Sequence[str]) -> None:
        """Count one sentence. predicted: its tags, in the file's scheme."""
        gold = sentence.tags or ()
        self.sentences += 1
        for word, tag, own in zip(sentence.words, gold, predicted, strict=True):
            right, unknown = tag == own, word not in self.preprocessor.forms
            self.words += 1
            self.right += right
            self.unknown += unknown
            self.unknown_right += right and unknown
        if self.preprocessor.scheme is not None:
            self.spans.add(spans(gold), spans(predicted))

    def figures(self) -> dict[str, Any]:
        """accuracy, of unknown words too (those that training never saw); of spans precision,
        recall and f1, in all and per type.
        """
        found: dict[str, Any] = {
            "accuracy": self.right / max(1, self.words),
            "unknown_accuracy": self.unknown_right / max(1, self.unknown),
            "unknown_rate": self.unknown / max(1, self.words),
            "words": self.words,
            "sentences": self.sentences,
        }
        if self.preprocessor.scheme is None:
            return found
        return {**found, **self.spans.figures(), "types": self.spans.per_type()}


def baseline(
    preprocessor: TagPreprocessor, sentences: Iterable[Sentence]
) -> dict[str, dict[str, Any]]:
    """The same figures if each word gets its most frequent tag."""
    scores = Scores(preprocessor)
    for sentence in sentences:
        scores.add(sentence, preprocessor.baseline(sentence.words))
    return {"most frequent tag": scores.figures()}


def header(data: TagCorpus, settings: TagSettings, model: Any) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    preprocessor, found = data.preprocessor, data.found
    said = [
        f"{data.name}: {data.columns.told()} (--set word=N, --set tag=N).",
        f"{counted(len(data.train), 'sentence')} of {counted(data.words, 'word')} to learn from; held "
        f"out: {counted(len(data.valid), 'sentence')}, {data.validation_set} (--valid FILE).",
    ]
    if found.scheme is None:
        said.append(f"{len(preprocessor.labels)} tags, which are no spans.")
    else:
        text = f"Spans in {found.scheme}, {len(found.types)} types: {', '.join(found.types)}."
        if preprocessor.scheme != found.scheme:
            text += f" They are learned in {preprocessor.scheme} (--set scheme=...)."
        said.append(text)
        if found.irregular:
            said.append(
                f"{found.irregular:,} tags break {found.scheme}; they are read as conlleval reads "
                "them."
            )
    if data.pieces:
        said.append(
            f"{data.pieces:,} sentences of more than {settings.longest} words are learned in pieces "
            "(--set longest=none, --set long=refuse)."
        )
    if data.duplicates:
        said.append(
            f"{data.duplicates:,} of the held-out sentences "
            f"{'stands' if data.duplicates == 1 else 'stand'} in the training part too."
        )
    waste = TaggedBatches(data.encoded_train, settings.batch_size or 1, settings.seed)
    said.append(
        f"{len(preprocessor.words):,} words with a vector, {len(preprocessor.alphabet):,} letters; "
        f"{data.unknown_rate:.1%} of the held-out words are unknown; {waste.bucketed.waste():.1%} "
        "of a batch is padding."
    )
    joint = "their likeliest sequence (CRF)" if settings.output == "crf" else "each alone (softmax)"
    said.append(f"Labels are chosen by {joint} (--set output=...).")
    if settings.epochs == EPOCHS:
        said.append(f"Small data: {EPOCHS} epochs (--seconds, --steps or --epochs).")
    return said


def facts(data: TagCorpus) -> dict[str, Any]:
    """Of the data, for the run's config and its model card."""
    return {
        "sentences": len(data.train),
        "words": data.words,
        "columns": data.columns.told(),
        "scheme": data.found.scheme,
        "tags": len(data.preprocessor.labels),
        "validation_set": data.validation_set,
        "duplicates": data.duplicates,
    }


def files(data: TagCorpus) -> dict[str, bytes]:
    """The baseline is in the preprocessor."""
    return {}


def load_preprocessor(folder: Path, config: dict[str, Any]) -> TagPreprocessor:
    """The preprocessor of a run folder."""
    path = folder / FILE
    if not path.exists():
        raise UserError(f"{folder} holds no {FILE}; expected a whole run of the task {NAME}.")
    return TagPreprocessor.from_json(path.read_text(encoding="utf-8", errors="surrogatepass"))


def settled(trained: Trained, data: TagCorpus, watch: Progress) -> list[str]:
    """How readily spans are said is fitted on the held-out part: what is outside gives up so much of
    its score as makes F1 the highest there."""
    if data.preprocessor.scheme is None:
        return []
    network: Tagger = trained.model
    own = float(network.output.bias.detach()[OUTSIDE])
    found = []
    for k, less in enumerate(LESS):
        with torch.no_grad():
            network.output.bias[OUTSIDE] = own - less
        figure = figures(network, data.preprocessor, data.encoded_valid, trained.device)["f1"]
        found.append((figure, -less))
        watch((k + 1) / len(LESS))
    best, less = max(found)
    with torch.no_grad():
        network.output.bias[OUTSIDE] = own + less
    return [
        f"Outside of spans is worth {-less:g} nats less than learned: F1 {100 * found[0][0]:.2f} -> "
        f"{100 * best:.2f} on the held-out part."
    ]


def result(trained: Trained, data: TagCorpus, watch: Progress) -> dict[str, Any]:
    """The figures of the held-out part at the end of training, beside the baseline's."""
    found = figures(trained.model, trained.preprocessor, data.encoded_valid, trained.device, watch)
    return {**found, "baselines": baseline(trained.preprocessor, data.valid)}


def evaluate(trained: Trained, path: str, watch: Progress, **columns: Any) -> dict[str, Any]:
    """The figures of another file, beside the baseline's.

    columns: word, tag and skip_bad, where they differ from the run's.
    """
    preprocessor: TagPreprocessor = trained.preprocessor
    settings = columns_of(trained, path, columns)
    problems = Problems(settings.skip_bad)
    sentences, _ = read_tagged(path, settings, problems)
    sentences = list(with_known_tags(sentences, path, preprocessor, problems))
    if not sentences:
        raise UserError(
            f"{path} holds no sentence that can be used. {' '.join(problems.messages())}"
        )
    encoded = EncodedSentences(sentences, preprocessor)
    found = figures(trained.model, preprocessor, encoded, trained.device, watch)
    if problems.count:
        found["left_out"] = problems.count
    return {**found, "baselines": baseline(preprocessor, sentences)}


def columns_of(trained: Trained, path: str, given: dict[str, Any]) -> TagSettings:
    """The run's settings with the columns that a file has: those given, else as in training where
    the file is of the same kind, else guessed.
    """
    settings: TagSettings = trained.settings
    given = {key: value for key, value in given.items() if value is not None}
    guessed = find_columns(conll_file(path), path)
    if guessed.universal != trained.preprocessor.universal:
        settings = settings.model_copy(update={"word": None, "tag": None})
    return TagSettings(**{**settings.model_dump(), **given})


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures in words, beside the baseline's."""
    usual = result["baselines"]["most frequent tag"]
    said = [
        f"{where}: {result['accuracy']:.2%} of {counted(result['words'], 'word')} right (each word's "
        f"most frequent tag: {usual['accuracy']:.2%}); of the {result['unknown_rate']:.1%} that "
        f"training never saw, {result['unknown_accuracy']:.1%} ({usual['unknown_accuracy']:.1%})."
    ]
    if bad := result.get("left_out"):
        said.append(f"{counted(bad, 'bad sentence is', 'bad sentences are')} left out.")
    if "f1" not in result:
        return said
    said.append(
        f"Spans, as conlleval counts them: precision {result['precision']:.2%}, recall "
        f"{result['recall']:.2%}, F1 {100 * result['f1']:.2f} (most frequent tag: "
        f"{100 * usual['f1']:.2f}); {result['spans']:,} spans, {result['predicted']:,} predicted, "
        f"{result['right']:,} right."
    )
    width = max((len(kind) for kind in result["types"]), default=0)
    said += [
        f"  {kind:<{width}}  precision {of['precision']:7.2%}  recall {of['recall']:7.2%}  "
        f"F1 {100 * of['f1']:6.2f}  {of['spans']:,} spans"
        for kind, of in result["types"].items()
    ]
    return said


def check(path: str, settings: TagSettings, say: Log) -> dict[str, Any]:
    """What training would find in a file, every bad sentence counted."""
    whole = {"skip_bad": True, "long": "cut", "longest": None, "vectors": None}
    problems: list[str] = []
    data = read_corpus(path, settings.model_copy(update=whole), problems.append)
    preprocessor = data.preprocessor
    lengths = sorted(len(s.words) for s in (*data.train, *data.valid))
    counts: dict[str, int] = {}
    for sentence in (*data.train, *data.valid):
        tags = sentence.tags or ()
        names = [s.type for s in spans(tags)] if preprocessor.scheme else tags
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return {
        "columns": data.columns.told(),
        "sentences": len(lengths),
        "words": sum(lengths),
        "longest": lengths[-1],
        "median": lengths[len(lengths) // 2],
        "scheme": data.found.scheme,
        "irregular": data.found.irregular,
        "labels": dict(sorted(counts.items(), key=lambda item: -item[1])),
        "unknown_rate": unknown_rate(data.valid, preprocessor),
        "validation_set": data.validation_set,
        "duplicates": data.duplicates,
        "longer_than_allowed": sum(length > (settings.longest or length) for length in lengths),
        "problems": problems,
    }


@dataclass(frozen=True)
class Question:
    """A sentence to be tagged, and the columns of the file where it stands."""

    sentence: Sentence
    columns: Columns = PLAIN


class Answer(dict[str, Any]):
    """An answer as JSON can hold it, and the question, so that it can be written as a file has it."""

    question: Question


def questions(trained: Trained, path: str) -> Iterator[Question]:
    """The sentences of a file: in columns, as training had them, or a text with one a line."""
    file = conll_file(path)
    head = list(islice(lines(file, path), LOOK))
    named = Path(path).name.removesuffix(".gz").endswith(SUFFIXES)
    if not named and prose(head):
        for number, line in enumerate(lines(file, path), 1):
            words = sentence_words(line, trained.preprocessor.forms)
            if words:
                yield Question(Sentence(tuple(words), first=number))
        return
    settings: TagSettings = trained.settings
    columns = find_columns(file, path)
    if columns.universal and trained.preprocessor.universal:
        columns = find_columns(file, path, settings.word, settings.tag)
    elif (
        columns.universal == trained.preprocessor.universal
    ):  # its tags, if it has some, are not read
        columns = replace(columns, word=checked((settings.word or 1), columns.width, "word", path))
    # a question left out would be missed among the answers
    problems = Problems(may_skip=False)
    for sentence in read_sentences(file, path, columns, problems, tags=False, keep=True):
        yield Question(sentence, columns)


def prose(head: Sequence[str]) -> bool:
    """Whether lines are sentences as people write them, and no columns."""
    rows = [line for line in head if line.strip()]
    one_word_a_line = all(len(line.split()) == 1 for line in rows)
    return bool(rows) and not one_word_a_line and not in_columns([*head, ""])


def answers(trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The tags of each question: a text, which is cut into words, or a sentence of a file."""
    waiting = iter(questions)
    while some := list(islice(waiting, PREDICTED_TOGETHER)):
        asked = [as_question(one, trained.preprocessor) for one in some]
        encoded = EncodedSentences([q.sentence for q in asked], trained.preprocessor, labels=False)
        found: dict[int, Answer] = {}
        for rows, batch, scores in scored(trained.model, encoded, trained.device):
            best = trained.model.best(scores, batch)
            chances = trained.model.probabilities(scores, batch)
            chances = chances.gather(2, best.unsqueeze(2)).squeeze(2)
            for row, labels, shares in zip(rows, best.T.tolist(), chances.T.tolist(), strict=True):
                found[row] = answer(asked[row], labels, shares, trained.preprocessor)
        for row in range(len(asked)):
            yield found[row]


def as_question(asked: Any, preprocessor: TagPreprocessor) -> Question:
    if isinstance(asked, Question):
        return asked
    words = sentence_words(str(asked), preprocessor.forms)
    if not words:
        raise UserError(f"--input got {asked!r}, which holds no word; expected a sentence.")
    return Question(Sentence(tuple(words)))


def answer(
    question: Question,
    labels: Sequence[int],
    shares: Sequence[float],
    preprocessor: TagPreprocessor,
) -> Answer:
    """labels, shares: the label of each word and its probability, and what is padding."""
    words = question.sentence.words
    tags = preprocessor.tags(labels[: len(words)])
    chances = [round(share, 6) for share in shares[: len(words)]]
    found = Answer(words=list(words), tags=tags, probabilities=chances)
    if preprocessor.scheme is not None:
        found["spans"] = [
            {
                "type": s.type,
                "text": " ".join(words[s.start : s.end]),
                "start": s.start,
                "end": s.end,
            }
            for s in spans(tags)
        ]
    found.question = question
    return found


def written(answer: dict[str, Any]) -> str:
    """The lines of a sentence with its tags, as `with_tags` has them."""
    question = getattr(answer, "question", None) or Question(Sentence(tuple(answer["words"])))
    return "\n".join(with_tags(question.sentence, answer["tags"], question.columns))


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    suffix = "conllu" if trained.preprocessor.universal else "conll"
    return [
        f'  unroll predict {run} --input "..."',
        f"  unroll predict {run} new.{suffix} --out tagged.{suffix}",
        f"  unroll eval {run} test.{suffix} --json",
    ]


class TagTask(
    Task[TagSettings, TagCorpus, TagPreprocessor, Tagger, dict[str, Any], dict[str, Any]]
):
    """The task, as the rest of the program calls it."""

    name = "tag"
    changeable = IN_USE

    def resolve_sizes(self, settings: TagSettings, make_cell: MakeCell) -> TagSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: TagSettings,
        log: Log,
        preprocessor: TagPreprocessor | None = None,
    ) -> TagCorpus:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: TagSettings, data: TagCorpus) -> TagSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: TagSettings, preprocessor: TagPreprocessor, make_cell: MakeCell
    ) -> Tagger:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: Tagger, data: TagCorpus, settings: TagSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(self, data: TagCorpus, settings: TagSettings, network: Tagger) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: TagCorpus) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: TagCorpus) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> TagPreprocessor:
        return load_preprocessor(folder, dict(config))

    def calibrate(
        self,
        trained: Trained[TagSettings, TagPreprocessor, Tagger],
        data: TagCorpus,
        progress: Progress,
    ) -> list[str] | None:
        return settled(trained, data, progress)

    def validate(
        self,
        trained: Trained[TagSettings, TagPreprocessor, Tagger],
        data: TagCorpus,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[TagSettings, TagPreprocessor, Tagger],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: TagSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self, trained: Trained[TagSettings, TagPreprocessor, Tagger], inputs: Iterable[object]
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[TagSettings, TagPreprocessor, Tagger], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def usage(self, run: str, trained: Trained[TagSettings, TagPreprocessor, Tagger]) -> list[str]:
        return use_lines(run, trained)
