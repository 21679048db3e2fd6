"""Predicted beside actual: every record of the validation set as a run predicts it, errors marked."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.vocabulary import BOUNDARY_NAME
from unroll.errors import UserError
from unroll.inspect.aligned_rows import (
    RIGHT,
    WRONG,
    AlignedPair,
    PredictedRow,
    aligned_pairs,
    pair,
    parts_of,
)
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    format_number,
    html_table,
    round_digits,
)
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.inspect.probing.read_texts import own_data, words_are_tokens
from unroll.inspect.recorded_text import record_text
from unroll.inspect.task_pictures.measured import measured_run
from unroll.inspect.text_rows import visible
from unroll.inspect.text_windows import read_encoded
from unroll.run import LanguageRun, Run
from unroll.tasks.pictures import (
    CaptionedImages,
    ClassifiedRecords,
    ClipStrips,
    Forecasts,
    RecognisedRecords,
    TaggedSentences,
    TaskPicture,
    TranslatedTexts,
)
from unroll.training.report import ProgressLog

RECORDS = 20  # that are shown
TOKENS = 300  # of a text without lines
COLUMNS = 60  # of a picture
SUMMARY = 8  # rows of the table: the most frequent mistakes


@dataclass(frozen=True)
class Predictions(Finding):
    """What a run predicts beside what the data has. A notebook shows a picture and the most frequent mistakes.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        rows: the records, aligned.
        what: what is predicted: "next characters", "tags".
        spaced: whether the pairs are words, with spaces between.
        numbers: actual and predicted numbers by record, [N, 2], where the predictions are numbers.
    """

    title: str
    conditions: dict[str, Any]
    rows: list[PredictedRow]
    what: str
    spaced: bool
    numbers: dict[str, np.ndarray]

    @property
    def pairs(self) -> list[AlignedPair]:
        """The pairs of all records."""
        return [pair for row in self.rows for pair in row.pairs]

    def sentence(self) -> str:
        """How many are right, and how likely the actual ones were to the run."""
        every = self.pairs
        right = sum(p.state == RIGHT for p in every)
        known = [p.probability for p in every if p.probability is not None]
        if self.numbers:
            errors = np.concatenate([np.abs(v[:, 0] - v[:, 1]) for v in self.numbers.values()])
            said = f"{right:,} of {len(every):,} values are inside the band of their forecasts; the mean "
            return said + f"absolute error is {np.nanmean(errors):.4g}."
        likely = ""
        if known:
            likely = f" The actual ones had a probability of {np.mean(known):.1%} in the mean."
        return f"{right:,} of {len(every):,} {self.what} are right ({right / max(1, len(every)):.1%}).{likely}"

    def as_dict(self) -> dict[str, Any]:
        """Every pair, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "what": self.what,
            "right": sum(p.state == RIGHT for p in self.pairs),
            "of": len(self.pairs),
            "records": [
                {
                    "name": row.name,
                    "pairs": [
                        {
                            **({"read": p.read} if p.read else {}),
                            "actual": p.actual,
                            "predicted": p.predicted,
                            "state": p.state,
                            **(
                                {}
                                if p.probability is None
                                else {"probability": round_digits(p.probability)}
                            ),
                        }
                        for p in row.pairs
                    ],
                }
                for row in self.rows
            ],
        }

    def table(self) -> list[list[str]]:
        """The most frequent mistakes; the first row holds the names of the columns."""
        counts: dict[tuple[str, str], int] = {}
        for p in self.pairs:
            if p.state != RIGHT:
                key = visible(p.actual) or "(nothing)", visible(p.predicted) or "(nothing)"
                counts[key] = counts.get(key, 0) + 1
        common = sorted(counts.items(), key=lambda item: -item[1])[:SUMMARY]
        return [["actual", "predicted", "times"], *([*key, str(n)] for key, n in common)]

    def text(self) -> str:
        """Every record: the actual ones, below them the predicted ones, and marks below the errors."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", "", self.sentence()]
        for row in self.rows:
            lines.append("")
            if row.name:
                lines.append(f"{visible(row.name)}:")
            lines += row_lines(row.pairs, self.spaced)
        return "\n".join([*lines, "", LEGEND])

    def pictures(self) -> dict[str, Picture]:
        """`predicted`: numbers as curves, else how likely or right each actual one of the first record is."""
        head = ["record", "read", "actual", "predicted", "probability", "state"]
        rows = [
            [row.name or n, p.read, p.actual, p.predicted, p.probability, p.state]
            for n, row in enumerate(self.rows, 1)
            for p in row.pairs
        ]
        if self.numbers:
            values = next(iter(self.numbers.values()))
            lines = [
                Curve(
                    name, k, {t: float(v) for t, v in enumerate(values[:, k]) if math.isfinite(v)}
                )
                for k, name in enumerate(("actual", "predicted"))
            ]
            draw = lambda: draw_curves(lines, "value", "step", logarithmic=False)  # noqa: E731
        else:
            few = self.pairs[:COLUMNS]
            shares = [
                float(p.state == RIGHT) if p.probability is None else p.probability for p in few
            ]
            known = any(p.probability is not None for p in few)
            title = "probability of the actual one" if known else "right (pale) or wrong (dark)"
            draw = lambda: draw_heat_map(  # noqa: E731
                np.array([shares]),
                title,
                rows=[" "],
                columns=[visible(p.actual) or "-" for p in few],
            )
        return {"predicted": Picture(draw, [head, *rows])}

    def section(self) -> Section:
        """The records with their errors marked, and the most frequent mistakes."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "sentence": html.escape(self.sentence()),
            "picture": self.figure() if self.numbers else "",
            "rows": "".join(row_html(row, self.spaced) for row in self.rows),
            "table": html_table(self.table()) if len(self.table()) > 1 else "",
        }
        return Section("predictions", self.title, parts)


