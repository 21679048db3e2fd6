"""What a language model predicts where a unit is set by hand: a cause, not only a correlation.

T tokens, V vocabulary.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.errors import UserError
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    html_table,
    network_alone,
    round_digits,
    text_table,
)
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.inspect.probing.read_texts import words_are_tokens
from unroll.inspect.text_rows import text_with_rows, visible
from unroll.models.language_decoding import prompt_ids, start_ids
from unroll.run import LanguageRun, Run

TOP = 10
CHANGE = re.compile(
    r"(?:layer\s*(?P<layer>\d+)\s*)?(?P<field>[A-Za-z_][\w.]*)?\s*\[(?P<unit>\d+)\]\s*="
    r"\s*(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
)


@dataclass(frozen=True)
class SetUnit:
    """A unit, and the activation that it gets.

    Attributes:
        layer: from 1.
        field: of the state: "h", "c".
        unit: from 0.
        value: that it is set to.
        before: that it had.
    """

    layer: int
    field: str
    unit: int
    value: float
    before: float

    @property
    def label(self) -> str:
        """`layer 1 c[20]`."""
        return f"layer {self.layer} {self.field}[{self.unit}]"


@dataclass(frozen=True)
class Intervention(Finding):
    """Next-token probabilities before and after units were set. A notebook shows a picture and a table.

    Attributes:
        title: what was done.
        conditions: under which conditions.
        tokens: of the text, T.
        at: after how many of them the units are set.
        units: that were set.
        names: of the V tokens.
        before: the probability of each next token after each token, [T, V].
        after: the same with the units set, [T, V]; alike up to `at`.
        spaced: whether tokens are words, with spaces between.
    """

    title: str
    conditions: dict[str, Any]
    tokens: list[str]
    at: int
    units: list[SetUnit]
    names: list[str]
    before: Tensor
    after: Tensor
    spaced: bool

    def next_tokens(self, count: int = TOP) -> list[tuple[str, float, float]]:
        """(token, probability before, after) after the last token, those that are likely in either first.

        count: how many, at most.
        """
        before, after = self.before[-1], self.after[-1]
        order = torch.maximum(before, after).argsort(descending=True, stable=True)[:count].tolist()
        return [(self.names[k], float(before[k]), float(after[k])) for k in order]

    def differences(self) -> list[float]:
        """How far apart both distributions are after each token: half the sum of |p - q|, from 0 to 1."""
        found: list[float] = ((self.before - self.after).abs().sum(1) / 2).tolist()
        return found

    def as_dict(self) -> dict[str, Any]:
        """The units, the next tokens before and after, and the difference at each step, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "tokens": self.tokens,
            "at": self.at,
            "units": [
                {"unit": u.label, "before": round_digits(u.before), "set_to": u.value}
                for u in self.units
            ],
            "next": [{"token": name, "before": p, "after": q} for name, p, q in self.next_tokens()],
            "difference": [round_digits(d) for d in self.differences()],
        }

    def sentence(self) -> str:
        """What became of the most likely token."""
        first, second = (int(p[-1].argmax()) for p in (self.before, self.after))
        changed = ", ".join(f"{u.label} from {u.before:.3g} to {u.value:g}" for u in self.units)
        here = visible(self.tokens[self.at - 1])
        p, q = float(self.before[-1, first]), float(self.after[-1, first])
        if first == second:
            change = self.after[-1] - self.before[-1]
            most = [int(change.argmin()), int(change.argmax())]
            largest = ", ".join(
                f"{visible(self.names[k])!r} {float(self.before[-1, k]):.2%} to {float(self.after[-1, k]):.2%}"
                for k in most
            )
            end = (
                f"{visible(self.names[first])!r} stays the most likely next token ({p:.1%}, now {q:.1%}); "
                f"the largest changes: {largest}"
            )
        else:
            end = (
                f"the most likely next token was {visible(self.names[first])!r} ({p:.1%}, now {q:.1%}) and "
                f"is {visible(self.names[second])!r} ({float(self.after[-1, second]):.1%}, before "
                f"{float(self.before[-1, second]):.1%})"
            )
        return f"After token {self.at} ({here}) {changed}: {end}."

    def table(self) -> list[list[str]]:
        """The next tokens; the first row holds the names of the columns."""
        rows = [["next token", "before", "after"]]
        return rows + [[visible(n), f"{p:.2%}", f"{q:.2%}"] for n, p, q in self.next_tokens()]

    def text(self) -> str:
        """The sentence, the table, and how far the predictions change over the text."""
        marks = [" " if n < self.at - 1 else "^" if n < self.at else str(min(9, int(10 * d)))
                 for n, d in enumerate(self.differences())]  # fmt: skip
        return "\n".join(
            [
                f"{self.title}.",
                f"({format_conditions(self.conditions)})",
                "",
                self.sentence(),
                "",
                text_table(self.table()),
                "",
                "The text; ^ where the units are set, then how far the predictions change, 0 to 9:",
                *text_with_rows(self.tokens, self.spaced, [marks]),
            ]
        )

    def pictures(self) -> dict[str, Picture]:
        """`next` tokens before and after, and the `difference` at each step."""
        found = self.next_tokens()
        differences = self.differences()
        return {
            "next": Picture(
                lambda: draw_heat_map(
                    np.array([[p for _, p, _ in found], [q for *_, q in found]]),
                    "probability of the next token, pale: certain",
                    rows=["before", "after"],
                    columns=[visible(name) for name, *_ in found],
                ),
                [["token", "before", "after"], *map(list, found)],
            ),
            "difference": Picture(
                self._draw_difference,
                [["token", "difference"], *map(list, zip(self.tokens, differences, strict=True))],
            ),
        }

    def _draw_difference(self) -> Drawing:
        points = dict(enumerate(self.differences(), 1))
        curve = Curve("difference", 0, points)
        label = "difference of the next-token probabilities"
        return draw_curves([curve], label, "tokens read", logarithmic=False)

    def section(self) -> Section:
        """Sentence, pictures and table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": f"<p>{html.escape(self.sentence())}</p>"
            + "".join(self.figure(name) for name in self.pictures()),
            "table": html_table(self.table()),
        }
        return Section("figures", self.title, parts)


@torch.no_grad()
def intervention_of_run(
    run: Run,
    text: str,
    changes: Sequence[str],
    at: str | None = None,
    condition: str | None = None,
) -> Intervention:
    """Read a text, set units of the state by hand on the way, and compare the predictions.

    When to use it: where a unit follows a feature (`unroll.inspect.states_of_run`), to see whether the
    network uses it: set the plural unit, and "was" becomes "were". The run is not changed.

    Args:
        run: of a language model.
        text: that is read.
        changes: units and values: `c[20]=1`, `layer 2 h[3]=-0.5`; the layer may be left out where there
            is one, and the field where the state has one.
        at: after which token: a number from 1, or a word, whose last occurrence counts. Default: the
            last one but one.
        condition: the category, for runs that were trained with one.

    Raises:
        UserError: for a run of another task, a text of fewer than two tokens, and a unit or a token that
            is not there.
    """
    if not isinstance(run, LanguageRun):
        raise UserError(
            f"{run.path} is a run of the task {run.task_name}; units can be set in language models only."
        )
    vocabulary, per_line = run.vocabulary, run.settings.per_line
    start = len(start_ids(vocabulary, per_line))
    ids = torch.tensor(prompt_ids(vocabulary, text, per_line), device=run.device)[:, None]
    tokens = [vocabulary.name(i) for i in ids[start:, 0].tolist()]
    if len(tokens) < 2:
        raise UserError(f"The text has {len(tokens)} token; expected at least two.")
    place = chosen_place(run, tokens, at)
    number = run.category(condition)
    category = None if number is None else torch.tensor([number], device=run.device)
    network = run.model.eval()
    head, state = network(ids[: start + place], category=category)
    rest, _ = network(ids[start + place :], state, category=category)
    changed, units = state_with_units(state, changes)
    other, _ = network(ids[start + place :], changed, category=category)
    before = torch.cat([head, rest])[start:, 0].double().softmax(-1).cpu()
    after = torch.cat([head, other])[start:, 0].double().softmax(-1).cpu()
    conditions = {
        "run": str(run.path),
        "set": ", ".join(f"{u.label}={u.value:g}" for u in units),
        "after_token": f"{place} of {len(tokens)}",
        **network_alone(run),
    }
    names = [vocabulary.name(k) for k in range(before.shape[1])]
    title = f"Units of {run.path.name} set by hand"
    spaced = words_are_tokens(run)
    return Intervention(title, conditions, tokens, place, units, names, before, after, spaced)


def chosen_place(run: LanguageRun, tokens: list[str], at: str | None) -> int:
    """After how many tokens units are set.

    Args:
        run: with the vocabulary.
        tokens: of the text.
        at: as `intervention_of_run` takes it.

    Raises:
        UserError: for a place that is not in the text, or behind which nothing is read.
    """
    last = len(tokens) - 1
    if at is None:
        return last
    if at.isdecimal() and 1 <= int(at) <= last:
        return int(at)
    # a number beyond the text may still be a word of it, but not where no such character is known
    known = not at.isdecimal() or not run.vocabulary.unknown(at)
    wanted = [run.vocabulary.name(k) for k in run.vocabulary.encode(at).tolist()] if known else []
    count = len(wanted)
    ends = [k + count for k in range(len(tokens) - count + 1) if tokens[k : k + count] == wanted]
    ends = [end for end in ends if wanted and end <= last]
    if not ends:
        raise UserError(
            f"--at got {at[:40]!r}; expected a step from 1 to {last}, or a word before the last token: "
            "what is set shows from the next token on."
        )
    return ends[-1]


def state_with_units(state: State, changes: Sequence[str]) -> tuple[State, list[SetUnit]]:
    """A copy of a state in which some units are set.

    Args:
        state: of a language model: of each layer, each field `[1, B, ...]`, B = 1.
        changes: as `intervention_of_run` takes them.

    Raises:
        UserError: for words that name no unit of the state.
    """
    copied = map_state(lambda tensor: tensor.clone().contiguous(), state)
    units = []
    for change in changes:
        match = CHANGE.fullmatch(change.strip())
        layers = len(copied)
        layer = 1 if match is None or match["layer"] is None else int(match["layer"])
        names = dict(fields(copied[layer - 1])) if 1 <= layer <= layers else {}
        names = {name: t for name, t in names.items() if t.is_floating_point()}
        field = match["field"] if match is not None and match["field"] else None
        if field is None and len(names) == 1:
            field = next(iter(names))
        many = match is not None and match["layer"] is None and layers > 1
        unit = -1 if match is None else int(match["unit"])
        if match is None or many or field not in names or unit >= names[field].numel():
            width = max((t.numel() for t in names.values()), default=1)
            known = "|".join(names) or "h"
            example = f"layer {layers} " if layers > 1 else ""
            raise UserError(
                f"set-unit got {change[:60]!r}; expected a unit and its value: {example}"
                f"{known.split('|')[-1]}[0]=1 (layers 1 to {layers}, fields {known}, units 0 to {width - 1})."
            )
        flat = names[field].view(-1)
        units.append(SetUnit(layer, str(field), unit, float(match["value"]), float(flat[unit])))
        flat[unit] = float(match["value"])
    return copied, units
