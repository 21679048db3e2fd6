"""What may come next, and how temperature, top-k and top-p change what is drawn."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unroll.data.vocabulary import UNKNOWN_NAME
from unroll.errors import UserError
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
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.vectors import visible_token
from unroll.models.sampling import checked_sampling, distribution
from unroll.run import LanguageRun
from unroll.terminal import printable, shortened

MOST = 8  # temperatures


@dataclass(frozen=True)
class NextTokens(Finding):
    """The probabilities of the next token at several temperatures. A notebook shows bars and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        tokens: the most likely ones, in falling order of probability.
        shares: by temperature, the probability of each of `tokens`.
        choices: by temperature, as unsure as a choice among so many equal tokens; of all tokens.
        rest: by temperature, the probability of all tokens that are not in `tokens`.
    """

    title: str
    conditions: dict[str, Any]
    tokens: list[str]
    shares: dict[float, list[float]]
    choices: dict[float, float]
    rest: dict[float, float]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "temperatures": [
                {
                    "temperature": temperature,
                    "equal_choices": round_digits(self.choices[temperature]),
                    "next": [
                        {"token": token, "probability": p}
                        for token, p in zip(self.tokens, shares, strict=True)
                    ],
                    "others": self.rest[temperature],
                }
                for temperature, shares in self.shares.items()
            ],
        }

    def text(self) -> str:
        """A table of the probabilities, and a sentence on each temperature."""
        conditions = f"({format_conditions(self.conditions)})"
        table = text_table(self.table())
        return "\n".join([f"{self.title}.", conditions, "", table, "", *self.sentences()])

    def sentences(self) -> list[str]:
        """What each temperature does, in words."""
        return [
            f"Temperature {t:g}: {visible_token(self.tokens[0])} has {self.shares[t][0]:.1%}; "
            f"as unsure as {self.choices[t]:.1f} equal choices."
            for t in self.shares
        ]

    def table(self) -> list[list[str]]:
        """One row per token, one column per temperature."""
        rows = [["next", *(f"temperature {t:g}" for t in self.shares)]]
        for n, token in enumerate(self.tokens):
            rows.append([visible_token(token), *(f"{s[n]:.2%}" for s in self.shares.values())])
        return [*rows, ["all others", *(f"{p:.2%}" for p in self.rest.values())]]

    def pictures(self) -> dict[str, Picture]:
        """`next`: bars of every token at every temperature."""
        rows = [
            [token, t, shares[n]]
            for n, token in enumerate(self.tokens)
            for t, shares in self.shares.items()
        ]
        return {"next": Picture(self._draw, [["token", "temperature", "probability"], *rows])}

    def _draw(self) -> Drawing:
        bars = [
            BarRow(
                f"{visible_token(token)}, {t:g}" if len(self.shares) > 1 else visible_token(token),
                shares[n],
                f"{shares[n]:.1%}",
                colour,
            )
            for n, token in enumerate(self.tokens)
            for colour, (t, shares) in enumerate(self.shares.items())
        ]
        return draw_bar_rows(bars, "probability of each token and temperature", most=1.0)

    def section(self) -> Section:
        """The bars, the sentences and the table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": self.figure(),
            "messages": "".join(f"<li>{html.escape(s)}</li>" for s in self.sentences()),
            "table": html_table(self.table()),
        }
        return Section("verdicts", self.title, parts)


def next_of_run(
    run: LanguageRun,
    text: str,
    *,
    temperatures: Sequence[float] = (0.5, 1.0, 2.0),
    top: int = 6,
    top_k: int = 0,
    top_p: float = 1.0,
    condition: str | None = None,
) -> NextTokens:
    """The probabilities from which `generate` draws the next token, at several temperatures.

    When to use it: to choose a temperature, or to see what top-k and top-p cut off. The run is not
    changed.

    Args:
        run: a language model.
        text: what comes before.
        temperatures: 0 is the most likely token always, 1 as learned.
        top: how many tokens are shown.
        top_k: keep so many of the most likely tokens. 0: all.
        top_p: keep the fewest tokens that reach this probability.
        condition: the category, for runs that were trained with one.

    Raises:
        UserError: for numbers out of range, and a text that the model cannot read.
    """
    if not temperatures or len(set(temperatures)) < len(temperatures) or len(temperatures) > MOST:
        given = ", ".join(f"{t:g}" for t in temperatures) or "none"
        raise UserError(f"The temperatures are {given}; expected 1 to {MOST} different ones.")
    for temperature in temperatures:
        checked_sampling(temperature, top_k, top_p)
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    known = run.next(text, len(run.vocabulary), condition)
    known = [row for row in known if row["token"] != UNKNOWN_NAME]  # generate never draws it
    logits = torch.tensor([[row["probability"] for row in known]], dtype=torch.float64).log()
    shares, choices, rest = {}, {}, {}
    for temperature in temperatures:
        p = distribution(logits, temperature, top_k, top_p)[0].double()
        shares[temperature] = p[:top].tolist()
        rest[temperature] = float(p[top:].sum())
        choices[temperature] = math.exp(float(torch.special.entr(p).sum()))
    shown = shortened(printable(text), 40)
    conditions = {
        "by": str(run.path),
        "condition": condition,
        "top_k": top_k or None,
        "top_p": top_p if top_p < 1 else None,
    }
    tokens = [row["token"] for row in known[:top]]
    return NextTokens(f'What is drawn after "{shown}"', conditions, tokens, shares, choices, rest)
