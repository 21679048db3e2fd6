"""Cells compared on a problem: accuracy against distance, over several seeds."""

from __future__ import annotations

import html
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import torch

from unroll.compare.difference import describe_difference
from unroll.compare.learner import RATE, Learned, Learner, learn
from unroll.compare.problem import Problem
from unroll.compare.problems import PROBLEMS
from unroll.counting import counted
from unroll.errors import UserError
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    html_table,
    round_digits,
    text_table,
)
from unroll.inspect.page import Section
from unroll.settings import RecurrentSettings

SEEDS, HIDDEN = 3, 64
MOST_CELLS, MOST_SEEDS = 12, 20
INITIALISATIONS = get_args(RecurrentSettings.model_fields["initialisation"].annotation)


@dataclass(frozen=True)
class Comparison(Finding):
    """What several cells came to on one problem. A notebook shows it as a picture and a table.

    Attributes:
        title: what was compared.
        conditions: under which conditions.
        problem: that was learned.
        learned: of each cell, one for each seed.
    """

    title: str
    conditions: dict[str, Any]
    problem: Problem
    learned: dict[str, list[Learned]]

    def mean(self, cell: str, distance: int) -> float:
        """The accuracy of a cell at a distance, over its seeds."""
        return statistics.fmean(one.accuracy[distance] for one in self.learned[cell])

    def overall(self, cell: str) -> list[float]:
        """The accuracy over all distances, of each seed of a cell."""
        return [statistics.fmean(one.accuracy.values()) for one in self.learned[cell]]

    def chance(self) -> float:
        """The accuracy over all distances without memory."""
        return statistics.fmean(map(self.problem.chance, self.problem.tested))

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "problem": self.problem.name,
            "chance": {d: round_digits(self.problem.chance(d)) for d in self.problem.tested},
            "cells": {
                cell: {
                    "parameters": seeds[0].parameters,
                    "start": seeds[0].start,
                    "accuracy": {d: round_digits(self.mean(cell, d)) for d in self.problem.tested},
                    "overall": [round_digits(share) for share in self.overall(cell)],
                    "seeds": [
                        {
                            "accuracy": {d: round_digits(a) for d, a in one.accuracy.items()},
                            "losses": {
                                step: round_digits(loss) for step, loss in one.losses.items()
                            },
                            "steps": one.steps,
                            "seconds": round(one.seconds, 2),
                            "diverged": one.diverged,
                        }
                        for one in seeds
                    ],
                }
                for cell, seeds in self.learned.items()
            },
            "verdict": self.verdicts(),
        }

    def table(self) -> list[list[str]]:
        """A row of each cell; the first row holds the names of the columns."""
        head = [*map(str, self.problem.tested), "all", "seeds", "weights", "seconds"]
        rows = [["cell", *head]]
        for cell, seeds in self.learned.items():
            shares = [f"{self.mean(cell, d):.1%}" for d in self.problem.tested]
            overall = self.overall(cell)
            spread = f"{min(overall):.1%} to {max(overall):.1%}"
            seconds = statistics.fmean(one.seconds for one in seeds)
            whole = f"{statistics.fmean(overall):.1%}"
            rows.append(
                [cell, *shares, whole, spread, f"{seeds[0].parameters:,}", f"{seconds:.1f}"]
            )
        shares = [f"{self.problem.chance(d):.0%}" for d in self.problem.tested]
        rows.append(["chance", *shares, f"{self.chance():.0%}", "", "", ""])
        return rows

    def verdicts(self) -> list[str]:
        """What the numbers say: of each cell, and whether the best differs from the others."""
        far = self.problem.tested[-1]
        sentences = []
        for cell, seeds in self.learned.items():
            mean = statistics.fmean(self.overall(cell))
            sentence = (
                f"{cell}: {mean:.1%} of the {self.problem.counts} are right, {self.mean(cell, far):.1%} at "
                f"the largest distance, {far} (chance {self.problem.chance(far):.0%})."
            )
            lost = sum(one.diverged for one in seeds)
            if lost:
                sentence += f" The loss of {counted(lost, 'seed')} was no longer finite."
            sentences.append(sentence)
        if len(self.learned) > 1:
            overall = {cell: self.overall(cell) for cell in self.learned}
            sentences.append(describe_difference(overall, higher_is_better=True))
        return sentences

    def text(self) -> str:
        """The table, and what it says."""
        given = format_conditions(self.conditions)
        lines = [f"{self.title}.", f"({given})", "", f"Columns: {self.problem.distance}."]
        return "\n".join([*lines, text_table(self.table()), "", *self.verdicts()])

    def pictures(self) -> dict[str, Picture]:
        """`accuracy` against distance, and the `losses` of training."""
        rows: list[Row] = [["cell", "seed", "distance", "accuracy"]]
        losses: list[Row] = [["cell", "seed", "step", "loss"]]
        for cell, seeds in self.learned.items():
            for n, one in enumerate(seeds, 1):
                rows += [[cell, n, d, a] for d, a in one.accuracy.items()]
                losses += [[cell, n, step, loss] for step, loss in one.losses.items()]
        return {
            "accuracy": Picture(self._draw_accuracy, rows),
            "losses": Picture(self._draw_losses, losses),
        }

    def _draw_accuracy(self) -> Drawing:
        lines = [
            Curve(cell, n, {d: self.mean(cell, d) for d in self.problem.tested}, n // 8)
            for n, cell in enumerate(self.learned)
        ]
        chance = {d: self.problem.chance(d) for d in self.problem.tested}
        lines.append(Curve("chance", 6, chance, 2))
        label = f"share of the {self.problem.counts} that are right"
        return draw_curves(lines, label, self.problem.distance, level=1.0, logarithmic=False)

    def _draw_losses(self) -> Drawing:
        lines = []
        for n, (cell, seeds) in enumerate(self.learned.items()):
            steps = [step for step in seeds[0].losses if all(step in one.losses for one in seeds)]
            points = {s: statistics.fmean(one.losses[s] for one in seeds) for s in steps}
            if points:
                lines.append(Curve(cell, n, points, n // 8))
        return draw_curves(lines, "loss of training", "step", logarithmic=not self.problem.symbols)

    def section(self) -> Section:
        """The curves, the verdict and the table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": "".join(self.figure(name) for name in self.pictures()),
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in self.verdicts()),
            "table": html_table(self.table()),
        }
        return Section("history", self.title, parts)


def compare(
    cells: Sequence[str],
    task: str = "agreement",
    *,
    seeds: int = SEEDS,
    hidden: int = HIDDEN,
    steps: int | None = None,
    seconds: float | None = None,
    learning_rate: float = RATE,
    init: str = "torch",
    cell_options: str | dict[str, Any] | None = None,
    progress: Callable[[str, float], None] = lambda name, share: None,
) -> Comparison:
    """Train cells on a generated problem, side by side.

    Every cell has the same sequences, steps and read-out, and weights drawn by the same rule: uniform in
    +-1/sqrt(H), as torch draws them. A cell whose paper asks for another start (irnn, lru, echo_state)
    keeps that, and it is said.

    When to use it: to see a claim about cells for oneself, or whether a cell of one's own keeps up.

    Args:
        cells: names that `unroll cells` lists, or FILE.py:CLASS.
        task: "hello", "agreement", "counting" (a^n b^n), "copy", "reversal" or "adding".
        seeds: how many networks of each cell.
        hidden: H, units.
        steps: of training. Default: what suffices for a cell that can do it.
        seconds: at most for each network.
        learning_rate: the highest, of Adam.
        init: "torch", or an initialisation for lstm, gru and rnn alone.
        cell_options: further arguments of every cell, by name or as JSON.
        progress: called with what is trained and the share of it that is done.

    Raises:
        UserError: for a cell, a problem or a number that cannot be used.

    Examples:
        >>> from unroll.compare.comparison import compare
        >>> found = compare(["rnn"], "hello", seeds=1, hidden=4, steps=2)
        >>> found.learned["rnn"][0].steps
        2
    """
    problem = checked_problem(task)
    check_numbers(cells, seeds, hidden, steps, seconds, learning_rate, init)
    taken = problem.steps if steps is None else steps
    make = partial(Learner, problem, hidden=hidden, init=init, cell_options=cell_options)
    with torch.random.fork_rng(devices=[]):
        for cell in cells:  # what cannot be made is refused before anything is trained
            make(cell)
    learned: dict[str, list[Learned]] = {}
    for cell in cells:
        learned[cell] = []
        for seed in range(1, seeds + 1):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                learner = make(cell)
            learned[cell].append(
                learn(
                    problem,
                    learner,
                    seed,
                    steps=taken,
                    seconds=seconds,
                    rate=learning_rate,
                    progress=partial(progress, f"{cell}, seed {seed} of {seeds}"),
                )
            )
    starts = {cell: one[0].start for cell, one in learned.items()}
    conditions = {
        "units": hidden,
        "steps": taken,
        "seconds": seconds,
        "seeds": seeds,
        "learning_rate": learning_rate,
        "start": "; ".join(dict.fromkeys(starts.values())),
    }
    names = ", ".join(cells)
    return Comparison(f"{problem.title}: {names}", conditions, problem, learned)


def checked_problem(task: str) -> Problem:
    """The problem of this name.

    Raises:
        UserError: where there is none.
    """
    if task not in PROBLEMS:
        raise UserError(
            f"--task got {task!r}, which is no file and no problem; expected {', '.join(PROBLEMS)}, or a file "
            "of data."
        )
    return PROBLEMS[task]()


def check_numbers(
    cells: Sequence[str],
    seeds: int,
    hidden: int,
    steps: int | None,
    seconds: float | None,
    learning_rate: float,
    init: str,
) -> None:
    """Raise UserError for what is out of range."""
    if not cells:
        raise UserError("No cell was given; expected names such as rnn,lstm.")
    if len(set(cells)) < len(cells) or len(cells) > MOST_CELLS:
        raise UserError(
            f"The cells are {', '.join(cells)}; expected up to {MOST_CELLS}, each of them once."
        )
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"--seeds got {seeds}; expected 1 to {MOST_SEEDS}.")
    for flag, value in (("hidden", hidden), ("steps", steps), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise UserError(f"--{flag} got {value}; expected more than 0.")
    if not 0 < learning_rate < 10:
        raise UserError(f"--learning-rate got {learning_rate}; expected more than 0 and under 10.")
    if init not in INITIALISATIONS:
        raise UserError(f"--init got {init!r}; expected one of {', '.join(INITIALISATIONS)}.")
