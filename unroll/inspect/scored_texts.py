"""Texts side by side, by what one or several language models give them."""

from __future__ import annotations

import difflib
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.errors import UserError
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    html_table,
    round_digits,
    text_table,
)
from unroll.inspect.page import Section
from unroll.inspect.vectors import visible_token
from unroll.run import LanguageRun
from unroll.terminal import printable, shortened

Aligned = tuple[str | None, float | None, str | None, float | None]

EQUAL = 1e-9  # a difference in nats that is none
LABEL = 28  # characters of a text in a legend


@dataclass(frozen=True)
class ScoredText:
    """A text as one model scores it.

    Attributes:
        model: the name of its run.
        text: the text.
        tokens: the tokens that were scored; the last one is the end of the line, where there is one.
        nats: the log-probability of each token.
        unknown: what of it the model does not know.
    """

    model: str
    text: str
    tokens: list[str]
    nats: list[float]
    unknown: list[str]

    @property
    def total(self) -> float:
        """The log-probability of the text."""
        return math.fsum(self.nats)

    @property
    def bits_per_character(self) -> float:
        """Bits that a code by this model needs for a character of the text."""
        return -self.total / math.log(2) / len(self.text)

    @property
    def ends(self) -> list[int]:
        """How many characters of the text have been read after each token."""
        found, at = [], 0
        for token in self.tokens:
            start = self.text.find(token, at)
            at = at if start < 0 else start + len(token)
            found.append(at)
        found[-1] = len(self.text)
        return found

    @property
    def running(self) -> dict[int, float]:
        """The log-probability of the text so far, by the number of characters read."""
        sums, total = {0: 0.0}, 0.0
        for end, nats in zip(self.ends, self.nats, strict=True):
            total += nats
            sums[end] = total
        return sums