LEGEND = (
    "Each record: what is actual, below it what is predicted, below that ^ for an error, or the first digit of "
    "the probability that the actual one had."
)


def row_lines(pairs: list[AlignedPair], spaced: bool) -> list[str]:
    """Lines for a terminal; each pair is as wide as its longer text."""
    shown = [(visible(p.read), visible(p.actual), visible(p.predicted)) for p in pairs]
    wide = spaced or any(len(text) > 1 for texts in shown for text in texts)
    widths = [max(1, *map(len, texts)) for texts in shown]
    blocks: list[str] = []
    at = 0
    while at < len(pairs):
        end, width = at, 0
        while end < len(pairs) and (end == at or width + widths[end] + wide <= 76):
            width += widths[end] + wide
            end += 1
        gap = " " if wide else ""
        for k in range(3):
            line = gap.join(
                texts[k].ljust(w) for texts, w in zip(shown[at:end], widths[at:end], strict=True)
            )
            if k or line.strip():
                blocks.append(f"  {line}".rstrip())
        marks = []
        for p, w in zip(pairs[at:end], widths[at:end], strict=True):
            digit = "" if p.probability is None else str(min(9, int(10 * p.probability)))
            marks.append(("^" * w if p.state != RIGHT and not digit else digit).ljust(w))
        blocks.append(f"  {gap.join(marks)}".rstrip())
        at = end
    return blocks


def row_html(row: PredictedRow, spaced: bool) -> str:
    """A record as HTML: each pair a column, errors coloured and underlined."""
    cells = []
    for p in row.pairs:
        said = f"{p.actual or 'nothing'}, predicted {p.predicted or 'nothing'}: {p.state}"
        if p.probability is not None:
            said += f", probability {p.probability:.1%}"
        read = f"<small>{html.escape(visible(p.read))}</small>" if p.read else ""
        below = visible(p.predicted) if p.state != RIGHT else ""
        cells.append(
            f'<span class="{p.state}" title="{html.escape(said)}">{read}'
            f"<b>{html.escape(visible(p.actual)) or '&nbsp;'}</b>"
            f"<i>{html.escape(below) or '&nbsp;'}</i></span>"
        )
    name = f"<p class='small'>{html.escape(row.name)}</p>" if row.name else ""
    kind = "words" if spaced else "letters"
    return f'{name}<p class="pairs {kind}">{(" " if spaced else "").join(cells)}</p>'


