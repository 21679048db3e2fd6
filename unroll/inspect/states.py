"""The activation of every unit while a network reads a text, the most readable units first.

T tokens, U units, H units of one field.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.inspect.answers import answer_of
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
from unroll.inspect.probing.read_texts import (
    ReadTexts,
    SampledTexts,
    own_data,
    read_with,
    sample_of_file,
    words_are_tokens,
)
from unroll.inspect.probing.rules import parse_probe
from unroll.inspect.probing.study import Excerpt, Probed, ProbeResult, as_facts, probe_run
from unroll.inspect.probing.views import probe_html, probe_picture, probe_text
from unroll.inspect.recorded_text import RecordedText, record_text
from unroll.inspect.scatter import Cloud, draw_scatter
from unroll.inspect.text_rows import LEVELS, label_marks, levels_of, text_with_rows
from unroll.run import LanguageRun, Run
from unroll.training.report import ProgressLog

BEST = 8  # units of a probe that are listed
MAX_ACTIVATIONS = 3_000_000  # on a page
MAX_LABELS = 80  # tokens whose names are written under a heat map
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
        spaced: whether tokens are words, with spaces between.
        probed: what was found for the probes that were asked for.
    """

    title: str
    conditions: dict[str, Any]
    recorded: RecordedText
    labels: list[str]
    values: Tensor
    maps: dict[str, tuple[Tensor, tuple[float, float]]]
    scores: dict[str, Tensor]
    spaced: bool = False
    probed: tuple[ProbeResult, ...] = ()

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
        """(probe, unit, score) of the best unit of each probe, the largest absolute score first; probes
        that were asked for before all others."""
        asked = {result.probe.name for result in self.probed}
        best = [(probe, *self.best_units(probe, 1)[0]) for probe in self.scores]
        return sorted(best, key=lambda row: (row[0] not in asked, -abs(row[2])))

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
            **({"probes": [as_facts(result) for result in self.probed]} if self.probed else {}),
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
        for result in self.probed:
            lines += [*probe_text(result), ""]
        if self.scores:
            lines += ["Units with the best scores (1 or -1: perfect, 0: chance):"]
            lines += [text_table(self.table()[1:]), ""]
        unit, reason = self.default_unit()
        lines += [
            f"{self.labels[unit]} ({reason}), from {LEVELS[0]} for low to {LEVELS[-1]} for high:"
        ]
        rows = [levels_of(self.values[:, unit].tolist())]
        if self.probed and self.probed[0].probe.values is not None:  # a rule labels any text
            rows.append(label_marks(self.probed[0].probe.values(self.tokens, self.spaced)))
        lines += [*text_with_rows(self.tokens, self.spaced, rows), ""]
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
        probed = {f"probe {r.probe.name}": probe_picture(r) for r in self.probed}
        return probed | pictures

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
            "probes": "".join(map(probe_html, self.probed)),
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
            "spaced": self.spaced,
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
    run: Run,
    text: Any = None,
    *,
    condition: str | None = None,
    score_on: str | Path | None = None,
    probes: Sequence[str] = (),
    log: Callable[[str], None] | None = None,
) -> States:
    """Read a text, and score how well every unit follows its readable features.

    When to use it: to see what single units of a language model, a classifier of texts, a tagger
    or the encoder of a translator have learned to follow, and whether any of them, or all together,
    tell a label of one's own. The run is not changed.

    Args:
        run: a trained run.
        text: a string, or an input of a tagger. Default, with probes: some of the texts they are
            measured on.
        condition: the category, for language models that were trained with one.
        score_on: data on which units are scored. Default: the data of the run where the file still
            exists, else the text itself.
        probes: labels, as `unroll.inspect.probing.rules.parse_probe` reads them:
            `plural=\\b(cats|dogs)\\b.*`.
        log: called with lines of progress.

    Raises:
        UserError: for a text that the run cannot read, a run that reads no text, and a probe that no
            token or every token has.

    Source: A. Karpathy, J. Johnson and L. Fei-Fei, Visualizing and understanding recurrent
    networks, 2015 (https://arxiv.org/abs/1506.02078).
    """
    asked = [parse_probe(probe) for probe in probes]
    if text is None and not asked:
        raise UserError("inspect states got no text; expected a text, or a probe.")
    recorded = None if text is None else record_text(run, text, condition)
    path = own_data(run) if score_on is None else str(score_on)
    sample: SampledTexts | None = None
    read: ReadTexts | None = None
    # a task that reads its inputs one by one reads many of them only where that is asked for
    ruled = any(probe.file is None for probe in asked)
    if path is not None and (isinstance(run, LanguageRun) or ruled or score_on is not None):
        sample = sample_of_file(run, path)
        read = read_with(run, sample, progress=ProgressLog(f"reading {path}", log or silent))
    probed = Probed([], {})
    if asked:
        probed = probe_run(run, asked, sample, read, log)
    if recorded is None:
        recorded = record_text(run, excerpt_text(run, probed.results[0].excerpt), condition)
    spaced, where = words_are_tokens(run), path
    if read is None:
        values = torch.cat([s[:, 0] for s in recorded.states.values()], 1)
        parts = {name: s.shape[2] for name, s in recorded.states.items()}
        read, where = ReadTexts([recorded.tokens[0]], values, parts, spaced), "the text itself"
    scores = probe_scores(read.activations, read.tokens, read.second_half, spaced)
    conditions = {
        "run": str(run.path),
        **({} if text is None or isinstance(run, LanguageRun) else answer_of(run, text)),
        "tokens": len(recorded.tokens[0]),
        "not_read": recorded.not_read or None,
        "units": read.activations.shape[1],
        "scored_on": f"{len(read.activations):,} tokens of {where}",
        **network_alone(run, "; predictions are of both" if recorded.guesses else ""),
    }
    planes = {name: principal_plane(s[:, 0]) for name, s in recorded.states.items()}
    return States(
        f"States of {run.path.name}",
        conditions,
        recorded,
        read.labels(),
        torch.cat([s[:, 0] for s in recorded.states.values()], 1),
        {name: plane for name, plane in planes.items() if plane is not None},
        probed.scores | {k: v for k, v in scores.items() if k not in probed.scores},
        spaced,
        tuple(probed.results),
    )


def silent(line: str) -> None:
    """Takes a line of progress where nobody asked for it."""


def excerpt_text(run: Run, excerpt: Excerpt) -> Any:
    """The tokens of an excerpt as an input of the run."""
    tokens = [token for token in excerpt.tokens if token not in ("<s>", "<eos>")]
    if run.task_name == "tag":
        return tokens
    vocabulary: Any = getattr(run.preprocessor, "vocabulary", None)
    if getattr(vocabulary, "level", "") == "char":
        return "".join(token for token in tokens if not vocabulary.unknown(token))
    return (" " if words_are_tokens(run) else "").join(tokens)


def token_kind(token: str) -> str:
    """The kind of a token on a map: one of KINDS."""
    if token.isspace():
        return "space"
    return "letters" if token.strip()[:1].isalnum() else "punctuation"
