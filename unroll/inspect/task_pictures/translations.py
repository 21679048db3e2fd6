"""Sources, references and outputs side by side, their alignments, and quality by length."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, Row, round_digits
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.task_pictures.finding import (
    TaskFinding,
    marked_differences,
    percent,
    shown_of,
)
from unroll.inspect.task_pictures.numbered_map import draw_numbered_map
from unroll.inspect.task_pictures.plane import shorten
from unroll.tasks.pictures import TranslatedText, TranslatedTexts

ALIGNED = 3  # texts whose attention is drawn
LISTED = 10  # texts side by side
TOKENS = 26  # of a text whose attention is drawn, at most
GROUPS = 5  # of lengths


@dataclass(frozen=True)
class TranslationResults(TaskFinding):
    """Sources, references and outputs of a translator.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        translated: the texts.
    """

    translated: TranslatedTexts

    def aligned(self) -> list[TranslatedText]:
        """The texts whose attention is drawn: short enough, the longest of them first."""
        fits = [
            each
            for each in self.translated.texts
            if each.attention is not None
            and 2 < len(each.source_tokens) <= TOKENS
            and len(each.target_tokens) <= TOKENS
        ]
        return sorted(fits, key=lambda each: -len(each.source_tokens))[:ALIGNED]

    def listed(self) -> list[TranslatedText]:
        """The texts side by side, from the worst to the best."""
        ranked = sorted(self.translated.texts, key=lambda each: each.quality)
        if len(ranked) <= LISTED:
            return ranked
        return [ranked[round(k * (len(ranked) - 1) / (LISTED - 1))] for k in range(LISTED)]

    def by_length(self) -> list[tuple[int, int, float, int]]:
        """The quality by length of the source: from and to how many tokens, quality, texts."""
        texts = sorted(self.translated.texts, key=lambda each: len(each.source_tokens))
        found = []
        for part in np.array_split(np.arange(len(texts)), min(GROUPS, max(1, len(texts)))):
            own = [texts[k] for k in part]
            lengths = [len(each.source_tokens) for each in own]
            quality = float(np.mean([each.quality for each in own])) if own else 0.0
            if own:
                found.append((lengths[0], lengths[-1], quality, len(own)))
        return found

    def sentences(self) -> list[str]:
        """How many outputs are the reference, how good they are, and where they come from."""
        texts = self.translated.texts
        same = sum(each.output == each.reference for each in texts)
        quality = float(np.mean([each.quality for each in texts])) if texts else 0.0
        lines = [
            f"{same:,} of {counted(len(texts), 'output')} are the reference; on average an output "
            f"scores {100 * quality:.0f} of 100 (mean of chrF and BLEU)."
        ]
        origins = Counter(each.origin for each in texts)
        if set(origins) != {"network"}:
            said = ", ".join(f"{name} {n:,}" for name, n in origins.most_common())
            lines.append(
                f"Where outputs come from: {said}. The attention is that of the network, as it reads "
                "them."
            )
        return lines

    def table(self) -> list[list[str]]:
        """The quality by length."""
        rows = [["tokens of the source", "texts", "quality"]]
        for low, high, quality, n in self.by_length():
            rows.append([f"{low} to {high}", f"{n:,}", percent(quality)])
        return rows

    def examples(self) -> list[list[str]]:
        """Source, reference and output, from the worst to the best."""
        rows = [
            [shorten(each.source, 200), shorten(each.reference, 200), shorten(each.output, 200)]
            for each in self.listed()
        ]
        return [["source", "reference", "output"], *rows]

    def examples_html(self) -> str:
        """The same for a page, with what differs marked."""
        rows = []
        for each in self.listed():
            before, after = marked_differences(each.reference, each.output)
            source, quality = html.escape(each.source), f"{100 * each.quality:.0f}"
            rows.append(
                f'<tr><th scope="row">{source}</th><td>{before}</td><td>{after}</td>'
                f"<td>{quality}</td></tr>"
            )
        heads = ("source", "reference", "output", "score")
        head = "".join(f'<th scope="col">{name}</th>' for name in heads)
        return (
            '<div class="wide examples"><table><thead><tr>'
            f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
            '<p class="small">From the worst to the best; marked is what differs.</p>'
        )

    def as_dict(self) -> dict[str, Any]:
        """The texts and the quality by length, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "texts": [
                {
                    "source": each.source,
                    "reference": each.reference,
                    "output": each.output,
                    "origin": each.origin,
                    "quality": round_digits(each.quality),
                }
                for each in self.translated.texts
            ],
            "by_length": [
                {"from": low, "to": high, "quality": quality, "texts": n}
                for low, high, quality, n in self.by_length()
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`alignment` of some texts, and `quality` by length."""
        pictures = {}
        for n, each in enumerate(self.aligned()):
            name = "alignment" if not n else f"alignment {n + 1}"
            pictures[name] = aligned_picture(each)
        pictures["quality"] = Picture(
            self._draw_quality, [["from", "to", "quality", "texts"], *self.by_length()]
        )
        return pictures

    def _draw_quality(self) -> Drawing:
        rows = [
            BarRow(
                f"{low} to {high} tokens", quality, f"{100 * quality:.0f} ({counted(n, 'text')})"
            )
            for low, high, quality, n in self.by_length()
        ]
        rows = rows or [BarRow("no text", 0, "")]
        return draw_bar_rows(rows, "Quality by length of the source, 0 to 100", 1.0)


def aligned_picture(each: TranslatedText) -> Picture:
    """The attention of one translation: a row for each token written, a column for each token read."""
    weights = each.attention if each.attention is not None else np.zeros((0, 0))
    rows: list[Row] = [["", *each.source_tokens]]
    rows += [[t, *w] for t, w in zip(each.target_tokens, weights.tolist(), strict=True)]

    def draw() -> Drawing:
        return draw_numbered_map(
            weights,
            each.target_tokens,
            each.source_tokens,
            "What each word of the output attends to",
        )

    return Picture(draw, rows)


def translation_results(
    translated: TranslatedTexts, title: str, conditions: dict[str, Any]
) -> TranslationResults:
    """The finding on translated texts.

    Args:
        translated: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    own = shown_of(len(translated.texts), translated.of, "texts")
    return TranslationResults(title, {**conditions, **own}, translated)
