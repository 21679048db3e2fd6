"""Language models: learn a text; score, continue and generate text.

Many to many: at every step the network predicts the next token.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unroll.data.encoded import Encoded, first_tokens
from unroll.data.table import find_line_columns
from unroll.data.text import text_source
from unroll.data.vocabulary import ids_read
from unroll.models.language import LanguageModel
from unroll.models.shortlist import rare_shares
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.language.baseline import baseline_metrics, fit_baseline, load_baseline
from unroll.tasks.language.calibration import calibrate
from unroll.tasks.language.defaults import resolve, resolve_sizes
from unroll.tasks.language.description import check_report, describe
from unroll.tasks.language.floor import LanguageFloor, fit_floor, tokens_counted
from unroll.tasks.language.metrics import LanguageMetrics, measure, measure_mixture, summarise
from unroll.tasks.language.objective import EVALUATED_TOKENS, LanguageObjective
from unroll.tasks.language.pictures import predicted_text
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.reader import Corpus, read_corpus, read_text
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.pictures import TaskPicture

FINAL_TOKENS = 2_000_000  # of the validation set, at most, in the evaluation after training
TOKENS_A_SECOND = 10_000  # of it, that are read in a budget of seconds
LARGE_FILE = 16_000_000  # bytes, from which on reading it takes noticeable time

TrainedLanguageModel = Trained[LanguageSettings, LanguagePreprocessor, LanguageModel]


class LanguageTask(
    Task[
        LanguageSettings,
        Corpus,
        LanguagePreprocessor,
        LanguageModel,
        LanguageMetrics,
        dict[str, object],
    ]
):
    """A recurrent language model of a text, of its characters, words or pieces of words.

    It has no `predict`: what a language run does beyond evaluation is in `LanguageRun`.
    """

    name = "language"
    column_settings = ("text",)

    def resolve_sizes(self, settings: LanguageSettings, make_cell: MakeCell) -> LanguageSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: LanguageSettings,
        log: Log,
        preprocessor: LanguagePreprocessor | None = None,
    ) -> Corpus:
        file = Path(path)
        if file.is_file() and (size := file.stat().st_size) > LARGE_FILE:
            log(f"Reading {path} ({size / 1e6:,.0f} MB), then encoding it once.")
        return read_corpus(path, settings, preprocessor)

    def fit_floor(self, data: Corpus, settings: LanguageSettings, log: Log) -> Corpus:
        """Count n-grams; see `unroll.tasks.language.floor`. None where nothing is held out to fit them on."""
        if not data.held_out:
            return data
        return replace(data, floor=fit_floor(data.train, data.valid, data.vocabulary, settings))

    def refit_floor(
        self, trained: TrainedLanguageModel, data: Corpus, progress: Progress
    ) -> LanguagePreprocessor | None:
        """Count the n-grams of training set and validation set."""
        if data.floor is None:
            return None
        most = tokens_counted(trained.settings)
        # without the boundary at the start of the second, as `joined` has it
        ids = np.concatenate([data.train.ids[-most:], data.valid.ids[1:][-most:]])[-most:]
        return replace(trained.preprocessor, floor=data.floor.counted_again(ids, data.vocabulary))

    def resolve(self, settings: LanguageSettings, data: Corpus) -> LanguageSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: LanguageSettings, preprocessor: LanguagePreprocessor, make_cell: MakeCell
    ) -> LanguageModel:
        rare, one_hot = None, settings.input == "onehot"
        if settings.shortlist is not None and preprocessor.floor is not None:
            rare = rare_shares(preprocessor.floor.unigram, settings.shortlist)
        return LanguageModel(
            len(preprocessor.vocabulary),
            len(preprocessor.vocabulary) if one_hot else settings.embedding or 128,
            settings.hidden or 512,
            settings.layers,
            cell=make_cell,
            categories=len(preprocessor.categories),
            tie=bool(settings.tie),
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            weight_drop=settings.weight_drop or 0.0,
            rare=rare,
            initialisation=settings.initialisation,
            gated=preprocessor.floor is not None,
            ids_read=ids_read(preprocessor.vocabulary),
            one_hot=one_hot,
        )

    def objective(
        self, network: LanguageModel, data: Corpus, settings: LanguageSettings, device: torch.device
    ) -> LanguageObjective:
        return LanguageObjective(network, data, settings, device)

    def describe(
        self, data: Corpus, settings: LanguageSettings, network: LanguageModel
    ) -> list[str]:
        return describe(data, settings, network)

    def metadata(self, data: Corpus) -> dict[str, object]:
        return {"characters": data.scan.characters, "tokens": data.train.tokens}

    def baseline_files(self, data: Corpus) -> dict[str, bytes]:
        if data.floor is not None:
            return {}
        return fit_baseline(data.train, len(data.vocabulary))

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> LanguagePreprocessor:
        return LanguagePreprocessor.load(folder)

    def calibrate(
        self, trained: TrainedLanguageModel, data: Corpus, progress: Progress
    ) -> list[str] | None:
        """Fit the gate between network and n-grams on the validation set."""
        if data.floor is None:
            return None
        return calibrate(trained.model, data.floor, data.valid, trained.device)

    def validate(
        self, trained: TrainedLanguageModel, data: Corpus, progress: Progress
    ) -> LanguageMetrics:
        # a resumed run may hold n-grams that were counted in the validation set too
        most = FINAL_TOKENS
        if trained.seconds is not None:
            most = min(most, max(EVALUATED_TOKENS, round(trained.seconds * TOKENS_A_SECOND)))
        valid = first_tokens(data.valid, most)
        return self._measure(trained, data.floor, valid, progress)

    def evaluate(
        self,
        trained: TrainedLanguageModel,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> LanguageMetrics:
        settings = trained.settings
        text = columns.get("text", settings.text)
        source, found = text_source(path, text or "text"), None
        if settings.condition is not None:
            found = find_line_columns(source, settings.condition, text)
        encoded = read_text(
            source,
            trained.preprocessor.vocabulary,
            columns=found,
            per_line=settings.per_line,
            categories=trained.preprocessor.categories,
        )
        return self._measure(trained, trained.preprocessor.floor, encoded, progress)

    def _measure(
        self,
        trained: TrainedLanguageModel,
        floor: LanguageFloor | None,
        encoded: Encoded,
        progress: Progress,
    ) -> LanguageMetrics:
        if floor is not None:
            return measure_mixture(trained.model, floor, encoded, trained.device, progress)
        metrics = measure(trained.model, encoded, trained.device, progress)
        baseline = load_baseline(trained.path, len(trained.preprocessor.vocabulary))
        return {**metrics, "baselines": baseline_metrics(baseline, encoded)}

    def summarise(self, metrics: LanguageMetrics, where: str) -> list[str]:
        return summarise(metrics, where)

    def check(self, path: str, settings: LanguageSettings, log: Log) -> dict[str, object]:
        return check_report(self.read(path, settings, log))

    def network_part(self, trained: TrainedLanguageModel) -> str:
        """How much the network counts in what is predicted."""
        if trained.preprocessor.floor is None:
            return ""
        return "a gate decides at each token how much it counts beside the n-grams"

    def pictures(
        self, trained: TrainedLanguageModel, data: Corpus, progress: Progress
    ) -> Iterator[TaskPicture]:
        """Samples at two temperatures, and how surprised the run is by the validation set."""
        return predicted_text(trained, data, progress)

    def usage(self, run: str, trained: TrainedLanguageModel) -> list[str]:
        conditioned = run
        if trained.preprocessor.categories:
            conditioned += f" --condition {shlex.quote(trained.preprocessor.categories[0])}"
        more = " --count 10" if trained.settings.per_line else ' --prompt "..." --length 400'
        return [
            f"  unroll generate {conditioned} --temperature 0.8{more}",
            f'  unroll score {conditioned} "..."        unroll next {conditioned} "..." --top 10',
            f"  unroll eval {run} FILE --json",
        ]
