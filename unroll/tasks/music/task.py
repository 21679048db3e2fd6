"""Music: tunes in ABC or MIDI, learned note by note; new ones by key, metre and seed.

One to many: every token of a tune predicts the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, records_and_problems
from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.mixture_gate import Evidence
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.music.abc import Tune
from unroll.tasks.music.baseline import fit_tune_baseline
from unroll.tasks.music.defaults import EMBEDDING, HIDDEN, resolve, resolve_sizes
from unroll.tasks.music.description import check_report, describe
from unroll.tasks.music.floor import count_again, fit_floor
from unroll.tasks.music.metrics import (
    MusicMetrics,
    TrainedMusic,
    count_units,
    measure,
    summarise,
    tune_evidence,
)
from unroll.tasks.music.objective import MusicObjective
from unroll.tasks.music.pictures import shown_tunes
from unroll.tasks.music.predictions import (
    TunePrediction,
    format_tune_prediction,
    predict_tune,
)
from unroll.tasks.music.preprocessor import ABC, MusicPreprocessor
from unroll.tasks.music.reader import MusicData, read_music, tune_files, tunes_of_files
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.pictures import TaskPicture

GATE_TUNES = 1000  # of the validation set, at most, to which the gate is fitted


class MusicTask(
    Task[MusicSettings, MusicData, MusicPreprocessor, LanguageModel, MusicMetrics, TunePrediction]
):
    """A recurrent model of tunes, beside n-gram models.

    Its `predict` tells how probable given tunes are. New tunes are written by `MusicRun`.
    """

    name = "music"
    input_columns = ("tune", "abc", "text")
    changeable = ("skip_bad",)

    def resolve_sizes(self, settings: MusicSettings, make_cell: MakeCell) -> MusicSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: MusicSettings,
        log: Log,
        preprocessor: MusicPreprocessor | None = None,
    ) -> MusicData:
        return read_music(path, settings, preprocessor)

    def resolve(self, settings: MusicSettings, data: MusicData) -> MusicSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: MusicSettings, preprocessor: MusicPreprocessor, make_cell: MakeCell
    ) -> LanguageModel:
        return LanguageModel(
            len(preprocessor),
            settings.embedding or EMBEDDING,
            settings.hidden or HIDDEN,
            settings.layers,
            cell=make_cell,
            tie=settings.tie,
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            initialisation=settings.initialisation,
            gated=preprocessor.floor is not None,
        )

    def objective(
        self, network: LanguageModel, data: MusicData, settings: MusicSettings, device: torch.device
    ) -> MusicObjective:
        return MusicObjective(network, data, settings, device)

    def describe(
        self, data: MusicData, settings: MusicSettings, network: LanguageModel
    ) -> list[str]:
        return describe(data, settings)

    def metadata(self, data: MusicData) -> dict[str, object]:
        tunes, notation = data.train + data.valid, data.preprocessor.notation
        return {
            "tunes": len(tunes),
            "notation": notation,
            "keys": data.preprocessor.keys,
            "size": count_units([tune.text for tune in tunes], notation),
        }

    def fit_floor(self, data: MusicData, settings: MusicSettings, log: Log) -> MusicData:
        """Count the n-grams of tokens; order and discounts are the best on the validation set."""
        preprocessor = data.preprocessor
        train, valid = (encoded(tunes, preprocessor) for tunes in (data.train, data.valid))
        floor = fit_floor(train, valid, len(preprocessor))
        return replace(data, preprocessor=preprocessor.with_floor(floor))

    def calibrate(
        self, trained: TrainedMusic, data: MusicData, progress: Progress
    ) -> list[str] | None:
        """Fit the gate between network and n-grams on the validation set."""
        floor, gate = trained.preprocessor.floor, trained.model.gate
        if floor is None or gate is None or not data.valid:
            return None
        texts = [data.valid[k].text for k in evenly_spread(len(data.valid), GATE_TUNES)]
        found = tune_evidence(trained.model, texts, trained.preprocessor, trained.device, progress)
        share = gate.fit(Evidence.joined(found))
        return [
            f"The network is mixed with {floor.order}-grams of tokens (--set floor=none leaves them "
            f"out): it gives {share:.0%} of the probability on average, by a gate fitted on the "
            "validation set."
        ]

    def refit_floor(
        self, trained: TrainedMusic, data: MusicData, progress: Progress
    ) -> MusicPreprocessor | None:
        """Count the n-grams of the validation set too."""
        preprocessor = trained.preprocessor
        if preprocessor.floor is None:
            return None
        floor = count_again(preprocessor.floor, encoded(data.train + data.valid, preprocessor))
        return preprocessor.with_floor(floor)

    def baseline_files(self, data: MusicData) -> dict[str, bytes]:
        train, valid = [tune.text for tune in data.train], [tune.text for tune in data.valid]
        return fit_tune_baseline(train, valid, data.preprocessor)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> MusicPreprocessor:
        return MusicPreprocessor.load(folder)

    def validate(self, trained: TrainedMusic, data: MusicData, progress: Progress) -> MusicMetrics:
        return measure(trained, [tune.text for tune in data.valid], progress)

    def evaluate(
        self, trained: TrainedMusic, path: str, progress: Progress, columns: Mapping[str, str]
    ) -> MusicMetrics:
        """Metrics of further tunes; arguments as of `Task.evaluate`.

        Raises:
            UserError: where no tune can be used, or the files are in another notation.
        """
        problems = Problems(trained.settings.skip_bad)
        files = self._files_of_notation(trained, path)
        tunes = list(tunes_of_files(files, trained.preprocessor.notation, problems))
        if not tunes:
            raise UserError(problems.with_messages(f"{path} holds no tune that can be used."))
        metrics = measure(trained, [tune.text for tune in tunes], progress)
        metrics["skipped"] = problems.count
        return metrics

    def summarise(self, metrics: MusicMetrics, where: str) -> list[str]:
        return summarise(metrics, where)

    def check(self, path: str, settings: MusicSettings, log: Log) -> dict[str, object]:
        return check_report(path, settings)

    def predict(self, trained: TrainedMusic, inputs: Iterable[object]) -> Iterator[TunePrediction]:
        for given in inputs:
            yield predict_tune(trained, given)

    def read_inputs(self, trained: TrainedMusic, path: str) -> Iterator[Tune | SkippedRecord]:
        files = self._files_of_notation(trained, path)
        read = partial(tunes_of_files, files, trained.preprocessor.notation)
        yield from records_and_problems(read, trained.settings.skip_bad)

    def format_prediction(self, prediction: TunePrediction) -> str:
        return format_tune_prediction(prediction)

    def network_part(self, trained: TrainedMusic) -> str:
        """How much the network counts in what is predicted."""
        if trained.preprocessor.floor is None:
            return ""
        return "a gate decides at each token how much it counts beside the n-grams"

    def pictures(
        self, trained: TrainedMusic, data: MusicData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """Tunes as piano rolls, and how surprised the run is by the validation set."""
        return shown_tunes(trained, data, progress)

    def usage(self, run: str, trained: TrainedMusic) -> list[str]:
        kind = "abc" if trained.preprocessor.notation == ABC else "mid"
        key = next(iter(trained.preprocessor.keys), None)
        prompt = "" if key is None else f' --prompt "K:{key}"'
        return [
            f"  unroll generate {run}{prompt} --seed 3 --out tune.mid   (or tune.abc, tune.wav, "
            "roll.svg)",
            f"  unroll predict {run} OTHER.{kind}",
            f"  unroll eval {run} OTHER.{kind} --json",
        ]

    def _files_of_notation(self, trained: TrainedMusic, path: str) -> list[Path]:
        """The files at a path, where their tunes are in the notation of the run."""
        notation, files = tune_files(path)
        if notation != trained.preprocessor.notation:
            raise UserError(
                f"{path} is {notation}, and {trained.path} was trained on "
                f"{trained.preprocessor.notation}; expected the same notation."
            )
        return files


def encoded(tunes: Iterable[Tune], preprocessor: MusicPreprocessor) -> Iterator[np.ndarray]:
    """The ids of each tune."""
    return (preprocessor.encode(tune.text) for tune in tunes)