@dataclass(frozen=True)
class ScoredTexts(Finding):
    """Texts side by side. A notebook shows the running log-probabilities and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        scored: every text by every model, the texts of a model together.
    """

    title: str
    conditions: dict[str, Any]
    scored: list[ScoredText]

    @property
    def by_model(self) -> dict[str, list[ScoredText]]:
        """The texts of each model, in falling order of probability."""
        models = dict.fromkeys(each.model for each in self.scored)
        return {
            model: sorted(
                (each for each in self.scored if each.model == model), key=lambda each: -each.total
            )
            for model in models
        }

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "texts": [
                {
                    "run": each.model,
                    "text": each.text,
                    "log_probability": each.total,
                    "bits_per_character": round_digits(each.bits_per_character),
                    "tokens": [
                        {"token": token, "log_probability": nats}
                        for token, nats in zip(each.tokens, each.nats, strict=True)
                    ],
                    "unknown": each.unknown,
                }
                for each in self.scored
            ],
            "comparisons": [
                {
                    "run": model,
                    "likelier": best.text,
                    "than": other.text,
                    "nats": best.total - other.total,
                    "parts_after": self.common_start(best, other),
                    "tokens": [
                        {"likelier": a, "nats_of_likelier": p, "other": b, "nats_of_other": q}
                        for a, p, b, q in aligned(best, other)
                    ],
                }
                for model, (best, *others) in self.by_model.items()
                for other in others
            ],
            "verdicts": self.verdicts(),
        }

    def text(self) -> str:
        """The totals, the verdicts, and the tokens from where two texts part."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        lines += [text_table(self.table()), "", *self.verdicts()]
        for model, (best, *others) in self.by_model.items():
            for other in others[:1]:
                rows = self.rows_from_parting(best, other)
                of = f" by {model}" if len(self.by_model) > 1 else ""
                names = f"{quoted(best.text)} and {quoted(other.text)}"
                lines += ["", f"From where they part{of}, {names}:", text_table(rows)]
        return "\n".join(lines)

    def rows_from_parting(self, best: ScoredText, other: ScoredText) -> list[list[str]]:
        """The aligned tokens of two texts from where they part, and by how much each row differs."""
        rows, so_far = [["token", "nats", "other token", "nats", "difference", "so far"]], 0.0
        same = len(common_tokens(best, other))
        for n, (a, p, b, q) in enumerate(aligned(best, other)):
            difference = (p or 0.0) - (q or 0.0)
            so_far += difference
            if n >= same:
                first = [shown(a), number(p), "" if a == b else shown(b), number(q)]
                rows.append([*first, signed(difference), signed(so_far)])
        return rows

    def common_start(self, best: ScoredText, other: ScoredText) -> str:
        """The text that two texts begin with, in whole tokens."""
        same = len(common_tokens(best, other))
        return best.text[: best.ends[same - 1]] if same else ""

    def verdicts(self) -> list[str]:
        """Which text is likelier by each model, and which model gives a text more, in sentences."""
        found = []
        for model, (best, *others) in self.by_model.items():
            by = f"{model}: " if len(self.by_model) > 1 else ""
            for other in others:
                found.append(by + self.sentence(best, other))
            for each in (best, *others):
                if each.unknown:
                    words = shortened(" ".join(map(visible_token, each.unknown)), 60)
                    found.append(
                        f"{by}{counted(len(each.unknown), 'token')} of {quoted(each.text)} unknown, "
                        f"scored as <unk>, which is likelier than any one of them: {words}"
                    )
        if len(self.by_model) > 1:
            for text in dict.fromkeys(each.text for each in self.scored):
                ranked = sorted(
                    (each for each in self.scored if each.text == text), key=lambda e: -e.total
                )
                bits = ", ".join(f"{e.model} {e.bits_per_character:.3f}" for e in ranked)
                found.append(f"Bits per character of {quoted(text)}: {bits}.")
        return found

    def sentence(self, best: ScoredText, other: ScoredText) -> str:
        """Which of two texts is likelier, by how much, and where they part."""
        difference = best.total - other.total
        if difference < EQUAL:
            return f"{quoted(best.text)} and {quoted(other.text)} are equally likely."
        start = self.common_start(best, other)
        rows = self.rows_from_parting(best, other)
        where = "They part " + (f"after {quoted(start, end=True)}" if start else "at once")
        return (
            f"{quoted(best.text)} is likelier than {quoted(other.text)} by {difference:.2f} nats, "
            f"{times(difference)} as likely. {where}; the first "
            f"token there makes {rows[1][4].lstrip('+')} nats of it."
        )

    def table(self) -> list[list[str]]:
        """One row per text and model, the most likely text of a model first."""
        several = len(self.by_model) > 1
        rows = [["text", *(["run"] if several else []), "nats", "tokens", "bits per character"]]
        for model, texts in self.by_model.items():
            for each in texts:
                name = shortened(printable(each.text), 60)
                numbers = [
                    f"{each.total:.3f}",
                    str(len(each.nats)),
                    f"{each.bits_per_character:.3f}",
                ]
                rows.append([name, *([model] if several else []), *numbers])
        return rows

    def pictures(self) -> dict[str, Picture]:
        """`running`: the log-probability of each text so far, over the characters read."""
        rows = [
            [each.model, each.text, end, round_digits(nats)]
            for each in self.scored
            for end, nats in each.running.items()
        ]
        return {"running": Picture(self._draw, [["run", "text", "characters", "nats"], *rows])}

    def _draw(self) -> Drawing:
        several_texts = len({each.text for each in self.scored}) > 1
        several = len(self.by_model) > 1
        curves = []
        for n, each in enumerate(self.scored):
            parts = [each.model] if several else []
            parts += [distinct(each, self.scored)] if several_texts or not parts else []
            curves.append(Curve(": ".join(parts), n, each.running, n % 4))
        return draw_curves(curves, "log-probability so far", "characters read", logarithmic=False)

    def section(self) -> Section:
        """The curves, the verdicts and the tokens."""
        tables = [self.table()]
        for best, *others in self.by_model.values():
            tables += [self.rows_from_parting(best, other) for other in others[:1]]
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": self.figure(),
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in self.verdicts()),
            "table": "".join(map(html_table, tables)),
        }
        return Section("verdicts", self.title, parts)


def scores_of_texts(
    runs: LanguageRun | Sequence[LanguageRun], texts: Sequence[str], *, condition: str | None = None
) -> ScoredTexts:
    """Which of several texts is likelier, by how much and where they part; by one or several models.

    When to use it: to ask a language model what it knows of grammar ("they was" or "they were"), to
    choose between two transcripts, or to see a character model beside a word model in bits per
    character. The runs are not changed.

    Args:
        runs: language models; several score every text.
        texts: at least two, or one with several runs.
        condition: the category, for runs that were trained with one.

    Returns:
        The scores, as a picture, a table and sentences.

    Raises:
        UserError: for fewer than two scores, the same text or the same run twice, and a text without
            tokens.
    """
    models = [runs] if isinstance(runs, LanguageRun) else list(runs)
    names = [names_of(run) for run in models]
    for kind, given in (("text", list(texts)), ("run", names)):
        twice = next((each for n, each in enumerate(given) if each in given[:n]), None)
        if twice is not None:
            raise UserError(
                f"The {kind} {quoted(twice)} was given twice; expected different ones to compare."
            )
    if len(models) * len(texts) < 2:
        raise UserError("Got one text and one run; expected two texts, or two runs, to compare.")
    scored = [
        scored_text(run, name, text, condition)
        for run, name in zip(models, names, strict=True)
        for text in texts
    ]
    title = "Which text is likelier" if len(texts) > 1 else "The same text by several models"
    return ScoredTexts(title, {"by": ", ".join(names), "condition": condition}, scored)


def names_of(run: LanguageRun) -> str:
    """The name of a run: its path."""
    return str(Path(run.path))


def scored_text(run: LanguageRun, name: str, text: str, condition: str | None) -> ScoredText:
    """A text as a run scores it."""
    found = run.score(text, condition)
    tokens = [row["token"] for row in found["tokens"]]
    nats = [row["log_probability"] for row in found["tokens"]]
    return ScoredText(name, text, tokens, nats, found["unknown"])


def common_tokens(a: ScoredText, b: ScoredText) -> list[str]:
    """The tokens that two texts begin with."""
    same = []
    for one, other in zip(a.tokens, b.tokens, strict=False):
        if one != other:
            break
        same.append(one)
    return same


def aligned(a: ScoredText, b: ScoredText) -> list[Aligned]:
    """The tokens of two texts side by side with their log-probabilities; None beside nothing.

    Where as many tokens follow in both, they stand side by side in their order.
    """
    start = len(common_tokens(a, b))
    rows: list[Aligned] = list(zip(a.tokens[:start], a.nats, b.tokens, b.nats, strict=False))
    pairs = [list(zip(each.tokens[start:], each.nats[start:], strict=True)) for each in (a, b)]
    if len(pairs[0]) == len(pairs[1]):
        return [*rows, *((*one, *other) for one, other in zip(*pairs, strict=True))]
    matcher = difflib.SequenceMatcher(None, a.tokens[start:], b.tokens[start:], autojunk=False)
    for _, i, j, k, m in matcher.get_opcodes():
        for one, other in zip_longest(pairs[0][i:j], pairs[1][k:m], fillvalue=(None, None)):
            rows.append((*one, *other))
    return rows


def distinct(each: ScoredText, scored: Sequence[ScoredText]) -> str:
    """A text for a legend: where it is long, from shortly before it parts from the others."""
    text = printable(each.text)
    if len(text) <= LABEL:
        return text
    others = [other.text for other in scored if other.text != each.text]
    start = min((shared(text, other) for other in others), default=0)
    start = max(0, text.rfind(" ", 0, start) + 1)
    return ("…" if start else "") + shortened(text[start:], LABEL)


def shared(a: str, b: str) -> int:
    """How many characters two texts begin with."""
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def quoted(text: str, end: bool = False) -> str:
    """A text in quotes, shortened; `end` keeps its end."""
    text = printable(text)
    if len(text) > 40:
        text = f"…{text[-39:]}" if end else shortened(text, 40)
    return f'"{text}"'


def times(nats: float) -> str:
    """e to the power of a difference in nats, in words: `162 times`."""
    if nats > 30:
        return f"1e{round(nats / math.log(10))} times"
    value = math.exp(nats)
    return f"{value:.3g} times" if value < 1000 else f"{value:,.0f} times"


def number(nats: float | None) -> str:
    """A log-probability; empty where there is none."""
    return "" if nats is None else f"{round(nats, 2) + 0.0:.2f}"


def signed(nats: float) -> str:
    """A difference with its sign; a zero is positive."""
    return f"{round(nats, 2) + 0.0:+.2f}"


def shown(token: str | None) -> str:
    """A token that can be seen; empty where there is none."""
    return "" if token is None else visible_token(token)
