"""What a run does with its validation set: the pictures of its task, as findings.

DRAWN has one row per kind of data; a new kind adds its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.inspect.finding import Finding, Picture
from unroll.inspect.page import Section, render_page
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

# by the kind of data: the name of the part, its title, and what makes it of data, title and conditions
DRAWN: dict[type[TaskPicture], tuple[str, str, Make]] = {
    ClassifiedRecords: ("classes", "what it confuses", class_results),
    TaggedSentences: ("tags", "its tags beside those of the data", tag_results),
    Forecasts: ("forecasts", "its forecasts beside what came", forecast_results),
    TranslatedTexts: ("translations", "its outputs beside the references", translation_results),
    RecognisedRecords: ("transcripts", "what it reads, and when", recording_results),
    CaptionedImages: ("captions", "its captions, and where it looks", caption_results),
    ClipStrips: ("clips", "clips frame by frame", clip_results),
    NoteRolls: ("tunes", "a tune, and one that it writes", roll_results),
    PredictedText: ("text", "what it writes, and what surprises it", predicted_text_results),
}


@dataclass(frozen=True)
class Results(Finding):
    """What a run does with its validation set: one finding or several on one page.

    Attributes:
        title: of the page.
        conditions: the run and its data.
        parts: the findings by name, the most telling first.
    """

    title: str
    conditions: dict[str, Any]
    parts: dict[str, TaskFinding]

    def as_dict(self) -> dict[str, Any]:
        """The numbers of every part, for JSON."""
        parts = {name: part.as_dict() for name, part in self.parts.items()}
        return {"title": self.title, "conditions": self.conditions, "parts": parts}

    def text(self) -> str:
        """The text of every part."""
        return "\n\n".join(part.text() for part in self.parts.values())

    def pictures(self) -> dict[str, Picture]:
        """The pictures of every part; each name begins with that of the part."""
        return {
            f"{name} {key}": picture
            for name, part in self.parts.items()
            for key, picture in part.pictures().items()
        }

    def table(self) -> list[list[str]]:
        """What each part says first."""
        rows = [[name, part.sentences()[0]] for name, part in self.parts.items()]
        return [["", self.title], *rows]

    def section(self) -> Section:
        """The section of the first part; `html` has all."""
        return next(iter(self.parts.values())).section()

    def html(self, command: str = "") -> str:
        """A page of all parts that works offline. command: that made it, to be shown on the page."""
        sections = [part.section() for part in self.parts.values()]
        return render_page(self.title, sections, command)

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts.values())


def results_of_run(
    run: Run, data: str | Path | None = None, log: Callable[[str], None] | None = None
) -> Results:
    """What a run does with its validation set, in the pictures of its task.

    When to use it: to see what a model gets right and wrong, beyond its metrics: a confusion matrix, a
    forecast beside what came, an alignment, a spectrogram with its words, samples of text. The records
    are those of the metrics, of many an even sample. The run is not changed.

    Args:
        run: a trained run.
        data: data of the kind that it was trained on. Default: the data of the run.
        log: called with a sentence where something takes noticeable time.

    Returns:
        The findings by name, the most telling first.

    Raises:
        UserError: where the data of the run does not exist any more, or cannot be read.

    Examples:
        >>> from unroll.inspect import results_of_run
        >>> results_of_run(unroll.load("runs/reviews")).parts["classes"].mistakes()  # doctest: +SKIP
        [('late and slow', 'neutral', 'neg', 0.76)]
    """
    path = data or own_data(run)
    if path is None:
        raise UserError(
            f"{run.config['data']['path']}, the data of {run.path}, does not exist any more. Give DATA."
        )
    parts = dict(made_results(run, path, log or (lambda sentence: None)))
    if not parts:
        raise UserError(f"{run.path} is a run of the task {run.task_name}, which has no pictures.")
    conditions = next(iter(parts.values())).conditions
    return Results(f"Results of {run.path.name}", conditions, parts)


def made_results(
    run: Run, path: str | Path, log: Callable[[str], None]
) -> Iterator[tuple[str, TaskFinding]]:
    """The findings of `results_of_run` one by one."""
    measured = measured_run(run, path, log)
    progress = ProgressLog("read", log)
    for found in run.task.pictures(measured.trained, measured.data, progress):
        name, title, make = DRAWN[type(found)]
        yield name, make(found, f"{run.path.name}: {title}", measured.conditions)


def own_data(run: Run) -> str | None:
    """The file that a run was trained on; None where it does not exist any more."""
    own = run.config["data"]["path"]
    return own if own != "-" and Path(own).exists() else None
