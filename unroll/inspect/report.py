"""Everything that can be seen of a run on one page."""

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
from unroll.inspect import attention
from unroll.inspect.experiment import gradients_of_cells
from unroll.inspect.finding import Finding, Picture, html_table
from unroll.inspect.gates import gates_of_run
from unroll.inspect.history import history_of_run
from unroll.inspect.of_run import gradients_of_run, read
from unroll.inspect.page import Section, page
from unroll.inspect.states import states_of_run
from unroll.inspect.vectors import vectors_of_run
from unroll.run import LanguageRun, Run

TOKENS = 600  # of a text whose states are shown
EXAMPLES = 3  # records whose attention is shown


@dataclass(frozen=True)
class Report(Finding):
    """Many findings side by side. figures: of the run, by name. verdict: how good it is, in
    sentences. missing: what there is nothing to see of, and why."""

    title: str
    conditions: dict[str, Any]
    figures: dict[str, str]
    verdict: list[str]
    parts: tuple[tuple[str, Finding], ...]
    missing: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Those of every part."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "figures": self.figures,
            "verdict": self.verdict,
            "parts": {name: found.facts() for name, found in self.parts},
            "missing": list(self.missing),
        }

    def table(self) -> list[list[str]]:
        """The run in a few numbers."""
        return [["", self.title], *([name, value] for name, value in self.figures.items())]

    def text(self) -> str:
        """Every part in words."""
        lines = [*self.verdict]
        for name, found in self.parts:
            lines += ["", f"--- {name} ---", found.text()]
        return "\n".join([*lines, *(f"Not shown: {why}" for why in self.missing)])

    def pictures(self) -> dict[str, Picture]:
        """Those of every part, named after it."""
        return {
            f"{name} {picture}": drawn
            for name, found in self.parts
            for picture, drawn in found.pictures().items()
        }

    def section(self) -> Section:
        """The run in a few words."""
        parts = {
            "verdict": "".join(f"<li>{html.escape(said)}</li>" for said in self.verdict),
            "table": html_table(self.table()),
            "missing": " ".join(f"Not shown: {html.escape(why)}" for why in self.missing),
        }
        return Section("overview", "The run", parts)

    def html(self, command: str = "") -> str:
        """The page of all parts."""
        sections = [self.section(), *(found.section() for _, found in self.parts)]
        return page(self.title, sections, command)


def report_of_run(
    run: Run, data: str | Path | None = None, watch: Callable[[str], None] | None = None
) -> Report:
    """Look at everything that a run lets one look at.

    When to use it: as the first look into a trained model, or a page to hand on. The run is not
    changed.

    data: a file of the kind it was trained on; None: its own, where it is still there. watch: told
    what is looked at.
    """
    own = run.config["data"]["path"]
    missing: list[str] = []
    if data is None and own != "-" and Path(own).exists():
        data = own
    if data is None:
        missing.append(f"What needs data: {own} is gone; give DATA.")
    parts: list[tuple[str, Finding]] = []
    for name, look in looks(run, data):
        if watch is not None:
            watch(name)
        try:
            parts.append((name, look()))
        except UserError as why:
            missing.append(f"{name}: {why}")
    result = run.result()
    where = result.get("validation_set", "the held-out part")
    return Report(
        title=f"Inside {run.path.name}",
        conditions={"run": str(run.path), "data": None if data is None else str(data)},
        figures=figures(run),
        verdict=run.summarise(result, where) if result else [],
        parts=tuple(parts),
        missing=tuple(missing),
    )


def looks(run: Run, data: str | Path | None) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """Every part of a report, with what makes it."""
    yield "training", lambda: history_of_run(run)
    if data is not None:
        yield "gradients", lambda: gradients_of_run(run, data)
        text, condition = "", None
        try:
            text, condition = some_text(run, str(data))
        except UserError as why:
            yield "states", failing(why)
        else:
            yield "states", lambda: states_of_run(run, text, condition=condition, score_on=data)
        yield "gates", lambda: gates_of_run(run, data)
    yield "vectors", lambda: vectors_of_run(run)
    if data is not None and attention.looks(run):
        try:
            questions = list(islice(questions_of(run, str(data)), EXAMPLES))
        except UserError as why:
            yield "attention", failing(why)
        else:
            for n, question in enumerate(questions, 1):
                yield f"attention {n}", partial(attention.attention_of_run, run, question)
    yield (
        "Elman beside LSTM",
        lambda: gradients_of_cells(["rnn", "lstm"], length=100, hidden=32, noise=True),
    )


def questions_of(run: Run, path: str) -> Iterator[Any]:
    """The questions in a file, which is mostly the run's own: bad records are as they were then."""
    return iter(run.task.read_inputs(replace(run.trained, settings=run.recorded), path))


def failing(why: UserError) -> Callable[[], Finding]:
    def look() -> Finding:
        raise why

    return look


def some_text(run: Run, path: str) -> tuple[Any, str | None]:
    """A piece of the data to read, and its condition: the first record, or of a text a part near
    its end, which is held out of training where it is the run's own."""
    if not isinstance(run, LanguageRun):
        return next(questions_of(run, path), ""), None
    encoded = read(run, path)
    if encoded.starts is not None:
        line = len(encoded.starts) - 1
        ids = known(encoded.ids[encoded.starts[line] + 1 :])
        condition = None
        if encoded.categories is not None:
            condition = run.categories[int(encoded.categories[line])]
        return run.vocabulary.decode(ids).strip(), condition
    at = max(1, min(int(0.9 * len(encoded.ids)), len(encoded.ids) - TOKENS))
    text = run.vocabulary.decode(known(encoded.ids[at : at + TOKENS]))
    first, _, rest = text.partition("\n")
    return (rest if len(rest) > len(first) else text), None


def known(ids: np.ndarray) -> list[int]:
    """Without what the vocabulary does not know: it could not be read again."""
    return [int(i) for i in ids if i != UNKNOWN]


def figures(run: Run) -> dict[str, str]:
    """The run in a few numbers."""
    settings, result = run.settings, run.result()
    found = {
        "task": run.task_name,
        "cell": settings.cell,
        "layers": str(settings.layers),
        "units": str(settings.hidden),
        "parameters": f"{sum(p.numel() for p in run.model.parameters()):,}",
        "steps": f"{result['steps']:,}" if "steps" in result else "-",
        "seconds": str(result.get("seconds", "-")),
        "backend": settings.backend,
        "data": run.config["data"]["path"],
        "held out": run.config["data"]["validation_set"],
    }
    return found
