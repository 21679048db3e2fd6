"""Cells compared on a problem: accuracy against distance, over several seeds."""

from __future__ import annotations

import html
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from unroll.compare.difference import describe_difference
from unroll.compare.learner import CLIP, OPTIMIZERS, RATE, Learned, Learner, learn
from unroll.compare.problem import Problem
from unroll.compare.problems import PROBLEMS
from unroll.compare.variants import Variant, shown, variants_of
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

SEEDS, HIDDEN = 3, 64
MOST_SEEDS = 20
CAPTIONS = {
    "accuracy": "Higher is better. Dashed: all are right. Dotted: chance, without memory.",
    "losses": "The loss over the steps of training, the mean of the seeds.",
}
BRIEF = 3  # sentences that stand below the title of a page


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
                            "gradient_norms": {
                                step: round_digits(norm)
                                for step, norm in one.gradient_norms.items()
                            },
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
                after = max(one.steps for one in seeds if one.diverged)
                sentence += (
                    f" It diverged: the loss of {counted(lost, 'seed')} was no longer finite after "
                    f"{counted(after, 'step')} at most."
                )
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
        """`accuracy` against distance; the `losses` of training, and the norms of its `gradients`."""
        rows: list[Row] = [["cell", "seed", "distance", "accuracy"]]
        losses: list[Row] = [["cell", "seed", "step", "loss"]]
        norms: list[Row] = [["cell", "seed", "step", "largest_gradient_norm"]]
        for cell, seeds in self.learned.items():
            for n, one in enumerate(seeds, 1):
                rows += [[cell, n, d, a] for d, a in one.accuracy.items()]
                losses += [[cell, n, step, loss] for step, loss in one.losses.items()]
                norms += [[cell, n, step, norm] for step, norm in one.gradient_norms.items()]
        return {
            "accuracy": Picture(self._draw_accuracy, rows),
            "losses": Picture(self._draw_losses, losses),
            "gradients": Picture(self._draw_gradients, norms),
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
        means = {cell: mean_by_step([one.losses for one in s]) for cell, s in self.learned.items()}
        return self._draw_steps(means, "loss of training", not self.problem.symbols)

    def _draw_gradients(self) -> Drawing:
        means = {
            cell: mean_by_step([one.gradient_norms for one in seeds])
            for cell, seeds in self.learned.items()
        }
        return self._draw_steps(means, "norm of the gradient before clipping, largest", True)

    def _draw_steps(
        self, means: dict[str, dict[int, float]], label: str, logarithmic: bool
    ) -> Drawing:
        """Curves over the steps of training; what diverged at once has none."""
        lines = [Curve(cell, n, means[cell], n // 8) for n, cell in enumerate(means) if means[cell]]
        if not lines:
            lines = [Curve("no network took a step", 0, {0: 0.0})]
        return draw_curves(lines, label, "step", logarithmic=logarithmic)

    def cover(self) -> str:
        """What was found, in one to three sentences."""
        said = self.verdicts()
        return " ".join(said if len(said) <= BRIEF else said[-1:])

    def section(self) -> Section:
        """The curves, the verdict and the table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "beside": "",
            "pictures": "".join(
                self.figure(name, CAPTIONS.get(name, "")) for name in self.pictures()
            ),
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in self.verdicts()),
            "table": html_table(self.table()),
        }
        return Section("history", self.title, parts)


def mean_by_step(seeds: Sequence[dict[int, float]]) -> dict[int, float]:
    """The mean over the seeds at every step that all of them reached."""
    steps = [step for step in seeds[0] if all(step in one for one in seeds)]
    return {step: statistics.fmean(one[step] for one in seeds) for step in steps}


def compare(
    cells: Sequence[str],
    task: str = "agreement",
    *,
    seeds: int = SEEDS,
    hidden: int = HIDDEN,
    steps: int | None = None,
    seconds: float | None = None,
    learning_rate: float = RATE,
    init: str | Sequence[str] = "torch",
    gain: float | Sequence[float] = 1.0,
    clip: float | Sequence[float | None] | None = CLIP,
    truncate: int | Sequence[int | None] | None = None,
    directions: int | Sequence[int] = 1,
    optimizer: str = "adam",
    cell_options: str | dict[str, Any] | None = None,
    progress: Callable[[str, float], None] = lambda name, share: None,
) -> Comparison:
    """Train cells on a generated problem, side by side.

    Every cell has the same sequences, steps and read-out, and weights drawn by the same rule: uniform in
    +-1/sqrt(H), as torch draws them. A cell whose paper asks for another start (irnn, lru, echo_state)
    keeps that, and it is said. Where `init`, `gain`, `clip` or `truncate` get several values, every cell
    is trained with each of them, on the same sequences.

    When to use it: to see a claim about cells, starts, clipping or truncation for oneself, or whether a
    cell of one's own keeps up.

    Args:
        cells: names that `unroll cells` lists, or FILE.py:CLASS.
        task: "hello", "agreement", "counting" (a^n b^n), "copy", "reversal", "adding" or "names".
        seeds: how many networks of each cell.
        hidden: H, units.
        steps: of training. Default: what suffices for a cell that can do it.
        seconds: at most for each network.
        learning_rate: the highest, of Adam.
        init: "torch", or an initialisation for lstm, gru and rnn alone; one or several.
        gain: a factor of the recurrent weights at the start; one or several.
        clip: the norm to which the gradient of all weights is clipped, None for no clipping; one or
            several.
        truncate: the state counts as a constant every so many steps, None for full gradients; one or
            several.
        directions: 2 for networks that read in both directions, with a cell for each; 1, 2 or both.
        optimizer: "adam", whose steps hardly depend on the size of the gradient, or "sgd".
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
    check_numbers(seeds, hidden, steps, seconds, learning_rate)
    if optimizer not in OPTIMIZERS:
        raise UserError(f"--optimizer got {optimizer!r}; expected {' or '.join(OPTIMIZERS)}.")
    variants = variants_of(
        cells, init=init, gain=gain, clip=clip, truncate=truncate, directions=directions
    )
    check_directions(problem, variants)
    taken = problem.steps if steps is None else steps

    make = partial(fresh_learner, problem, hidden, cell_options)
    for variant in variants:  # what cannot be made is refused before anything is trained
        make(variant, 1)
    learned: dict[str, list[Learned]] = {}
    for variant in variants:
        learned[variant.label] = [
            learn(
                problem,
                make(variant, seed),
                seed,
                steps=taken,
                seconds=seconds,
                rate=learning_rate,
                clip=variant.clip,
                optimizer=optimizer,
                progress=partial(progress, f"{variant.label}, seed {seed} of {seeds}"),
            )
            for seed in range(1, seeds + 1)
        ]
    starts = {label: one[0].start for label, one in learned.items()}
    conditions = {
        "units": hidden,
        "steps": taken,
        "seconds": seconds,
        "seeds": seeds,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "clip": " and ".join(dict.fromkeys(shown(v.clip) for v in variants)),
        "truncate": " and ".join(dict.fromkeys(shown(v.truncate) for v in variants)),
        "start": "; ".join(dict.fromkeys(starts.values())),
    }
    return Comparison(f"{problem.title}: {', '.join(learned)}", conditions, problem, learned)


def fresh_learner(
    problem: Problem,
    hidden: int,
    cell_options: str | dict[str, Any] | None,
    variant: Variant,
    seed: int,
) -> Learner:
    """A network that has learned nothing. hidden: H; seed: of its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Learner(
            problem,
            variant.cell,
            hidden,
            variant.init,
            cell_options,
            variant.gain,
            variant.truncate,
            variant.directions,
        )


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


def check_directions(problem: Problem, variants: Sequence[Variant]) -> None:
    """Raise UserError where a cell that reads from the end reads what is to be predicted."""
    if problem.predicts_what_follows and any(variant.directions == 2 for variant in variants):
        raise UserError(
            f"--directions 2 is not for --task {problem.name}: a cell that reads from the end reads the very "
            "symbol that is to be predicted. Expected a task such as names or adding, or --directions 1."
        )


def check_numbers(
    seeds: int, hidden: int, steps: int | None, seconds: float | None, learning_rate: float
) -> None:
    """Raise UserError for what is out of range."""
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"--seeds got {seeds}; expected 1 to {MOST_SEEDS}.")
    for flag, value in (("hidden", hidden), ("steps", steps), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise UserError(f"--{flag} got {value}; expected more than 0.")
    if not 0 < learning_rate < 10:
        raise UserError(f"--learning-rate got {learning_rate}; expected more than 0 and under 10.")
