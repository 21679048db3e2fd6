"""How well units and linear read-outs of a network tell a label, beside chance and an untrained network.

N tokens, U units, P sets of labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.inspect.probes import MIN_STEPS, HalvedUnits, is_binary, ranks
from unroll.inspect.probing.label_files import read_labelled_texts
from unroll.inspect.probing.read_texts import (
    ReadTexts,
    SampledTexts,
    read_with,
    sample_of_labelled,
    untrained_network,
)
from unroll.inspect.probing.rules import Probe
from unroll.inspect.probing.statistics import (
    Estimate,
    Measure,
    area_under_curve,
    correlation,
    estimate,
    fold_numbers,
    held_out_predictions,
    labels_of_other_blocks,
    r_squared,
)
from unroll.run import Run
from unroll.training.report import ProgressLog

CHANCES = 20  # sets of labels of other texts
EXCERPT, EXCERPT_WORDS = 72, 30  # tokens of the texts that are shown


@dataclass(frozen=True)
class ProbedPart:
    """How well the units of one field of one layer tell a label.

    Attributes:
        part: `layer 1 c`, or `all` for every unit together.
        unit: the best one, by its score in the worse half of the text.
        number: of that unit, from 0, among all.
        sign: 1 where it is high when the label is, else -1.
        best: how well it tells the label by itself.
        readout: how well a linear read-out of all units of the part does, on texts that it has not seen.
        untrained: the same two of the network before training.
        chance: what the best unit and the read-out reach on labels of other texts: 95 % of them less.
    """

    part: str
    unit: str
    number: int
    sign: int
    best: Estimate
    readout: Estimate
    untrained: tuple[Estimate, Estimate]
    chance: tuple[float, float]


@dataclass(frozen=True)
class Excerpt:
    """Some tokens of the texts with their label.

    Attributes:
        tokens: in order.
        labels: of each; NaN: none.
        unit: the activation of the best unit.
        readout: what a linear read-out that has not seen this text says.
    """

    tokens: list[str]
    labels: list[float]
    unit: list[float]
    readout: list[float]


@dataclass(frozen=True)
class ProbeResult:
    """What units tell about a label.

    Attributes:
        probe: the label.
        source: the texts it was measured on, for people.
        steps: tokens that have a label.
        texts: how many texts they are in.
        mean: of the label: of a yes or no the share of ones.
        is_number: whether the label is a number; else it is 0 or 1.
        parts: by layer and field, and at the end of all units.
        excerpt: some of the texts.
        spaced: whether tokens are words.
    """

    probe: Probe
    source: str
    steps: int
    texts: int
    mean: float
    is_number: bool
    parts: list[ProbedPart]
    excerpt: Excerpt
    spaced: bool

    @property
    def best(self) -> ProbedPart:
        """The part with the best unit."""
        return self.parts[-1]

    @property
    def measures(self) -> tuple[str, str]:
        """What is measured of a unit, and of a read-out."""
        return ("correlation", "R squared") if self.is_number else ("AUC", "AUC")


@dataclass(frozen=True)
class Probed:
    """The results of several probes, and the scores of all units.

    Attributes:
        results: of each probe.
        scores: of all U units by probe, as `unroll.inspect.probes` has them.
    """

    results: list[ProbeResult]
    scores: dict[str, Tensor]


def probe_run(
    run: Run,
    probes: list[Probe],
    sample: SampledTexts | None,
    read: ReadTexts | None,
    log: Callable[[str], None] | None = None,
) -> Probed:
    """Measure how well the network of a run tells the labels of some probes.

    Args:
        run: a trained run.
        probes: labels; those with files of their own are measured on these files.
        sample: texts for the other probes, which `read` has; None: there are none.
        read: the states of the run over them.
        log: called with lines of progress.

    Raises:
        UserError: for texts that the run cannot read, and labels that hardly vary in them.
    """
    fresh = untrained_network(run)
    results: list[ProbeResult] = []
    scores: dict[str, Tensor] = {}
    untrained: ReadTexts | None = None
    for probe in probes:
        progress = ProgressLog(f"probe {probe.name}", log or (lambda line: None))
        if probe.file is not None:
            texts = read_labelled_texts(probe.file)
            own = sample_of_labelled(run, texts, probe.file.path)
            trained = read_with(run, own, progress=progress)
            before = read_with(run, own, fresh, progress)
            pairs = zip(own.labelled, trained.tokens, strict=True)
            labels = [label for text, tokens in pairs for label in text.labels_of(tokens)]
            source = own.source
        elif sample is None or read is None:
            raise UserError(
                f"The data of {run.path} does not exist any more. Give --score-on FILE for --probe "
                f"{probe.name}."
            )
        else:
            untrained = untrained or read_with(run, sample, fresh, progress)
            trained, before, source = read, untrained, sample.source
            assert probe.values is not None  # noqa: S101  only files have none
            values = probe.values
            labels = [v for tokens in read.tokens for v in values(tokens, read.spaced)]
        result, own_scores = measure_probe(probe, labels, trained, before, source)
        results.append(result)
        scores[probe.name] = own_scores
    return Probed(results, scores)


def measure_probe(
    probe: Probe, labels: list[float], trained: ReadTexts, untrained: ReadTexts, source: str
) -> tuple[ProbeResult, Tensor]:
    """How well every part of a network tells a label, and the scores of all units.

    Args:
        probe: the label.
        labels: of each token; NaN: none.
        trained: the network.
        untrained: before training, over the same texts.
        source: the texts, for people.

    Raises:
        UserError: where too few tokens have a label, or all have the same.
    """
    every = torch.tensor(labels, dtype=torch.float64)
    kept = ~every.isnan()
    y, blocks = every[kept], trained.blocks[kept]
    halved = trained.second_half[kept]
    if len(blocks.unique()) > 1:  # halves of the texts that have a label
        halved = blocks >= blocks.median()
    halves = [HalvedUnits(read.activations[kept], halved) for read in (trained, untrained)]
    own_scores, fresh_scores = (half.scores(y) for half in halves)
    if own_scores is None or fresh_scores is None or float(y.std()) == 0:
        ones = f"{int(y.sum()):,} are 1" if len(y) and is_binary(y) else "they do not vary"
        raise UserError(
            f"The probe {probe.name} gives {len(y):,} of {len(every):,} tokens of {source} a label, and "
            f"{ones}; expected at least {MIN_STEPS} of both kinds in each half. Change its rule or the text."
        )
    chance = labels_of_other_blocks(y, blocks, CHANCES)
    material = _Material(y, chance, blocks, fold_numbers(blocks))
    names, parts, at = trained.labels(), [], 0
    spans = {**{name: (0, count) for name, count in trained.parts.items()}}
    for name, count in trained.parts.items():
        spans[name] = (at, at + count)
        at += count
    if len(spans) > 1:
        spans["all"] = (0, at)
    shown = None
    for name, (first, last) in spans.items():
        units = slice(first, last)
        sides = [
            material.measure(read.activations[kept][:, units], half, scores, units, n == 0)
            for n, (read, half, scores) in enumerate(
                zip((trained, untrained), halves, (own_scores, fresh_scores), strict=True)
            )
        ]
        own, fresh = sides
        number = own.unit + first
        sign = 1 if float(own_scores[number]) >= 0 else -1
        parts.append(
            ProbedPart(name, names[number], number, sign, own.best, own.readout,
                       (fresh.best, fresh.readout), own.chance)
        )  # fmt: skip
        shown = number, own.predicted
    assert shown is not None  # noqa: S101  every network has a part
    excerpt = choose_excerpt(trained, every, kept, *shown)
    result = ProbeResult(
        probe, source, len(y), len(blocks.unique()), float(y.mean()), not is_binary(y), parts, excerpt,
        trained.spaced,
    )  # fmt: skip
    return result, own_scores


@dataclass(frozen=True)
class _Side:
    """How well one network tells a label: its best unit and its read-out."""

    unit: int
    best: Estimate
    readout: Estimate
    predicted: Tensor
    chance: tuple[float, float]


@dataclass(frozen=True)
class _Material:
    """Labels y [N], those of other texts [N, P], blocks and folds [N]."""

    y: Tensor
    others: Tensor
    blocks: Tensor
    folds: Tensor

    def measure(
        self, activations: Tensor, halves: HalvedUnits, scores: Tensor, units: slice, chance: bool
    ) -> _Side:
        """Measure the units of a part, [N, U], whose scores are known; `chance` only where wanted."""
        number = not is_binary(self.y)
        unit = int(scores[units].abs().argmax())
        score = float(scores[units][unit])
        x = activations[:, unit].double() * (1.0 if score >= 0 else -1.0)
        of_unit: Measure = correlation if number else area_under_curve
        y = self.y
        if number:  # Spearman's: of ranks
            x, y = ranks(x[:, None])[:, 0], ranks(y[:, None])[:, 0]
        of_readout: Measure = r_squared if number else area_under_curve
        targets = self.y[:, None]
        if chance:
            targets = torch.cat([targets, self.others], 1)
        predicted = held_out_predictions(activations, targets, self.folds)
        levels = (math.nan, math.nan)
        if chance:
            levels = self._chance(halves, units, predicted[:, 1:], of_readout)
        return _Side(
            unit,
            estimate(of_unit, x, y, self.blocks),
            estimate(of_readout, predicted[:, 0], self.y, self.blocks),
            predicted[:, 0],
            levels,
        )

    def _chance(
        self, halves: HalvedUnits, units: slice, predicted: Tensor, measure: Measure
    ) -> tuple[float, float]:
        """What the best unit and the read-out reach on labels of other texts: 95 % of them less."""
        best, readouts = [], []
        one = torch.ones(len(self.y), 1, dtype=torch.float64)
        for k in range(self.others.shape[1]):
            labels = self.others[:, k]
            scores = halves.scores(labels)
            if scores is not None:
                most = float(scores[units].abs().max())
                best.append(most if not is_binary(self.y) else (1 + most) / 2)
            readouts.append(float(measure(predicted[:, k], labels, one)))
        level = torch.tensor(0.95, dtype=torch.float64)
        unit = float(torch.tensor(best, dtype=torch.float64).quantile(level)) if best else math.nan
        return unit, float(torch.tensor(readouts, dtype=torch.float64).quantile(level))


def choose_excerpt(
    read: ReadTexts, labels: Tensor, kept: Tensor, unit: int, predicted: Tensor
) -> Excerpt:
    """The tokens of the texts over which the label varies most, some of one text.

    Args:
        read: the texts.
        labels: of each token, [N].
        kept: which tokens have one, bool [N].
        unit: whose activation is shown.
        predicted: what the read-out says where a token has a label.
    """
    readout = torch.full_like(labels, math.nan)
    readout[kept] = predicted
    at, best, chosen = 0, -1.0, (0, 1)
    most = EXCERPT_WORDS if read.spaced else EXCERPT
    for tokens in read.tokens:
        for first in range(at, at + len(tokens), most):
            last = min(first + most, at + len(tokens))
            own = labels[first:last]
            own = own[~own.isnan()]
            spread = float(own.std()) * min(1.0, (last - first) / 12) if len(own) > 1 else 0.0
            if spread > best:
                best, chosen = spread, (first, last)
        at += len(tokens)
    first, last = chosen
    every = [token for tokens in read.tokens for token in tokens]
    return Excerpt(
        every[first:last],
        labels[first:last].tolist(),
        read.activations[first:last, unit].tolist(),
        readout[first:last].tolist(),
    )


def as_facts(result: ProbeResult) -> dict[str, Any]:
    """A result as JSON can hold it."""

    def numbers(found: Estimate) -> dict[str, float]:
        return {"value": found.value, "low": found.low, "high": found.high}

    def plain(values: list[float]) -> list[float | None]:
        return [None if math.isnan(value) else round(value, 5) for value in values]

    excerpt = result.excerpt
    return {
        "name": result.probe.name,
        "rule": result.probe.rule,
        "source": result.source,
        "steps": result.steps,
        "texts": result.texts,
        "mean": result.mean,
        "measure_of_unit": result.measures[0],
        "measure_of_readout": result.measures[1],
        "parts": [
            {
                "part": part.part,
                "unit": part.unit,
                "sign": part.sign,
                "best_unit": numbers(part.best),
                "readout": numbers(part.readout),
                "untrained_best_unit": numbers(part.untrained[0]),
                "untrained_readout": numbers(part.untrained[1]),
                "chance_best_unit": None if math.isnan(part.chance[0]) else part.chance[0],
                "chance_readout": part.chance[1],
            }
            for part in result.parts
        ],
        "excerpt": {
            "tokens": excerpt.tokens,
            "labels": plain(excerpt.labels),
            "unit": plain(excerpt.unit),
            "readout": plain(excerpt.readout),
        },
    }
