"""Which word is missing in a text, by the words on both sides of it."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unroll.data.vocabulary import BOUNDARY_NAME, UNKNOWN_NAME
from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, format_conditions, html_table, text_table
from unroll.inspect.page import Section
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.run import LanguageRun
from unroll.terminal import printable, shortened

BLANK = "___"
TRIED = 500  # words


@dataclass(frozen=True)
class MissingWord(Finding):
    """The words that may be missing. A notebook shows bars and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        words: the most likely ones, in falling order of probability.
        both: the probability of each, by the words before and after it.
        before: the probability of each, by the words before it alone.
    """

    title: str
    conditions: dict[str, Any]
    words: list[str]
    both: list[float]
    before: list[float]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        rows = zip(self.words, self.both, self.before, strict=True)
        return {
            "title": self.title,
            "conditions": self.conditions,
            "words": [
                {"word": word, "probability": both, "probability_by_words_before": before}
                for word, both, before in rows
            ],
        }

    def text(self) -> str:
        """The most likely word in a sentence, and a table."""
        conditions = f"({format_conditions(self.conditions)})"
        return "\n".join(
            [f"{self.title}.", conditions, "", self.sentence(), "", text_table(self.table())]
        )

    def sentence(self) -> str:
        """Which word is missing, and what the words before it alone would say."""
        first = max(range(len(self.words)), key=self.before.__getitem__)
        return (
            f"Missing is most likely {self.words[0]} ({self.both[0]:.1%}); of these, by the words before "
            f"alone it would be {self.words[first]} ({self.before[first]:.1%})."
        )

    def table(self) -> list[list[str]]:
        """One row per word."""
        rows = zip(self.words, self.both, self.before, strict=True)
        return [
            ["word", "by both sides", "by the words before"],
            *([word, f"{both:.2%}", f"{before:.2%}"] for word, both, before in rows),
        ]

    def pictures(self) -> dict[str, Picture]:
        """`words`: a bar for each word by both sides, and one by the words before."""
        rows = zip(self.words, self.both, self.before, strict=True)
        return {"words": Picture(self._draw, [["word", "both", "before"], *map(list, rows)])}

    def _draw(self) -> Drawing:
        bars = []
        for word, both, before in zip(self.words, self.both, self.before, strict=True):
            bars.append(BarRow(word, both, f"{both:.1%}", 0))
            bars.append(BarRow("before alone", before, f"{before:.1%}", 1))
        return draw_bar_rows(bars, "probability by both sides, by the words before", most=1.0)

    def section(self) -> Section:
        """The bars, the sentence and the table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": f'<div class="figure">{self.svg()}</div>',
            "messages": f"<li>{html.escape(self.sentence())}</li>",
            "table": html_table(self.table()),
        }
        return Section("verdicts", self.title, parts)


def missing_word(
    run: LanguageRun,
    text: str,
    *,
    top: int = 10,
    condition: str | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> MissingWord:
    """Which word stands in place of `___`, by the words on both sides.

    A language model reads forwards, and yet it knows: P(word | before, after) is in proportion to the
    probability of the whole text with that word in it.

    When to use it: for cloze tests, and to see how much the words after a gap tell. The 500 words that
    are most likely after the words before are tried.

    Args:
        run: a language model of words.
        text: with one `___`.
        top: how many words are shown.
        condition: the category, for runs that were trained with one.
        progress: called with the share that is done.

    Raises:
        UserError: for a run whose tokens are not words, and a text without exactly one gap.
    """
    if run.vocabulary.level != "word":
        raise UserError(
            f"{run.path} has tokens of the level {run.vocabulary.level}; a missing word needs a run of "
            "words (--level word)."
        )
    if text.split().count(BLANK) != 1 or text.count(BLANK) != 1:
        raise UserError(
            f"The text has {text.count(BLANK)} gaps; expected one word in place of {BLANK}."
        )
    if top < 1:
        raise UserError(f"--top got {top}; expected at least 1.")
    left, right = text.split(BLANK)
    known = run.next(left, len(run.vocabulary), condition)
    special = (UNKNOWN_NAME, BOUNDARY_NAME, "<eos>")
    rows = [row for row in known if row["token"] not in special and row["token"].strip()][:TRIED]
    totals = []
    for n, row in enumerate(rows):
        whole = f"{left}{row['token']}{right}"
        totals.append(run.score(whole, condition)["log_probability"])
        progress((n + 1) / len(rows))
    shares = [math.exp(total - max(totals)) for total in totals]
    ranked = sorted(range(len(rows)), key=lambda n: -shares[n])[:top]
    return MissingWord(
        f'The missing word in "{shortened(printable(text), 60)}"',
        {"by": str(run.path), "condition": condition, "words_tried": len(rows)},
        [rows[n]["token"] for n in ranked],
        [shares[n] / sum(shares) for n in ranked],
        [rows[n]["probability"] for n in ranked],
    )
