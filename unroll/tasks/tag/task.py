"""Tag: a label for each word of a sentence, in the light of all words around it.

Many to many: named entities, parts of speech, chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

import torch

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked
from unroll.errors import UserError
from unroll.models.initialisation import initialise
from unroll.settings import settings_from
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.tasks.sizes import stack_output_size
from unroll.tasks.tag.calibration import calibrate_alone, calibrate_combination
from unroll.tasks.tag.combination import kept_mixtures
from unroll.tasks.tag.conll import conll_file
from unroll.tasks.tag.description import check_data, describe_data
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.floor_fitting import fit_tag_floor
from unroll.tasks.tag.floor_refitting import refit_tag_floor
from unroll.tasks.tag.forms import groups_of, inherited_form
from unroll.tasks.tag.kept_vectors import PACKAGES
from unroll.tasks.tag.metrics import (
    TagMetrics,
    TrainedTagger,
    affordable,
    compare_with_baseline,
    format_accuracies,
    format_spans,
    summarise_metrics,
)
from unroll.tasks.tag.network import LETTER_SIZE, Tagger
from unroll.tasks.tag.objective import TagObjective
from unroll.tasks.tag.pictures import tagged_sentences
from unroll.tasks.tag.predictions import (
    TagPrediction,
    check_input,
    format_prediction,
    predict_together,
    read_input_file,
)
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.reader import TagData, read_data, read_tagged
from unroll.tasks.tag.schemes import allowed_transitions
from unroll.tasks.tag.settings import (
    DEFAULTS,
    SMALL_EPOCHS,
    SMALL_WORDS,
    SPAN_DEFAULTS,
    TagSettings,
)
from unroll.tasks.tag.word_vectors import vector_size
from unroll.training.budget import small_epochs

PREDICTED_TOGETHER = 256  # inputs that are sorted by length
FIRST_SECONDS = 10.0  # of a budget, half of which the simple model may take
FLOOR_PART = 1 / 8  # of a longer budget


class TagTask(Task[TagSettings, TagData, TagPreprocessor, Tagger, TagMetrics, TagPrediction]):
    """A label for each word of a sentence."""

    name = "tag"
    input_columns = ("word", "tokens", "words", "text", "sentence")
    changeable = ("word", "tag", "skip_bad")
    column_settings = ("word", "tag")
    has_groups = True

    # before and during training

    def resolve_sizes(self, settings: TagSettings, make_cell: MakeCell) -> TagSettings:
        """Choose the sizes that were left open, and make a cell of each; vectors give their own.

        Raises:
            UserError: where `embedding` does not fit the vectors, or the cell cannot be made.
        """
        sizes = {name: DEFAULTS[name] for name in ("hidden", "embedding", "characters")}
        if settings.vectors is not None and settings.vectors not in PACKAGES:
            sizes["embedding"] = vector_size(settings.vectors)
            if settings.embedding not in (None, sizes["embedding"]):
                raise UserError(
                    f"--set embedding={settings.embedding} does not fit {settings.vectors}, whose "
                    f"vectors have {sizes['embedding']} numbers. Leave it out."
                )
        settings = fill_in(settings, sizes)
        if settings.characters:
            initialise(make_cell(LETTER_SIZE, settings.characters), settings.initialisation)
        stack_output_size(
            make_cell, settings.embedding or 1, settings.hidden or 1, settings, directions=2
        )
        return settings

    def read(
        self,
        path: str,
        settings: TagSettings,
        log: Log,
        preprocessor: TagPreprocessor | None = None,
    ) -> TagData:
        """Read a file of words with tags in columns."""
        if preprocessor is not None:  # the checkpoint has the weights of the words
            settings = settings.model_copy(update={"vectors": None, "raw": None})
        return read_data(path, settings, log, preprocessor)

    def fit_floor(self, data: TagData, settings: TagSettings, log: Log) -> TagData:
        """Fit a linear-chain CRF on words, their ends, their shapes and neighbours."""
        began = monotonic()
        floor = fit_tag_floor(
            data.train, data.valid, data.preprocessor, seconds=floor_seconds(settings)
        )
        kind = "Linear model" if floor.chain is None else "Linear CRF"
        log(
            f"{kind} on words, ends, shapes and neighbours: {counted(len(floor.keys), 'feature')}, "
            f"penalty {floor.record.penalty:g}, fitted in {monotonic() - began:.1f} s (--set floor=none)."
        )
        return replace(data, preprocessor=replace(data.preprocessor, floor=floor))

    def refit_floor(
        self, trained: TrainedTagger, data: TagData, progress: Progress
    ) -> TagPreprocessor | None:
        """Fit the simple model to the training set and the validation set.

        Where the latter teaches it much, it counts more than before: how much is fitted to the scores
        of two models that have each learned from one half of it.
        """
        floor = data.preprocessor.floor
        if floor is None:
            return None
        preprocessor, seconds = data.preprocessor, refit_seconds(trained)
        found = refit_tag_floor(
            floor,
            data.train,
            data.valid,
            preprocessor,
            lambda share: progress(0.8 * share),
            seconds=seconds,
        )
        if found.crossed:
            calibrate_combination(
                replace(trained, seconds=seconds),
                preprocessor,
                found.floor,
                data.valid,
                lambda share: progress(0.8 + 0.2 * share),
                found.unseen_scores,
            )
        progress(1.0)
        return replace(preprocessor, floor=found.floor)

    def resolve(self, settings: TagSettings, data: TagData) -> TagSettings:
        """Choose every other setting that was left open, the columns among them."""
        columns, are_spans = data.columns, data.preprocessor.scheme is not None
        word, tag = columns.settings()
        return fill_in(
            settings,
            {
                **DEFAULTS,
                **(SPAN_DEFAULTS if are_spans else {}),
                "epochs": small_epochs(settings, SMALL_EPOCHS, data.words, SMALL_WORDS),
                "word": word,
                "tag": tag,
                "min_count": data.preprocessor.min_count,
                "output": "crf" if are_spans else "softmax",
            },
        )

    def build_network(
        self, settings: TagSettings, preprocessor: TagPreprocessor, make_cell: MakeCell
    ) -> Tagger:
        """Vectors of words, letters and shapes, recurrent layers, and a CRF or a softmax."""
        labels, scheme = preprocessor.labels, preprocessor.scheme
        allowed = None
        if settings.output == "crf":
            begin, pairs, end = allowed_transitions(labels, scheme)
            allowed = (torch.from_numpy(begin), torch.from_numpy(pairs), torch.from_numpy(end))
        return Tagger(
            preprocessor.counts,
            letters=len(preprocessor.alphabet),
            labels=len(labels),
            embedding_size=settings.embedding or 1,
            vector_size=0 if preprocessor.vectors is None else preprocessor.vectors.size,
            raw_size=0 if preprocessor.raw is None else preprocessor.raw.size,
            character_size=settings.characters or 0,
            hidden_size=settings.hidden or 1,
            num_layers=settings.layers,
            bidirectional=settings.bidirectional,
            cell=make_cell,
            crf=settings.output == "crf",
            allowed=allowed,
            word_dropout=settings.word_dropout or 0.0,
            recall=(settings.recall or 0.0) if scheme is not None else 0.0,
            combined=preprocessor.floor is not None,
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            initialisation=settings.initialisation,
        )

    def objective(
        self, network: Tagger, data: TagData, settings: TagSettings, device: torch.device
    ) -> TagObjective:
        """The negative log-probability of the tags of the training set."""
        return TagObjective(network, data, settings, device)

    def describe(self, data: TagData, settings: TagSettings, network: Tagger) -> list[str]:
        """What was read and guessed, each choice with the flag that changes it."""
        return describe_data(data, settings)

    def metadata(self, data: TagData) -> dict[str, object]:
        """How many sentences, words and tags there are, and what the tags are."""
        return {
            "sentences": len(data.train),
            "words": data.words,
            "columns": data.columns.description(),
            "scheme": data.scheme.name,
            "tags": len(data.preprocessor.labels),
            "validation_set": data.validation_set,
            "duplicates": data.duplicates,
        }

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> TagPreprocessor:
        """The preprocessor that a run folder holds, the baseline within it."""
        return TagPreprocessor.load(folder)

    def calibrate(self, trained: TrainedTagger, data: TagData, progress: Progress) -> list[str]:
        """Fit how much network and simple model count, and the score of words outside spans."""
        preprocessor, floor = data.preprocessor, data.preprocessor.floor
        if floor is None:
            return calibrate_alone(trained, preprocessor, data.valid, progress)
        return calibrate_combination(trained, preprocessor, floor, data.valid, progress)

    # metrics

    def validate(self, trained: TrainedTagger, data: TagData, progress: Progress) -> TagMetrics:
        """Metrics of the validation set, beside those of the simple model or the baseline."""
        trained = replace(trained, preprocessor=data.preprocessor)
        chosen = affordable(trained, data.valid)
        if len(chosen) == len(data.valid):
            return compare_with_baseline(trained, data.encoded_valid, progress)
        encoded = EncodedSentences(chosen, data.preprocessor)
        return {
            **compare_with_baseline(trained, encoded, progress),
            "sampled_from": len(data.valid),
        }

    def evaluate(
        self,
        trained: TrainedTagger,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> TagMetrics:
        """Metrics of further sentences with tags, beside those of the baseline.

        Raises:
            UserError: where no sentence with tags can be used.
        """
        self.check_columns(columns)
        preprocessor, settings = trained.preprocessor, trained.settings
        problems = Problems(settings.skip_bad)
        form = inherited_form(
            conll_file(path),
            path,
            None if "word" in columns else settings.word,
            None if "tag" in columns else settings.tag,
            universal=preprocessor.universal,
            named=trained.named,
        )
        own = dict(zip(("word", "tag"), form.settings(), strict=True))
        own |= {name: column for name, column in columns.items() if name != "by"}
        settings = settings_from(TagSettings, {**settings.model_dump(), **own})
        tagged, form = read_tagged(path, settings, problems)

        def measure(rows: Iterable[int]) -> TagMetrics:
            some = EncodedSentences([tagged[row] for row in rows], preprocessor)
            return compare_with_baseline(trained, some, progress)

        metrics = measure(range(len(tagged)))
        if "by" in columns:
            groups = groups_of(conll_file(path), path, form, tagged, columns["by"])
            metrics["groups"] = measure_groups(groups, measure)
        return {**metrics, "skipped": problems.count}

    def summarise(self, metrics: TagMetrics, where: str) -> list[str]:
        """The metrics as tables beside the baseline, for spans also by type."""
        return summarise_metrics(metrics, where)

    def format_metrics(self, metrics: TagMetrics) -> str:
        """The metrics of a group in one line: of spans, where tags are some."""
        scores = format_spans(metrics) if "f1" in metrics else format_accuracies(metrics)
        return f"{scores}  {counted(metrics['sentences'], 'sentence')}"

    def check(self, path: str, settings: TagSettings, log: Log) -> dict[str, object]:
        """Sentences, words, tags, unknown words, duplicates and bad sentences."""
        return check_data(path, settings)

    # predictions

    def predict(self, trained: TrainedTagger, inputs: Iterable[object]) -> Iterator[TagPrediction]:
        """The tags of each sentence."""
        check = partial(check_input, preprocessor=trained.preprocessor)
        waiting = checked(inputs, check, trained.settings.skip_bad)
        while some := list(islice(waiting, PREDICTED_TOGETHER)):
            sentences = [each for each in some if not isinstance(each, SkippedRecord)]
            predictions = iter(predict_together(trained, sentences) if sentences else ())
            for each in some:
                is_skipped = isinstance(each, SkippedRecord)
                yield TagPrediction.skipped(str(each)) if is_skipped else next(predictions)

    def read_inputs(self, trained: TrainedTagger, path: str) -> Iterator[object]:
        """The sentences of a file in columns, or of a text with one sentence per line."""
        return read_input_file(trained, path)

    def format_prediction(self, prediction: TagPrediction) -> str:
        """The sentence with its tags in columns, as the file of the input has them."""
        return format_prediction(prediction)

    def network_part(self, trained: TrainedTagger) -> str:
        """How much the network counts in what is predicted."""
        if trained.preprocessor.floor is None:
            return ""
        mixture = kept_mixtures(trained.model)["combined"]
        return (
            f"its scores count {mixture.network:.2f}, those of the linear model {mixture.floor:.2f}"
        )

    def pictures(
        self, trained: TrainedTagger, data: TagData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """The sentences of the validation set with their true and their predicted tags."""
        return tagged_sentences(trained, data, progress)

    def usage(self, run: str, trained: TrainedTagger) -> list[str]:
        """Commands that predict and evaluate."""
        suffix = "conllu" if trained.preprocessor.universal else "conll"
        return [
            f'  unroll predict {run} --input "..."',
            f"  unroll predict {run} new.{suffix} --out tagged.{suffix}",
            f"  unroll eval {run} test.{suffix} --json",
        ]


def floor_seconds(settings: TagSettings) -> float | None:
    """How long a fit of the simple model may take; None: until it has converged."""
    if settings.seconds is None:
        return None
    return max(min(FIRST_SECONDS, settings.seconds) / 2, FLOOR_PART * settings.seconds)


def refit_seconds(trained: TrainedTagger) -> float | None:
    """Seconds that the simple model's second fit may take: as many as the first, where they are left."""
    first = floor_seconds(trained.settings)
    return first if first is None or trained.seconds is None else min(first, trained.seconds)


def fill_in(settings: TagSettings, values: Mapping[str, object]) -> TagSettings:
    """The settings with these values where they are None."""
    left_open = {name: value for name, value in values.items() if getattr(settings, name) is None}
    return settings.model_copy(update=left_open)
