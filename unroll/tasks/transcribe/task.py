"""Transcribe: the words of a sound, of a line of handwriting, or of pen strokes.

Many to many, unaligned: nobody says which frames belong to which word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked
from unroll.errors import UserError
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.tasks.reporting import warn
from unroll.tasks.transcribe.baseline import fit_baseline
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.calibration import calibrate
from unroll.tasks.transcribe.decoding import (
    Recogniser,
    TrainedTranscriber,
    check_search,
    combination_weights,
    log_probabilities,
)
from unroll.tasks.transcribe.defaults import EMBEDDING, HIDDEN, resolve, resolve_sizes
from unroll.tasks.transcribe.description import check_report, describe, metadata
from unroll.tasks.transcribe.floor_fitting import FloorSize, fit_closed_text_model
from unroll.tasks.transcribe.inputs import TranscribeInput, parse_input, read_inputs
from unroll.tasks.transcribe.metrics import TranscribeMetrics, format_errors, measure, summarise
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.objective import TranscribeObjective
from unroll.tasks.transcribe.pictures import recognised_records
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.reader import (
    BAD_FILE,
    TranscribeData,
    find_further_table,
    read_data,
    scan_files,
)
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.transcript import (
    TranscribePrediction,
    format_transcript,
    make_transcript,
)
from unroll.training.report import ProgressLog


class TranscribeTask(
    Task[
        TranscribeSettings,
        TranscribeData,
        TranscribePreprocessor,
        Transcriber,
        TranscribeMetrics,
        TranscribePrediction,
    ]
):
    """A recurrent recogniser, trained with connectionist temporal classification (CTC)."""

    name = "transcribe"
    changeable = (
        *("audio", "image", "strokes", "text", "skip_bad", "speaker"),
        *("beam", "language_model", "weight", "bonus", "chunk"),
    )
    column_settings = ("audio", "image", "strokes", "text")
    has_groups = True

    # before and during training

    def resolve_sizes(
        self, settings: TranscribeSettings, make_cell: MakeCell
    ) -> TranscribeSettings:
        """Check the search, and choose the sizes that were left open; each cell is made once."""
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: TranscribeSettings,
        log: Log,
        preprocessor: TranscribePreprocessor | None = None,
    ) -> TranscribeData:
        """Read a table of sounds, lines of handwriting or strokes with their texts."""
        return read_data(path, settings, preprocessor, log=log)

    def resolve(self, settings: TranscribeSettings, data: TranscribeData) -> TranscribeSettings:
        """Choose every other setting that was left open; columns by the names that were found."""
        return resolve(settings, data)

    def build_network(
        self,
        settings: TranscribeSettings,
        preprocessor: TranscribePreprocessor,
        make_cell: MakeCell,
    ) -> Transcriber:
        """Convolutions, recurrent layers and a last layer, with fresh weights."""
        channels, height = preprocessor.shape
        return Transcriber(
            channels,
            height,
            len(preprocessor.tokens) + 1,
            settings.hidden or HIDDEN,
            settings.layers,
            embedding_size=settings.embedding or EMBEDDING,
            subsample=preprocessor.subsample,
            cell=make_cell,
            bidirectional=settings.both_ways,
            causal=settings.streaming,
            dropout=settings.dropout or 0.0,
            initialisation=settings.initialisation,
            combined=preprocessor.floor is not None,
        )

    def fit_floor(
        self, data: TranscribeData, settings: TranscribeSettings, log: Log
    ) -> TranscribeData:
        """Fit the simple model of closed texts; texts that are open have none, nor has live sound."""
        if settings.streaming:
            return data
        size = FloorSize.within(settings.seconds)
        progress = ProgressLog("fitting the simple model", log)
        floor = fit_closed_text_model([data.train], size, settings.seed, progress)
        return data if floor is None else data.with_floor(floor)

    def refit_floor(
        self, trained: TrainedTranscriber, data: TranscribeData, progress: Progress
    ) -> TranscribePreprocessor | None:
        """Fit the simple model again, on training set and validation set."""
        preprocessor, settings = trained.preprocessor, trained.settings
        if preprocessor.floor is None:
            return None
        size = FloorSize.within(settings.seconds)
        both, like = [data.train, data.valid], preprocessor.floor
        floor = fit_closed_text_model(both, size, settings.seed, progress, like=like)
        return replace(preprocessor, floor=floor)

    def calibrate(
        self, trained: TrainedTranscriber, data: TranscribeData, progress: Progress
    ) -> list[str] | None:
        """Fit how much the network and the simple model count, on the validation set."""
        return calibrate(trained, data.valid, progress)

    def objective(
        self,
        network: Transcriber,
        data: TranscribeData,
        settings: TranscribeSettings,
        device: torch.device,
    ) -> TranscribeObjective:
        """CTC loss of the training set."""
        return TranscribeObjective(network, data, settings, device)

    def describe(
        self, data: TranscribeData, settings: TranscribeSettings, network: Transcriber
    ) -> list[str]:
        """What was read and guessed, each choice with the flag that changes it."""
        return describe(data, settings)

    def metadata(self, data: TranscribeData) -> dict[str, object]:
        """How many records and tokens there are, and hours of sound or frames."""
        return metadata(data)

    def baseline_files(self, data: TranscribeData) -> dict[str, bytes]:
        """The most frequent text, and content hashes of the training set."""
        return fit_baseline(data.train)

    def load_preprocessor(
        self, folder: Path, config: Mapping[str, object]
    ) -> TranscribePreprocessor:
        """The preprocessor that a run folder holds."""
        return TranscribePreprocessor.load(folder)

    # metrics

    def validate(
        self, trained: TrainedTranscriber, data: TranscribeData, progress: Progress
    ) -> TranscribeMetrics:
        """Metrics of the validation set, beside those of the baselines."""
        return measure(trained, data.valid, progress)

    def evaluate(
        self,
        trained: TrainedTranscriber,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> TranscribeMetrics:
        """Metrics of further records with texts, beside those of the baselines.

        Raises:
            UserError: where there is no file with a text, or a column is of another kind than the run.
        """
        self.check_columns(columns)
        settings, preprocessor = trained.settings, trained.preprocessor
        given = {name: each for name, each in columns.items() if name not in ("text", "by")}
        for name in given:
            if name != preprocessor.kind:
                raise UserError(
                    f"--{name} is given, but {trained.path} was trained on --{preprocessor.kind}. "
                    f"Name the column by --{preprocessor.kind}."
                )
        check_search(settings)  # before all files are read
        problems, by = Problems(settings.skip_bad), columns.get("by")
        table = find_further_table(
            path, settings, preprocessor.kind, trained.named,
            media=given.get(preprocessor.kind), text=columns.get("text"), by=by,
        )  # fmt: skip
        settings = settings.model_copy(update={"by": by or settings.by})
        records = scan_files(table, settings, problems).records
        if not records:
            sentence = f"{path} has nothing to evaluate; expected files with their texts."
            raise UserError(problems.with_messages(sentence))

        def measure_rows(rows: Iterable[int]) -> TranscribeMetrics:
            some = [records[row] for row in rows]
            return measure(trained, TranscribeDataset(some, preprocessor), progress)

        metrics = measure_rows(range(len(records)))
        if by is not None:
            metrics["groups"] = measure_groups([each.person for each in records], measure_rows)
        return {**metrics, "skipped": problems.count, "problems": problems.messages()}

    def summarise(self, metrics: TranscribeMetrics, where: str) -> list[str]:
        """The metrics as a table beside the baselines, and what is remarkable."""
        return summarise(metrics, where)

    def format_metrics(self, metrics: TranscribeMetrics) -> str:
        """The metrics of a group in one line."""
        return f"{format_errors(metrics)}  {counted(metrics['records'], metrics['record_name'])}"

    def check(self, path: str, settings: TranscribeSettings, log: Log) -> dict[str, object]:
        """Rows, units, lengths, duplicates and bad records."""
        problems = Problems(skip=True)
        return check_report(read_data(path, settings, problems=problems, log=log), problems)

    # predictions

    def read_inputs(
        self, trained: TrainedTranscriber, path: str
    ) -> Iterator[TranscribeInput | SkippedRecord]:
        """The files that a table names, the files in a folder, or the file itself."""
        return read_inputs(path, trained.preprocessor, trained.settings, trained.named)

    def predict(
        self, trained: TrainedTranscriber, inputs: Iterable[object]
    ) -> Iterator[TranscribePrediction]:
        """The transcript of each file; with `skip_bad`, the `error` of a file that cannot be read.

        Raises:
            UserError: where an input is no path or, without `skip_bad`, a file cannot be read.
        """
        recogniser, preprocessor = Recogniser(trained), trained.preprocessor
        trained.model.eval()
        bad = without_speaker = 0
        for file in checked(inputs, parse_input, trained.settings.skip_bad):
            if isinstance(file, SkippedRecord):
                bad += 1
                yield {"error": str(file)}
                continue
            try:
                raw = preprocessor.load_raw(Path(file.path))
            except BAD_FILE as error:
                if not trained.settings.skip_bad:
                    hint = " (--skip-bad skips such files.)"
                    sentence = f"{file.where}: {error}{hint}" if file.where else str(error)
                    raise UserError(sentence) from error
                bad += 1
                yield {"path": file.path, "error": str(error)}
                continue
            without_speaker += file.scale is None
            log_p = log_probabilities(trained, raw, file.scale)
            found = recogniser(log_p, raw)
            yield {"path": file.path, **make_transcript(preprocessor, found)}
        if bad:
            warn(f"{counted(bad, 'file')} could not be read.")
        if without_speaker and preprocessor.normalise == "speaker":
            warn(
                f"{counted(without_speaker, 'file was', 'files were')} scaled without the other "
                "files of the speaker, who is unknown. A table can name speakers: --set "
                "speaker=COLUMN."
            )

    def format_prediction(self, prediction: TranscribePrediction) -> str:
        """The file, its text, and when each word is."""
        return format_transcript(prediction)

    def network_part(self, trained: TrainedTranscriber) -> str:
        """How much the network counts in what is predicted."""
        if trained.preprocessor.floor is None:
            return ""
        weights = combination_weights(trained.model)
        return (
            f"its log-probabilities count {weights.network:.2g}, the scores of the simple model "
            f"{weights.floor:.2g}"
        )

    def pictures(
        self, trained: TrainedTranscriber, data: TranscribeData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """Records of the validation set with what was read in them."""
        return recognised_records(trained, data, progress)

    def usage(self, run: str, trained: TrainedTranscriber) -> list[str]:
        """Commands that predict and evaluate."""
        file = {"audio": "NEW.wav", "image": "LINE.png", "strokes": "STROKES.csv"}[
            trained.preprocessor.kind
        ]
        return [
            f"  unroll predict {run} {file}",
            f"  unroll predict {run} NEW.csv --set beam=8 --out predictions.jsonl",
            f"  unroll eval {run} FILE.csv --json",
        ]
