"""What a run does with its validation set: the pictures of its task, as findings.

DRAWN has one row per kind of data; a new kind adds its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.inspect.task_pictures.captioned import caption_results
from unroll.inspect.task_pictures.classes import class_results
from unroll.inspect.task_pictures.clips import clip_results
from unroll.inspect.task_pictures.finding import TaskFinding
from unroll.inspect.task_pictures.forecasts import forecast_results
from unroll.inspect.task_pictures.measured import measured_run
from unroll.inspect.task_pictures.predicted_text import predicted_text_results
from unroll.inspect.task_pictures.recordings import recording_results
from unroll.inspect.task_pictures.rolls import roll_results
from unroll.inspect.task_pictures.tags import tag_results
from unroll.inspect.task_pictures.translations import translation_results
from unroll.run import Run
from unroll.tasks.pictures import (
    CaptionedImages,
    ClassifiedRecords,
    ClipStrips,
    Forecasts,
    NoteRolls,
    PredictedText,
    RecognisedRecords,
    TaggedSentences,
    TaskPicture,
    TranslatedTexts,
)
from unroll.training.report import ProgressLog

Make = Callable[[Any, str, dict[str, Any]], TaskFinding]

# by the kind of data: the name of the part, and what makes it of data, title and conditions
DRAWN: dict[type[TaskPicture], tuple[str, Make]] = {
    ClassifiedRecords: ("classes", class_results),
    TaggedSentences: ("tags", tag_results),
    Forecasts: ("forecasts", forecast_results),
    TranslatedTexts: ("translations", translation_results),
    RecognisedRecords: ("transcripts", recording_results),
    CaptionedImages: ("captions", caption_results),
    ClipStrips: ("clips", clip_results),
    NoteRolls: ("tunes", roll_results),
    PredictedText: ("text", predicted_text_results),
}


def results_of_run(
    run: Run, data: str | Path | None = None, log: Callable[[str], None] | None = None
) -> list[tuple[str, TaskFinding]]:
    """What a run does with its validation set, in the pictures of its task.

    When to use it: to see what a model gets right and wrong, beyond its metrics: a confusion matrix, a
    forecast beside what came, an alignment, a spectrogram with its words, samples of text. The records
    are those of the metrics. The run is not changed.

    Args:
        run: a trained run.
        data: data of the kind that it was trained on. Default: the data of the run.
        log: called with a sentence where something takes noticeable time.

    Returns:
        The name of each finding and the finding, the most telling first.

    Raises:
        UserError: where the data of the run does not exist any more, or cannot be read.

    Examples:
        >>> from unroll.inspect import results_of_run
        >>> results_of_run                                             # doctest: +ELLIPSIS
        <function results_of_run at ...>
    """
    path = data or own_data(run)
    if path is None:
        raise UserError(
            f"{run.config['data']['path']}, the data of {run.path}, does not exist any more. Give DATA."
        )
    return list(made_results(run, path, log or (lambda sentence: None)))


def made_results(
    run: Run, path: str | Path, log: Callable[[str], None]
) -> Iterator[tuple[str, TaskFinding]]:
    """The findings of `results_of_run` one by one."""
    measured = measured_run(run, path, log)
    progress = ProgressLog("reading the validation set", log)
    for found in run.task.pictures(measured.trained, measured.data, progress):
        name, make = DRAWN[type(found)]
        yield name, make(found, f"{run.path.name}: {name}", measured.conditions)


def own_data(run: Run) -> str | None:
    """The file that a run was trained on; None where it does not exist any more."""
    own = run.config["data"]["path"]
    return own if own != "-" and Path(own).exists() else None