def predictions_of_run(
    run: Run,
    data: str | Path | None = None,
    *,
    condition: str | None = None,
    log: Callable[[str], None] | None = None,
) -> Predictions:
    """What a run predicts for the validation set of some data, beside what the data has.

    When to use it: to see errors in their place. Of a language model it is the most likely next token
    below each actual one; of a tagger the tags; of a classifier the label of each record; of a translator,
    a recogniser or a captioner the words, aligned; of a forecaster the numbers. The run is not changed.

    Args:
        run: a trained run.
        data: data of the kind that it was trained on; for a language model also a text. Default: the
            data of the run.
        condition: the category of a text, for language models that were trained with one.
        log: called with a sentence where something takes noticeable time.

    Raises:
        UserError: for data that cannot be read, and a task without predictions that can be aligned.
    """
    data = own_data(run) if data is None else str(data)
    if data is None:
        raise UserError(f"The data of {run.path} does not exist any more. Give DATA.")
    title = f"Predicted beside actual: {run.path.name}"
    if isinstance(run, LanguageRun):
        texts = [(data, condition)] if not Path(data).exists() else list(some_texts(run, data))
        rows = [language_row(run, text, own) for text, own in texts]
        unit = {"char": "characters", "word": "words"}.get(run.vocabulary.level, "tokens")
        conditions = {
            "run": str(run.path),
            "data": data[:60],
            "shows": "the most likely next token",
        }
        spaced = words_are_tokens(run)
        return Predictions(title, conditions, rows, f"next {unit}", spaced, {})
    quiet = log or (lambda sentence: None)
    measured = measured_run(run, data, quiet)
    progress = ProgressLog("predicting", quiet)
    for made in run.task.pictures(measured.trained, measured.data, progress):
        aligned = aligned_records(made)
        if aligned is not None:
            rows, what, spaced, numbers = aligned
            return Predictions(title, measured.conditions, rows, what, spaced, numbers)
    raise UserError(
        f"{run.path} is a run of the task {run.task_name}, whose predictions cannot be aligned with the "
        "data; see unroll inspect report."
    )


def some_texts(run: LanguageRun, path: str) -> Iterator[tuple[str, str | None]]:
    """Texts from near the end of a file, or lines that were not trained on where it is the run's own.

    Raises:
        UserError: for a file that the run cannot read.
    """
    encoded, unknown = read_encoded(run, path), run.vocabulary.unknown_id
    if encoded.starts is None:
        at = max(1, min(int(0.9 * len(encoded.ids)), len(encoded.ids) - TOKENS))
        ids = [int(i) for i in encoded.ids[at : at + TOKENS] if i != unknown]
        yield run.vocabulary.decode(ids).strip("\n"), None
        return
    ends = np.append(encoded.starts, len(encoded.ids) - 1)
    lines = (
        list(range(9, len(encoded.starts), 10))[:RECORDS] or range(len(encoded.starts))[:RECORDS]
    )
    for line in lines:
        ids = [int(i) for i in encoded.ids[ends[line] + 1 : ends[line + 1]] if i != unknown]
        text = run.vocabulary.decode(ids).strip()
        category = None
        if run.categories and encoded.categories is not None:
            category = run.categories[int(encoded.categories[line])]
        if text:
            yield text, category


def language_row(run: LanguageRun, text: str, condition: str | None) -> PredictedRow:
    """Each token of a text with the one that was the most likely before it."""
    record = record_text(run, text, condition)
    tokens = record.tokens[0]
    first = len(tokens) - len(record.surprise)  # 1 where nothing is known before the first token
    before = [record.before] if first == 0 else []
    guesses = [*before, *record.guesses]
    pairs = []
    for place, nats in enumerate(record.surprise, first):
        predicted = guesses[place - first][0][0]
        pairs.append(pair(shown_end(tokens[place]), shown_end(predicted), math.exp(-nats)))
    return PredictedRow(condition or "", pairs)


