"""Every inspection of a run on one page."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.vocabulary import UNKNOWN
from unroll.errors import UserError
from unroll.inspect.attention import attention_of_run, supports_attention
from unroll.inspect.cell_gradients import gradients_of_cells
from unroll.inspect.cover import cover_line
from unroll.inspect.finding import Finding, Picture, html_table
from unroll.inspect.gates import gates_of_run
from unroll.inspect.history import history_of_run
from unroll.inspect.over_training import over_training_of_run
from unroll.inspect.page import Section, render_page
from unroll.inspect.predictions import predictions_of_run
from unroll.inspect.run_gradients import gradients_of_run
from unroll.inspect.states import states_of_run
from unroll.inspect.summary_table import summary_html
from unroll.inspect.task_pictures.results import made_results
from unroll.inspect.text_windows import read_encoded
from unroll.inspect.vectors import vectors_of_run
from unroll.run import LanguageRun, Run

TOKENS = 600  # of the text whose states are shown
EXAMPLES = 3  # records whose attention is shown


@dataclass(frozen=True)
class Report(Finding):
    """Several findings on one page.

    Attributes:
        title: of the page.
        conditions: the run and its data.
        metrics: the run in a few numbers, by name.
        line: what the run is and how good, in one sentence.
        summary: how good the model is, in sentences and aligned rows.
        parts: the findings, by name.
        missing: sentences that say what could not be shown, with the reason.
    """

    title: str
    conditions: dict[str, Any]
    metrics: dict[str, str]
    line: str
    summary: list[str]
    parts: tuple[tuple[str, Finding], ...]
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The numbers of every part, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "metrics": self.metrics,
            "cover": self.line,
            "summary": self.summary,
            "parts": {name: finding.as_dict() for name, finding in self.parts},
            "missing": list(self.missing),
        }

    def cover(self) -> str:
        """What the run is and how good, in one sentence."""
        return self.line

    def table(self) -> list[list[str]]:
        """The run in a few numbers."""
        return [["", self.title], *([name, value] for name, value in self.metrics.items())]

    def text(self) -> str:
        """The summary, and the text of every part."""
        lines = [self.line, "", *self.summary]
        for name, finding in self.parts:
            lines += ["", f"--- {name} ---", finding.text()]
        return "\n".join([*lines, *(f"Not shown: {reason}" for reason in self.missing)])

    def pictures(self) -> dict[str, Picture]:
        """The pictures of every part; each name begins with that of the part."""
        return {
            f"{name} {key}": picture
            for name, finding in self.parts
            for key, picture in finding.pictures().items()
        }

    def _repr_html_(self) -> str:
        parts = "".join(
            f"<details><summary>{html.escape(name)}</summary>{finding._repr_html_()}</details>"
            for name, finding in self.parts
        )
        missing = "".join(f"<p>Not shown: {html.escape(reason)}</p>" for reason in self.missing)
        title = html.escape(self.title)
        summary = f"<p>{html.escape(self.line)}</p>{summary_html(self.summary)}"
        return f"<h3>{title}</h3>{summary}{html_table(self.table())}{parts}{missing}"

    def section(self) -> Section:
        """How good the model is: tables beside the baselines, and sentences."""
        return Section("summary", "How good it is", {"summary": summary_html(self.summary)})

    def _made(self) -> Section:
        """How the run was made, and what could not be shown."""
        missing = "".join(f"<li>{html.escape(reason)}</li>" for reason in self.missing)
        parts = {
            "table": html_table([["what", "value"], *map(list, self.metrics.items())]),
            "missing": f"<h3>Not shown</h3><ul>{missing}</ul>" if missing else "",
        }
        return Section("made", "How it was made", parts)

    def html(self, command: str = "") -> str:
        """A page of all parts that works offline. command: that made it, to be shown on the page."""
        sections = [self.section()] if self.summary else []
        sections += [
            replace(finding.section(), title=name[:1].upper() + name[1:])
            for name, finding in self.parts
        ]
        return render_page(self.title, [*sections, self._made()], command, cover=self.cover())


def report_of_run(
    run: Run, data: str | Path | None = None, log: Callable[[str], None] | None = None
) -> Report:
    """Make every inspection that a run supports.

    When to use it: for an overview of a trained model, or a page to share. The run is not changed.

    Args:
        run: a trained run.
        data: a file of the kind that it was trained on. Default: the data of the run, where the
            file still exists.
        log: called with the name of each part before it is made.

    Returns:
        The report; a part that cannot be made is listed in its `missing`, with the reason.
    """
    own = run.config["data"]["path"]
    missing: list[str] = []
    if data is None and own != "-" and Path(own).exists():
        data = own
    if data is None:
        missing.append(f"Everything that needs data: {own} does not exist any more; give DATA.")
    parts: list[tuple[str, Finding]] = []
    if data is not None:
        try:
            parts += made_results(run, data, told_of_results(log))
        except UserError as error:
            missing.append(f"results on the validation set: {error}")
    for name, make_part in report_parts(run, data):
        if log is not None:
            log(name)
        try:
            parts.append((name, make_part()))
        except UserError as error:
            missing.append(f"{name}: {error}")
    result = run.result()
    where = result.get("validation_set", "the validation set")
    return Report(
        title=f"Report on {run.path.name}",
        conditions={"run": str(run.path), "data": None if data is None else str(data)},
        metrics=run_metrics(run),
        line=cover_line(run),
        summary=run.summarise(result, where) if result else [],
        parts=tuple(parts),
        missing=tuple(missing),
    )


def told_of_results(log: Callable[[str], None] | None) -> Callable[[str], None]:
    """What takes the progress of the results on the validation set, and passes it on as a part."""
    if log is None:
        return lambda sentence: None
    log("the validation set")
    return lambda sentence: log(f"the validation set ({sentence.rstrip('.')})")


def report_parts(run: Run, data: str | Path | None) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """The name of every part of a report, and the function that makes it."""
    yield "training", lambda: history_of_run(run)
    yield "over training", lambda: over_training_of_run(run)
    if data is not None:
        if isinstance(run, LanguageRun):  # the results of other tasks have theirs
            yield "predictions", lambda: predictions_of_run(run, data)
        yield "states", partial(sample_states, run, str(data))
        yield from attention_parts(run, str(data))
        yield "gates", lambda: gates_of_run(run, data)
        yield "gradients", lambda: gradients_of_run(run, data)
    yield "vectors", lambda: vectors_of_run(run)
    yield (
        "Elman beside LSTM",
        lambda: gradients_of_cells(["rnn", "lstm"], length=100, hidden=32, noise=True),
    )


def attention_parts(run: Run, path: str) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """The attention, or the attributions, of the first records of a file."""
    if not supports_attention(run):
        return
    try:
        inputs = list(islice(read_inputs(run, path), EXAMPLES))
    except UserError as error:
        yield "attention", partial(raise_error, error)
        return
    for n, value in enumerate(inputs, 1):
        yield f"attention {n}", partial(attention_of_run, run, value)


def read_inputs(run: Run, path: str) -> Iterator[Any]:
    """The inputs in a file, with bad records treated as in training: the file is often the same."""
    return iter(run.task.read_inputs(replace(run.trained, settings=run.recorded), path))


def raise_error(error: UserError) -> Finding:
    """Raise an error later, where its part is made."""
    raise error


def sample_states(run: Run, path: str) -> Finding:
    """The states over a sample of a file, with units scored on the same file."""
    text, condition = sample_text(run, path)
    scored = path if isinstance(run, LanguageRun) else None  # others read their inputs one by one
    return states_of_run(run, text, condition=condition, score_on=scored)


def sample_text(run: Run, path: str) -> tuple[Any, str | None]:
    """An input from a file, and its category.

    Args:
        run: a trained run.
        path: data of the kind that it was trained on.

    Returns:
        The first record; for a language model the last line, or a part near the end of the text,
        which belongs to the validation set where the file is the data of the run.

    Raises:
        UserError: for a file that the run cannot read.
    """
    if not isinstance(run, LanguageRun):
        return next(read_inputs(run, path), ""), None
    encoded, unknown = read_encoded(run, path), run.vocabulary.unknown_id
    if encoded.starts is not None:
        line = len(encoded.starts) - 1
        ids = known_ids(encoded.ids[encoded.starts[line] + 1 :], unknown)
        condition = None
        if run.categories and encoded.categories is not None:
            condition = run.categories[int(encoded.categories[line])]
        return run.vocabulary.decode(ids).strip(), condition
    at = max(1, min(int(0.9 * len(encoded.ids)), len(encoded.ids) - TOKENS))
    text = run.vocabulary.decode(known_ids(encoded.ids[at : at + TOKENS], unknown))
    first, _, rest = text.partition("\n")
    return (rest if len(rest) > len(first) else text), None


def known_ids(ids: np.ndarray, unknown: int | None = UNKNOWN) -> list[int]:
    """The ids without the unknown token, whose text could not be read again."""
    return [int(i) for i in ids if i != unknown]


def run_metrics(run: Run) -> dict[str, str]:
    """The run in a few numbers, by name."""
    settings, result = run.settings, run.result()
    return {
        "task": run.task_name,
        "cell": settings.cell,
        "layers": str(settings.layers),
        "units": str(settings.hidden),
        "parameters": f"{sum(p.numel() for p in run.model.parameters()):,}",
        "steps": f"{result['steps']:,}" if "steps" in result else "-",
        "seconds": str(result.get("seconds", "-")),
        "backend": settings.backend,
        "data": run.config["data"]["path"],
        "validation set": run.config["data"]["validation_set"],
    }
