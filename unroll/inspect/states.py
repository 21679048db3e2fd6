"""What the states of a network do while it reads a text: every unit, the most telling ones first.

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

from unroll.inspect.curves import Curve, curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    html_table,
    in_brackets,
    rounded,
    text_table,
)
from unroll.inspect.heat import heat_map
from unroll.inspect.page import Section
from unroll.inspect.plane import principal
from unroll.inspect.probes import scores
from unroll.inspect.reading import Reading, read_data, read_text
from unroll.inspect.scatter import Cloud, scatter
from unroll.run import LanguageRun, Run

TOP = 8  # units of a probe that come first
SCORED = 16_000  # tokens on which units are scored
ROOM = 3_000_000  # activations in a page
NAMED = 80  # tokens whose names stand under a heat map
MARKS = "=-.+#"  # from strongly negative to strongly positive
WIDTH = 76  # characters of a line in a terminal


@dataclass(frozen=True)
class States(Finding):
    """The activation of every unit at every token of a text.

    labels: of U units. values: [T, U]. maps: by layer and field, the states in the plane where they
    vary most, [T, 2], and how much of their variance that shows. scores: by probe, of every unit,
    see `unroll.inspect.probes`. A notebook shows it as a picture and a table.
    """

    title: str
    conditions: dict[str, Any]
    reading: Reading
    labels: list[str]
    values: Tensor
    maps: dict[str, tuple[Tensor, tuple[float, float]]]
    scores: dict[str, Tensor]

    @property
    def tokens(self) -> list[str]:
        """The tokens that were read."""
        return self.reading.tokens[0]

    def best(self, probe: str, many: int = TOP) -> list[tuple[int, float]]:
        """The units that tell a probe best, with their scores."""
        score = self.scores[probe]
        order = score.abs().argsort(descending=True, stable=True)[:many].tolist()
        return [(unit, float(score[unit])) for unit in order]

    def telling(self) -> list[tuple[str, int, float]]:
        """The best unit of each probe, the most telling first."""
        found = [(probe, *self.best(probe, 1)[0]) for probe in self.scores]
        return sorted(found, key=lambda one: -abs(one[2]))

    def facts(self) -> dict[str, Any]:
        """Tokens, guesses, the best units with their activations, and the maps."""
        best = {probe: self.best(probe) for probe in self.scores}
        return {
            "title": self.title,
            "conditions": self.conditions,
            "tokens": self.tokens,
            "surprise": [rounded(nats) for nats in self.reading.surprise],
            "next": [dict(some) for some in self.reading.guesses],
            "units": {
                probe: [
                    {
                        "unit": self.labels[unit],
                        "score": rounded(score),
                        "activation": [rounded(v) for v in self.values[:, unit].tolist()],
                    }
                    for unit, score in some
                ]
                for probe, some in best.items()
            },
            "maps": {
                name: {"variance_shown": shares, "places": places.tolist()}
                for name, (places, shares) in self.maps.items()
            },
        }

    def table(self) -> list[list[str]]:
        """The best units of every probe, with their scores."""
        rows = [["tells", "best unit", "second", "third"]]
        for probe, _, _ in self.telling():
            best = [f"{self.labels[unit]} {score:+.2f}" for unit, score in self.best(probe, 3)]
            rows.append([probe, *best, *[""] * (3 - len(best))])
        return rows

    def text(self) -> str:
        """The best units, and the text with the most telling one under it."""
        lines = [f"{self.title}.", f"({in_brackets(self.conditions)})", ""]
        if self.scores:
            lines += ["Units that tell most, with their scores (1: always, 0: by chance):"]
            lines += [text_table(self.table()[1:]), ""]
        unit, why = self.first()
        lines += [f"{self.labels[unit]} ({why}), from {MARKS[0]} for low to {MARKS[-1]} for high:"]
        lines += [*under(self.tokens, self.values[:, unit].tolist()), ""]
        for name, (_, shares) in self.maps.items():
            lines.append(f"{name}: a plane shows {sum(shares):.0%} of how its states vary.")
        if self.reading.surprise:
            mean = float(np.mean(self.reading.surprise))
            lines.append(f"The text is foretold at {mean:.2f} nats a token.")
        return "\n".join(lines)

    def first(self) -> tuple[int, str]:
        """The unit that is shown first, and why."""
        if self.scores:
            probe, unit, score = self.telling()[0]
            return unit, f"{probe}, score {score:+.2f}"
        return int(self.values.std(0, correction=0).argmax()), "it varies most"

    def pictures(self) -> dict[str, Picture]:
        """`traces` of the best units over the text, `units` of all, a `map` of each layer's states,
        and what comes `next`."""
        chosen = {unit: f"{probe}: {self.labels[unit]}" for probe, unit, _ in self.telling()}
        chosen = chosen or {self.first()[0]: self.labels[self.first()[0]]}
        values = self.values.numpy()
        found = {
            "traces": Picture(
                lambda: self._traces(chosen),
                [
                    ["place", "token", *(self.labels[unit] for unit in chosen)],
                    *(
                        [t, token, *values[t, list(chosen)].tolist()]
                        for t, token in enumerate(self.tokens)
                    ),
                ],
            ),
            "units": Picture(
                lambda: heat_map(
                    values.T, "every unit over the text: blue low, orange high", signed=True
                ),
                [
                    ["unit", *self.tokens],
                    *([n, *row] for n, row in zip(self.labels, values.T.tolist(), strict=True)),
                ],
            ),
        }
        for name in self.maps:
            places, shares = self.maps[name]
            found[f"map {name}"] = Picture(
                lambda name=name: self._map(name),  # type: ignore[misc]
                [["token", *(f"axis {k + 1} ({s:.1%})" for k, s in enumerate(shares))],
                 *([token, *row] for token, row in zip(self.tokens, places.tolist(), strict=True))],
            )  # fmt: skip
        if self.reading.guesses:
            rows = [
                [t, self.tokens[t], name, p]
                for t, some in enumerate(self.reading.guesses)
                for name, p in some
            ]
            found["next"] = Picture(self._next, [["place", "token", "next", "probability"], *rows])
        return found

    def _traces(self, chosen: dict[int, str]) -> Drawing:
        lines = [
            Curve(name, n, dict(enumerate(self.values[:, unit].tolist())))
            for n, (unit, name) in enumerate(chosen.items())
        ]
        return curves(lines, "activation", "tokens", powers=False)

    def _map(self, name: str) -> Drawing:
        places, shares = self.maps[name]
        kinds: dict[str, list[tuple[float, float, str]]] = {"letters": [], "space": [], "marks": []}
        for token, (x, y) in zip(self.tokens, places.tolist(), strict=True):
            kind = (
                "space"
                if token.isspace()
                else "letters"
                if token.strip()[:1].isalnum()
                else "marks"
            )
            kinds[kind].append((x, y, repr(token)[1:-1]))
        clouds = [Cloud(kind, n, points) for n, (kind, points) in enumerate(kinds.items())]
        across, up = (
            f"axis {k + 1}: {share:.0%} of the variance" for k, share in enumerate(shares)
        )
        return scatter(clouds, f"{name}, {up}", across)

    def _next(self) -> Drawing:
        some = self.reading.guesses[:NAMED]
        values = np.array([[p for _, p in row] for row in some]).T
        title = "probability of the likeliest next tokens"
        return heat_map(values, title, rows=[str(k + 1) for k in range(len(values))],
                        columns=[repr(token)[1:-1] for token in self.tokens[:NAMED]])  # fmt: skip

    def section(self) -> Section:
        """The text coloured by a unit that the reader picks."""
        return Section("states", self.title, self._parts(), self._page_data())

    def _parts(self) -> dict[str, str]:
        told = "".join(
            f"<li>{html.escape(name)}: the plane shows {sum(shares):.0%} of the variance</li>"
            for name, (_, shares) in self.maps.items()
        )
        return {
            "conditions": html.escape(in_brackets(self.conditions)),
            "table": html_table(self.table()) if self.scores else "",
            "maps": told,
        }

    def _page_data(self) -> dict[str, Any]:
        kept = self.kept()
        place = {unit: n for n, unit in enumerate(kept)}
        some = self.values[:, kept]
        scale = some.abs().amax(0).clamp(min=1e-12)
        small = (some / scale * 127).round().to(torch.int8)
        groups = [
            {
                "probe": probe,
                "units": [[place[u], round(s, 3)] for u, s in self.best(probe) if u in place],
            }
            for probe, _, _ in self.telling()
        ]
        return {
            "tokens": self.tokens,
            "labels": [self.labels[unit] for unit in kept],
            "scale": [rounded(v) for v in scale.tolist()],
            "values": base64.b64encode(small.T.contiguous().numpy().tobytes()).decode(),
            "groups": groups,
            "first": place[self.first()[0]],
            "guesses": [[[name, rounded(p, 3)] for name, p in row] for row in self.reading.guesses],
            "surprise": [rounded(nats, 3) for nats in self.reading.surprise],
            "maps": [
                {
                    "label": name,
                    "shares": shares,
                    "places": [[rounded(v, 3) for v in row] for row in p.tolist()],
                }
                for name, (p, shares) in self.maps.items()
            ],
        }

    def kept(self) -> list[int]:
        """The units in a page: all, or those that tell or vary most where there is no room."""
        most = max(1, ROOM // max(1, len(self.tokens)))
        if len(self.labels) <= most:
            return list(range(len(self.labels)))
        place = (-self.values.std(0)).argsort().argsort() + len(self.labels)
        for score in self.scores.values():  # the best of each probe first, as `best` has them
            order = score.abs().argsort(descending=True, stable=True)
            place = torch.minimum(place, order.argsort())
        return sorted(place.argsort(stable=True)[:most].tolist())


def states_of_run(
    run: Run, text: Any, *, condition: str | None = None, score_on: str | Path | None = None
) -> States:
    """Read a text, and score every unit by what it tells.

    When to use it: to see what single units of a language model, a classifier of texts, a tagger
    or a translator's encoder have learned to follow. The run is not changed.

    condition: the category, for runs that were trained with one. score_on: a text on which units
    are scored; None: the run's own data where it is still there, else the text itself.
    Raises: UserError for a text that the run cannot read, or a run that reads no text.

    Source: A. Karpathy, J. Johnson and L. Fei-Fei, Visualizing and understanding recurrent
    networks, 2015 (https://arxiv.org/abs/1506.02078).
    """
    reading = read_text(run, text, condition)
    scored, where = reading, "the text itself"
    own = run.config["data"]["path"]
    if score_on is None and own != "-" and Path(own).exists():
        score_on = own
    if score_on is not None and isinstance(run, LanguageRun):
        scored, where = read_data(run, str(score_on), SCORED), str(score_on)
    labels = [f"{name}[{k}]" for name, s in reading.states.items() for k in range(s.shape[2])]
    every = torch.cat(list(scored.states.values()), 2)
    values = torch.cat([s[:, 0] for s in reading.states.values()], 1)
    found = scores(every, scored.tokens)
    conditions = {
        "run": str(run.path),
        "tokens": len(reading.tokens[0]),
        "not_read": reading.not_read or None,
        "units": len(labels),
        "scored_on": f"{every.shape[0] * every.shape[1]:,} tokens of {where}",
    }
    planes = {name: principal(s[:, 0]) for name, s in reading.states.items()}
    maps = {name: plane for name, plane in planes.items() if plane is not None}
    return States(f"States of {run.path.name}", conditions, reading, labels, values, maps, found)


def under(tokens: Sequence[str], values: Sequence[float]) -> list[str]:
    """The text in lines, under each what the unit does."""
    most = max(map(abs, values)) or 1.0
    above, below, lines = "", "", []
    for token, value in zip(tokens, values, strict=True):
        seen = repr(token)[1:-1] if not token.isprintable() else token
        wide = seen + ("" if len(token) == 1 else " ")
        if len(above) + len(wide) > WIDTH:
            lines += [f"  {above}", f"  {below}"]
            above = below = ""
        above += wide
        below += MARKS[min(4, int((value / most + 1) * 2.5))] * len(seen)
        below += " " * (len(wide) - len(seen))
    return [*lines, f"  {above}", f"  {below}"]