def shown_end(token: str) -> str:
    """The boundary as people read it."""
    return "(end)" if token == BOUNDARY_NAME else token


Aligned = tuple[list[PredictedRow], str, bool, dict[str, np.ndarray]]


def aligned_records(made: TaskPicture) -> Aligned | None:
    """The records of a task, aligned; None for what has no predictions beside actual ones.

    Returns:
        The rows, what is predicted, whether pairs are words, and numbers by record.
    """
    if isinstance(made, ClassifiedRecords):
        return classified_rows(made)
    if isinstance(made, TaggedSentences):
        tagged = []
        for sentence in made.sentences[:RECORDS]:
            three = zip(sentence.words, sentence.actual, sentence.predicted, strict=True)
            tagged.append(PredictedRow("", [pair(a, p, read=word) for word, a, p in three]))
        return tagged, "tags", True, {}
    if isinstance(made, TranslatedTexts):
        rows = [
            PredictedRow(t.source, aligned_pairs(parts_of(t.reference), parts_of(t.output)))
            for t in made.texts[:RECORDS]
        ]
        return rows, "words", True, {}
    if isinstance(made, RecognisedRecords):
        rows = [
            PredictedRow(r.name, aligned_pairs(parts_of(r.reference), parts_of(r.output)))
            for r in made.records[:RECORDS]
        ]
        return rows, "words", True, {}
    if isinstance(made, CaptionedImages):
        rows = []
        for image in made.images[:RECORDS]:
            found = [aligned_pairs(r.split(), image.caption.split()) for r in image.references]
            best = min(found, key=lambda own: sum(p.state != RIGHT for p in own))
            rows.append(PredictedRow(f"{image.name} (the reference that is nearest)", best))
        return rows, "words", True, {}
    if isinstance(made, ClipStrips):
        rows = [
            PredictedRow(c.name, [pair(a, p) for a, p in zip(c.actual, c.predicted, strict=False)])
            for c in made.clips[:RECORDS]
        ]
        return rows, "labels", True, {}
    return forecast_rows(made) if isinstance(made, Forecasts) else None


def classified_rows(made: ClassifiedRecords) -> Aligned:
    """Label beside label, with the probability of the actual one."""
    rows, several = [], made.targets.ndim == 2
    for name, p, target in zip(
        made.names[:RECORDS], made.probabilities, made.targets, strict=False
    ):
        if several:
            actual = " ".join(made.classes[int(k)] for k in np.flatnonzero(target))
            predicted = " ".join(made.classes[int(k)] for k in np.flatnonzero(p > 0.5))
            rows.append(PredictedRow(name, [pair(actual, predicted)]))
            continue
        known = int(target) >= 0
        actual = made.classes[int(target)] if known else "(no class of the run)"
        predicted = made.classes[int(p.argmax())]
        probability = float(p[int(target)]) if known else 0.0
        rows.append(PredictedRow(name, [pair(actual, predicted, probability)]))
    return rows, f"labels of {made.unit}", True, {}


def forecast_rows(made: Forecasts) -> Aligned:
    """Numbers beside numbers; right are those inside their band."""
    rows, numbers = [], {}
    for series in made.series[:RECORDS]:
        pairs = []
        times = list(series.times)[len(series.history) :]
        for time, a, m, low, high in zip(
            times, series.actual, series.middle, series.low, series.high, strict=False
        ):
            if math.isfinite(a):
                state = RIGHT if low <= a <= high else WRONG
                pairs.append(
                    AlignedPair(str(time), format_number(a), format_number(m), None, state)
                )
        name = series.name or made.target
        rows.append(PredictedRow(name, pairs))
        numbers[name] = np.stack(
            [np.asarray(series.actual, float), np.asarray(series.middle, float)], 1
        )
    return rows, "values", True, numbers
