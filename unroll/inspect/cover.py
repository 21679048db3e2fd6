"""A run in one sentence: what it is, and how good beside the best of its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unroll.counting import counted
from unroll.run import Run

MODELS = {
    "language": "language model",
    "classify": "classifier",
    "tag": "tagger",
    "forecast": "forecaster",
    "translate": "translator",
    "transcribe": "recogniser of speech",
    "caption": "captioner of images",
    "frames": "classifier of video",
    "music": "model of music",
}
ALONE = ("network", "network alone")  # rows of the network itself, which is no baseline


@dataclass(frozen=True)
class DecidingMetric:
    """A metric by which runs of a task are compared.

    Attributes:
        name: in the results of a run.
        higher_is_better: whether a larger value is better.
        words: before the value, or after it where they begin with a space.
        share: whether it is a share, which is shown in percent.
    """

    name: str
    higher_is_better: bool
    words: str
    share: bool = False

    def format(self, value: float) -> str:
        """A value with its name: `accuracy 97.50%`, `1.234 nats per token`."""
        number = f"{value:.2%}" if self.share else f"{value:.4g}"
        return number + self.words if self.words.startswith(" ") else f"{self.words} {number}"


# the first that a task reports decides
METRICS = (
    DecidingMetric("f1", True, "F1", share=True),
    DecidingMetric("accuracy", True, "accuracy", share=True),
    DecidingMetric("bleu", True, "BLEU"),
    DecidingMetric("cider_d", True, "CIDEr-D"),
    DecidingMetric("word_error", False, "word error", share=True),
    DecidingMetric("mase", False, "MASE"),
    DecidingMetric("mae", False, "MAE"),
    DecidingMetric("nats_per_token", False, " nats per token"),
    DecidingMetric("loss", False, " nats"),
)


def deciding_metric(result: Mapping[str, Any]) -> DecidingMetric | None:
    """The metric by which a run is compared with others; None before its end.

    Args:
        result: the validation metrics of the run.
    """
    return next((one for one in METRICS if isinstance(result.get(one.name), int | float)), None)


def cover_line(run: Run) -> str:
    """What a run is and how good, beside the best baseline and the network alone.

    Args:
        run: a trained run.
    """
    settings, result = run.recorded, run.result()
    model = MODELS.get(run.task_name, f"model of the task {run.task_name}")
    size = f"{counted(settings.layers, 'layer')} of {counted(settings.hidden, 'unit')}"
    what = f"A {model} ({settings.cell}, {size})"
    metric = deciding_metric(result)
    if metric is None:
        return f"{what}. Its training has not ended."
    own = float(result[metric.name])
    where = result.get("validation_set", "the validation set")
    line = f"{what}: {metric.format(own)} on {where}"
    known = known_values(result, metric)
    alone = next((known.pop(name) for name in ALONE if name in known), None)
    best = best_baseline(known, metric)
    line += "." if best is None else f", {beside_baseline(own, *best, metric)}."
    if alone is not None and best is not None:
        line += f" The network alone: {metric.format(alone)}."
    return line


def known_values(result: Mapping[str, Any], metric: DecidingMetric) -> dict[str, float]:
    """The metric of every row beside that of the model, by its name."""
    rows = dict(result.get("baselines", {}))
    for name in ("network", "network_alone"):
        if isinstance(result.get(name), Mapping):
            rows["network alone"] = result[name]
    return {
        name: float(row[metric.name])
        for name, row in rows.items()
        if isinstance(row, Mapping) and isinstance(row.get(metric.name), int | float)
    }


def best_baseline(known: Mapping[str, float], metric: DecidingMetric) -> tuple[str, float] | None:
    """The name and value of the best baseline; None where there is none."""
    if not known:
        return None
    choose = max if metric.higher_is_better else min
    return choose(known.items(), key=lambda row: row[1])


def beside_baseline(own: float, name: str, value: float, metric: DecidingMetric) -> str:
    """How a value compares with that of a baseline, as they are shown."""
    shown = metric.format(value)
    if metric.format(own) == shown:
        return f"no better than the {name}, the best baseline, which has the same"
    better = (own > value) == metric.higher_is_better
    return f"{'better' if better else 'worse'} than the {name}, the best baseline: {shown}"
