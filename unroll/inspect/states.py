"""The activation of every unit while a network reads a text, the most readable units first.

T tokens, U units, H units of one field.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

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
from unroll.inspect.principal_components import principal_plane
from unroll.inspect.probes import probe_scores
from unroll.inspect.recorded_text import RecordedText, record_data, record_text
from unroll.inspect.scatter import Cloud, draw_scatter
from unroll.run import LanguageRun, Run

BEST = 8  # units of a probe that are listed
SCORED_TOKENS = 16_000  # tokens on which units are scored
MAX_ACTIVATIONS = 3_000_000  # on a page
MAX_LABELS = 80  # tokens whose names are written under a heat map
LEVELS = "=-.+#"  # from strongly negative to strongly positive
WIDTH = 76  # characters of a line in a terminal
KINDS = ("letters", "space", "punctuation")  # of tokens on a map


@dataclass(frozen=True)
class States(Finding):
    """The activation of every unit at every token of a text.

    A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        recorded: the text as the network read it.
        labels: of the U units.
        values: activations, [T, U].
        maps: by layer and field, the states on their principal plane, [T, 2], and the share of the
            variance on each axis.
        scores: by probe, of every unit, [U]; see `unroll.inspect.probes`.
    """

    title: str
    conditions: dict[str, Any]
    recorded: RecordedText
    labels: list[str]
    values: Tensor
    maps: dict[str, tuple[Tensor, tuple[float, float]]]
    scores: dict[str, Tensor]

    @property
    def tokens(self) -> list[str]:
        """The tokens that were read."""
        return self.recorded.tokens[0]

    def best_units(self, probe: str, count: int = BEST) -> list[tuple[int, float]]:
        """The units of the largest absolute score for a probe.

        Args:
            probe: its name.
            count: how many units.

        Returns:
            Pairs of unit and score.
        """
        score = self.scores[probe]
        order = score.abs().argsort(descending=True, stable=True)[:count].tolist()
        return [(unit, float(score[unit])) for unit in order]

    def leading_units(self) -> list[tuple[str, int, float]]:
        """(probe, unit, score) of the best unit of each probe, the largest absolute score first."""
        best = [(probe, *self.best_units(probe, 1)[0]) for probe in self.scores]
        return sorted(best, key=lambda row: -abs(row[2]))

    def as_dict(self) -> dict[str, Any]:
        """Tokens, guesses, the best units with their activations, and the maps, for JSON."""
        best = {probe: self.best_units(probe) for probe in self.scores}
        return {
            "title": self.title,
            "conditions": self.conditions,
            "tokens": self.tokens,
            "surprise": [round_digits(nats) for nats in self.recorded.surprise],
            "next": [dict(guesses) for guesses in self.recorded.guesses],
            "units": {
                probe: [
                    {
                        "unit": self.labels[unit],
                        "score": round_digits(score),
                        "activation": [round_digits(v) for v in self.values[:, unit].tolist()],
                    }
                    for unit, score in units
                ]
                for probe, units in best.items()
            },
            "maps": {
                name: {"explained_variance": shares, "coordinates": coordinates.tolist()}
                for name, (coordinates, shares) in self.maps.items()
            },
        }

    def table(self) -> list[list[str]]:
        """The best units of every probe, with their scores; the first row holds the names."""
        rows = [["probe", "best unit", "second", "third"]]
        for probe, _, _ in self.leading_units():
            best = [
                f"{self.labels[unit]} {score:+.2f}" for unit, score in self.best_units(probe, 3)
            ]
            rows.append([probe, *best, *[""] * (3 - len(best))])
        return rows

    def text(self) -> str:
        """The best units, and the text with the activation of one unit below it."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        if self.scores:
            lines += ["Units with the best scores (1 or -1: perfect, 0: chance):"]
            lines += [text_table(self.table()[1:]), ""]
        unit, reason = self.default_unit()
        lines += [
            f"{self.labels[unit]} ({reason}), from {LEVELS[0]} for low to {LEVELS[-1]} for high:"
        ]
        lines += [*text_with_levels(self.tokens, self.values[:, unit].tolist()), ""]
        for name, (_, shares) in self.maps.items():
            lines.append(
                f"{name}: two principal components explain {sum(shares):.0%} of the variance."
            )
        if self.recorded.surprise:
            mean = float(np.mean(self.recorded.surprise))
            lines.append(f"Surprise of the text: {mean:.2f} nats per token.")
        return "\n".join(lines)

    def default_unit(self) -> tuple[int, str]:
        """The unit that is shown first, and the reason."""
        if self.scores:
            probe, unit, score = self.leading_units()[0]
            return unit, f"{probe}, score {score:+.2f}"
        return int(self.values.std(0, correction=0).argmax()), "largest variance"

    def pictures(self) -> dict[str, Picture]:
        """`traces` of the best units over the text, `units` of all, one `map` of the states of each
        layer and field, and the `next` tokens that the network predicts."""
        chosen = {unit: f"{probe}: {self.labels[unit]}" for probe, unit, _ in self.leading_units()}
        chosen = chosen or {self.default_unit()[0]: self.labels[self.default_unit()[0]]}
        values = self.values.numpy()
        pictures = {
            "traces": Picture(
                lambda: self._draw_traces(chosen),
                [
                    ["position", "token", *(self.labels[unit] for unit in chosen)],
                    *(
                        [t, token, *values[t, list(chosen)].tolist()]
                        for t, token in enumerate(self.tokens)
                    ),
                ],
            ),
            "units": Picture(
                lambda: draw_heat_map(
                    values.T,
                    "every unit over the text: blue negative, orange positive",
                    signed=True,
                ),
                [
                    ["unit", *self.tokens],
                    *([n, *row] for n, row in zip(self.labels, values.T.tolist(), strict=True)),
                ],
            ),
        }
        for name in self.maps:
            coordinates, shares = self.maps[name]
            pictures[f"map {name}"] = Picture(
                lambda name=name: self._draw_map(name),  # type: ignore[misc]
                [["token", *(f"axis {k + 1} ({s:.1%})" for k, s in enumerate(shares))],
                 *([token, *row] for token, row in zip(self.tokens, coordinates.tolist(), strict=True))],
            )  # fmt: skip
        if self.recorded.guesses:
            rows = [
                [t, self.tokens[t], name, p]
                for t, guesses in enumerate(self.recorded.guesses)
                for name, p in guesses
            ]
            head = ["position", "token", "next", "probability"]
            pictures["next"] = Picture(self._draw_next, [head, *rows])
        return pictures

    def _draw_traces(self, chosen: dict[int, str]) -> Drawing:
        lines = [
            Curve(name, n, dict(enumerate(self.values[:, unit].tolist())))
            for n, (unit, name) in enumerate(chosen.items())
        ]
        return draw_curves(lines, "activation", "tokens", logarithmic=False)

    def _draw_map(self, name: str) -> Drawing:
        coordinates, shares = self.maps[name]
        points: dict[str, list[tuple[float, float, str]]] = {kind: [] for kind in KINDS}
        for token, (x, y) in zip(self.tokens, coordinates.tolist(), strict=True):
            points[token_kind(token)].append((x, y, repr(token)[1:-1]))
        clouds = [Cloud(kind, n, points[kind]) for n, kind in enumerate(KINDS)]
        across, up = (
            f"axis {k + 1}: {share:.0%} of the variance" for k, share in enumerate(shares)
        )
        return draw_scatter(clouds, f"{name}, {up}", across)

    def _draw_next(self) -> Drawing:
        guesses = self.recorded.guesses[:MAX_LABELS]
        values = np.array([[p for _, p in row] for row in guesses]).T
        title = "probability of the most likely next tokens"
        return draw_heat_map(values, title, rows=[str(k + 1) for k in range(len(values))],
                        columns=[repr(token)[1:-1] for token in self.tokens[:MAX_LABELS]])  # fmt: skip

    def section(self) -> Section:
        """The text, coloured by a unit that the reader selects."""
        return Section("states", self.title, self._parts(), self._page_data())

    def _parts(self) -> dict[str, str]:
        explained = "".join(
            f"<li>{html.escape(name)}: {sum(shares):.0%} of the variance</li>"
            for name, (_, shares) in self.maps.items()
        )
        return {
            "conditions": html.escape(format_conditions(self.conditions)),
            "table": html_table(self.table()) if self.scores else "",
            "maps": explained,
        }

    def _page_data(self) -> dict[str, Any]:
        units = self.page_units()
        place = {unit: n for n, unit in enumerate(units)}
        values = self.values[:, units]
        scale = values.abs().amax(0).clamp(min=1e-12)
        small = (values / scale * 127).round().to(torch.int8)
        groups = [
            {
                "probe": probe,
                "units": [[place[u], round(s, 3)] for u, s in self.best_units(probe) if u in place],
            }
            for probe, _, _ in self.leading_units()
        ]
        return {
            "tokens": self.tokens,
            "spaced": are_words(self.tokens),
            "labels": [self.labels[unit] for unit in units],
            "scale": [round_digits(v) for v in scale.tolist()],
            "values": base64.b64encode(small.T.contiguous().numpy().tobytes()).decode(),
            "groups": groups,
            "first": place[self.default_unit()[0]],
            "guesses": [
                [[name, round_digits(p, 3)] for name, p in row] for row in self.recorded.guesses
            ],
            "surprise": [round_digits(nats, 3) for nats in self.recorded.surprise],
            "maps": [
                {
                    "label": name,
                    "shares": shares,
                    "places": [[round_digits(v, 3) for v in row] for row in p.tolist()],
                }
                for name, (p, shares) in self.maps.items()
            ],
        }

    def page_units(self) -> list[int]:
        """The units on a page: all, or where they are too many those of the best scores and variance."""
        limit = max(1, MAX_ACTIVATIONS // max(1, len(self.tokens)))
        if len(self.labels) <= limit:
            return list(range(len(self.labels)))
        place = (-self.values.std(0)).argsort().argsort() + len(self.labels)
        # the best of each probe first, in the order of `best_units`
        for score in self.scores.values():
            order = score.abs().argsort(descending=True, stable=True)
            place = torch.minimum(place, order.argsort())
        return sorted(place.argsort(stable=True)[:limit].tolist())


def states_of_run(
    run: Run, text: Any, *, condition: str | None = None, score_on: str | Path | None = None
) -> States:
    """Read a text, and score how well every unit follows its readable features.

    When to use it: to see what single units of a language model, a classifier of texts, a tagger
    or the encoder of a translator have learned to follow. The run is not changed.

    Args:
        run: a trained run.
        text: a string, or an input of a tagger.
        condition: the category, for runs that were trained with one.
        score_on: a file on which the units are scored. Default: the data of the run where the file
            still exists, else the text itself.

    Raises:
        UserError: for a text that the run cannot read, and a run that reads no text.

    Source: A. Karpathy, J. Johnson and L. Fei-Fei, Visualizing and understanding recurrent
    networks, 2015 (https://arxiv.org/abs/1506.02078).
    """
    recorded = record_text(run, text, condition)
    scored, where = recorded, "the text itself"
    own = run.config["data"]["path"]
    if score_on is None and own != "-" and Path(own).exists():
        score_on = own
    if score_on is not None and isinstance(run, LanguageRun):
        scored, where = record_data(run, str(score_on), SCORED_TOKENS), str(score_on)
    labels = [f"{name}[{k}]" for name, s in recorded.states.items() for k in range(s.shape[2])]
    activations = torch.cat(list(scored.states.values()), 2)
    values = torch.cat([s[:, 0] for s in recorded.states.values()], 1)
    scores = probe_scores(activations, scored.tokens)
    conditions = {
        "run": str(run.path),
        "tokens": len(recorded.tokens[0]),
        "not_read": recorded.not_read or None,
        "units": len(labels),
        "scored_on": f"{activations.shape[0] * activations.shape[1]:,} tokens of {where}",
        **network_alone(run, "; predictions are of both" if recorded.guesses else ""),
    }
    planes = {name: principal_plane(s[:, 0]) for name, s in recorded.states.items()}
    maps = {name: plane for name, plane in planes.items() if plane is not None}
    return States(f"States of {run.path.name}", conditions, recorded, labels, values, maps, scores)


def are_words(tokens: Sequence[str]) -> bool:
    """Whether tokens are words, which a text has spaces between; pieces and letters hold their spaces."""
    long = any(len(token) > 1 for token in tokens)
    return long and not any(" " in token for token in tokens)


def token_kind(token: str) -> str:
    """The kind of a token on a map: one of KINDS."""
    if token.isspace():
        return "space"
    return "letters" if token.strip()[:1].isalnum() else "punctuation"


def text_with_levels(tokens: Sequence[str], values: Sequence[float]) -> list[str]:
    """The text in lines, below each the level of a unit as characters."""
    largest = max(map(abs, values)) or 1.0
    above, below, lines = "", "", []
    for token, value in zip(tokens, values, strict=True):
        visible = repr(token)[1:-1] if not token.isprintable() else token
        padded = visible + ("" if len(token) == 1 else " ")
        if len(above) + len(padded) > WIDTH:
            lines += [f"  {above}", f"  {below}"]
            above = below = ""
        above += padded
        below += LEVELS[min(4, int((value / largest + 1) * 2.5))] * len(visible)
        below += " " * (len(padded) - len(visible))
    return [*lines, f"  {above}", f"  {below}"]
