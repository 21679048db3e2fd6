"""The results of a probe as text, table, picture and part of a page."""

from __future__ import annotations

import html
import math

import numpy as np

from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, html_table, text_table
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.probing.study import ProbeResult
from unroll.inspect.text_rows import label_marks, levels_of, text_with_rows, visible


def probe_sentence(result: ProbeResult) -> str:
    """What was found, in one or two sentences."""
    best = max(result.parts, key=lambda part: part.best.value)
    of_unit, of_readout = result.measures
    name = result.probe.name
    kind = f"mean {result.mean:.3g}" if result.is_number else f"1 at {result.mean:.1%}"
    how = "" if best.sign > 0 else ", low where the label is high"
    verdict = "tells"
    if best.best.low <= best.chance[0]:
        verdict = "tells no more than chance about"
    readout = max(result.parts, key=lambda part: part.readout.value)
    return (
        f"{name} ({result.probe.rule}): {kind} of {result.steps:,} tokens in {result.texts:,} texts of "
        f"{result.source}. {best.unit} {verdict} {name}: {of_unit} {best.best}{how}; before training the "
        f"best unit has {best.untrained[0].value:.3f}, on labels of other texts {best.chance[0]:.3f}. "
        f"A linear read-out of {readout.part}: {of_readout} {readout.readout}, before training "
        f"{readout.untrained[1].value:.3f}."
    )


def probe_table(result: ProbeResult) -> list[list[str]]:
    """A row for each part of the network; the first row holds the names of the columns."""
    of_unit, of_readout = result.measures
    rows = [["", "best unit", of_unit, "read-out", f"untrained: {of_unit}", "read-out",
             f"chance: {of_unit}", "read-out"]]  # fmt: skip
    for part in result.parts:
        chance = ["-" if math.isnan(level) else f"{level:.3f}" for level in part.chance]
        rows.append(
            [
                part.part,
                part.unit.removeprefix(f"{part.part}") if part.part != "all" else part.unit,
                str(part.best),
                str(part.readout),
                f"{part.untrained[0].value:.3f}",
                f"{part.untrained[1].value:.3f}",
                *chance,
            ]
        )
    rows[0][3] = f"read-out {of_readout}"
    return rows


def probe_text(result: ProbeResult) -> list[str]:
    """The sentence, the table, and the label below an excerpt of the text."""
    excerpt = result.excerpt
    rows = [levels_of(excerpt.unit), label_marks(excerpt.labels)]
    return [
        probe_sentence(result),
        text_table(probe_table(result)),
        "",
        f"{result.best.unit} from = for low to # for high; below it {result.probe.name}:",
        *text_with_rows(excerpt.tokens, result.spaced, rows),
    ]


def probe_picture(result: ProbeResult) -> Picture:
    """Label, best unit and read-out over an excerpt, one column a token."""
    excerpt = result.excerpt
    names = [result.probe.name, result.best.unit, "read-out"]
    numbers = [excerpt.labels, excerpt.unit, excerpt.readout]

    def draw() -> Drawing:
        values = np.array([shares(row) for row in numbers])
        return draw_heat_map(
            values,
            f"{result.probe.name} and what tells it, each row from its lowest to its highest",
            rows=names,
            columns=[visible(token) for token in excerpt.tokens],
        )

    rows = [
        [token, *(None if math.isnan(v) else v for v in own)]
        for token, *own in zip(excerpt.tokens, *numbers, strict=True)
    ]
    return Picture(draw, [["token", *names], *rows])


def shares(values: list[float]) -> list[float]:
    """Numbers from 0 for the lowest to 1 for the highest; 0 for NaN."""
    known = [v for v in values if not math.isnan(v)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return [0.0 if math.isnan(v) else (v - low) / ((high - low) or 1.0) for v in values]


def probe_html(result: ProbeResult) -> str:
    """The part of a page: sentence, picture and table."""
    picture = probe_picture(result).draw().figure()
    return (
        f"<h3>{html.escape(result.probe.name)}</h3><p>{html.escape(probe_sentence(result))}</p>"
        f"{picture}"
        f'<div class="wide">{html_table(probe_table(result))}</div>'
        "<p class='small'>AUC: the probability that a token with the label has a higher value than one "
        "without; 0.5 is chance. In brackets 95 % of the resamplings of whole texts. Read-out: ridge "
        "regression on all units of the row, on texts that it has not seen. Untrained: the network "
        "before its first step. Chance: the best of all units on labels of other texts, which 95 % of "
        "them stay below.</p>"
    )
