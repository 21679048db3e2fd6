"""Classes that are confused, how far probabilities can be relied on, and the most confident mistakes.

K classes, R records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, Row
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.task_pictures.confusion import MATRIX, draw_confused_pairs, draw_confusion
from unroll.inspect.task_pictures.finding import TaskFinding, percent, shown_of
from unroll.inspect.task_pictures.plane import Plane, shorten
from unroll.models.classification_metrics import confusion_matrix
from unroll.tasks.pictures import ClassifiedRecords

CLASSES = 12  # that are drawn, the lowest first
MISTAKES = 10  # records that are listed
BINS = 10  # of probabilities


@dataclass(frozen=True)
class ClassResults(TaskFinding):
    """What a classifier confuses, and how far its probabilities can be relied on.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        records: with their true classes and probabilities.
    """

    records: ClassifiedRecords

    @property
    def several(self) -> bool:
        """Whether a record may have several classes."""
        return self.records.targets.ndim == 2

    def decisions(self) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each decision, and whether it is right, each [N].

        A decision is the most likely class of a record; where a record may have several, each class
        of each record is one: yes or no.
        """
        p, targets = self.records.probabilities, self.records.targets
        if self.several:
            return np.maximum(p, 1 - p).ravel(), ((p >= 0.5) == targets).ravel()
        return p.max(1), p.argmax(1) == targets

    def accuracy(self) -> float:
        """The share of the records that are right."""
        p, targets = self.records.probabilities, self.records.targets
        if not len(targets):
            return 0.0
        right = ((p >= 0.5) == targets).all(1) if self.several else p.argmax(1) == targets
        return float(right.mean())

    def confusion(self) -> list[tuple[str, str, int]]:
        """The pairs of classes that are confused, (true, predicted, how often), the most frequent first."""
        classes = self.records.classes
        matrix = confusion_matrix(self.records.probabilities, self.records.targets)
        if self.several:
            pairs = [
                (actual, predicted, int(matrix[k][row][column]))  # type: ignore[index]
                for k, name in enumerate(classes)
                for row, column, actual, predicted in (
                    (1, 0, name, f"not {name}"),
                    (0, 1, f"not {name}", name),
                )
            ]
        else:
            counts = np.asarray(matrix)
            pairs = [
                (classes[i], classes[j], int(counts[i, j]))
                for i, j in np.argwhere(counts)
                if i != j
            ]
        return sorted((pair for pair in pairs if pair[2]), key=lambda pair: -pair[2])

    def bins(self) -> list[tuple[float, float, int]]:
        """The mean probability, the share that is right and the number of the decisions of each bin."""
        confidence, right = self.decisions()
        places = np.minimum((confidence * BINS).astype(int), BINS - 1)
        return [
            (float(confidence[own].mean()), float(right[own].mean()), int(own.sum()))
            for own in (places == k for k in range(BINS))
            if own.any()
        ]

    def by_class(self) -> list[tuple[str, int, int, int]]:
        """Each class: its name, its records, how many of them are right, how often it is predicted."""
        p, targets, K = self.records.probabilities, self.records.targets, len(self.records.classes)
        if self.several:
            true, predicted = targets, p >= 0.5
        else:
            true = targets[:, None] == np.arange(K)
            predicted = p.argmax(1)[:, None] == np.arange(K)
        return [
            (
                name,
                int(true[:, k].sum()),
                int((true & predicted)[:, k].sum()),
                int(predicted[:, k].sum()),
            )
            for k, name in enumerate(self.records.classes)
        ]

    def mistakes(self) -> list[tuple[str, str, str, float]]:
        """The most confident mistakes: the record, its class, the predicted one and its probability."""
        p, targets, classes = (
            self.records.probabilities, self.records.targets, self.records.classes,
        )  # fmt: skip
        found: list[tuple[str, str, str, float]] = []
        if self.several:
            wrong = np.argwhere((p >= 0.5) != targets)
            sure = np.maximum(p, 1 - p)
            for row, k in wrong[np.argsort([-sure[i, j] for i, j in wrong], kind="stable")]:
                is_true = bool(targets[row, k])
                words = (classes[k], f"not {classes[k]}")
                actual, predicted = words if is_true else words[::-1]
                found.append((self.records.names[row], actual, predicted, float(sure[row, k])))
            return found[:MISTAKES]
        chosen = p.argmax(1)
        rows = np.flatnonzero(chosen != targets)
        for row in rows[np.argsort(-p[rows, chosen[rows]], kind="stable")][:MISTAKES]:
            true = classes[targets[row]] if targets[row] >= 0 else "no class of the run"
            found.append(
                (self.records.names[row], true, classes[chosen[row]], float(p[row, chosen[row]]))
            )
        return found

    def sentences(self) -> list[str]:
        """How many are right, what is confused most, and how far probabilities are off."""
        R, unit = len(self.records.targets), self.records.unit
        right = round(self.accuracy() * R)
        lines = [f"{percent(self.accuracy())} right: {right:,} of {R:,} {unit}."]
        if pairs := self.confusion():
            actual, predicted, n = pairs[0]
            lines.append(f"Confused most: {actual} taken for {predicted}, {counted(n, 'time')}.")
        confidence, right_each = self.decisions()
        if len(confidence):
            said, came = float(confidence.mean()), float(right_each.mean())
            # twice the standard error of the share that is right, if the probabilities are true
            noise = 2 * math.sqrt(float((confidence * (1 - confidence)).mean()) / len(confidence))
            verdict = "too sure" if said > came else "not sure enough"
            sure = verdict if abs(said - came) > noise + 1e-9 else "as sure as it may be"
            lines.append(
                f"Its probabilities promise {percent(said)} right, and {percent(came)} are: {sure}."
            )
        return lines

    def table(self) -> list[list[str]]:
        """One row per class: its records, how many are right, recall and precision."""
        rows = [["class", "records", "right", "recall", "precision"]]
        for name, records, right, predicted in self.by_class():
            recall = percent(right / records) if records else "-"
            precision = percent(right / predicted) if predicted else "-"
            rows.append([name, f"{records:,}", f"{right:,}", recall, precision])
        return rows

    def examples(self) -> list[list[str]]:
        """The most confident mistakes."""
        rows = [
            [shorten(name, 160), actual, f"{predicted} {p:.0%}"]
            for name, actual, predicted, p in self.mistakes()
        ]
        head = [f"The most confident mistakes ({self.records.unit})", "actual", "predicted"]
        return [head, *rows] if rows else []

    def as_dict(self) -> dict[str, Any]:
        """The counts, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "accuracy": self.accuracy(),
            "confused": [
                {"actual": a, "predicted": b, "records": n} for a, b, n in self.confusion()
            ],
            "reliability": [
                {"probability": said, "right": came, "decisions": n}
                for said, came, n in self.bins()
            ],
            "classes": [
                {"class": name, "records": n, "right": right, "predicted": predicted}
                for name, n, right, predicted in self.by_class()
            ],
            "mistakes": [
                {"record": name, "actual": a, "predicted": b, "probability": p}
                for name, a, b, p in self.mistakes()
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`confusion`, `reliability` and `classes`."""
        pairs: list[Row] = [["actual", "predicted", "records"], *self.confusion()]
        bins: list[Row] = [["probability", "right", "decisions"], *self.bins()]
        classes: list[Row] = [["class", "records", "right", "predicted"], *self.by_class()]
        matrix = not self.several and len(self.records.classes) <= MATRIX
        return {
            "confusion": Picture(self._draw_matrix if matrix else self._draw_pairs, pairs),
            "reliability": Picture(self._draw_reliability, bins),
            "classes": Picture(self._draw_classes, classes),
        }

    def _draw_matrix(self) -> Drawing:
        counts = confusion_matrix(self.records.probabilities, self.records.targets)
        return draw_confusion(np.asarray(counts, dtype=int), self.records.classes)

    def _draw_pairs(self) -> Drawing:
        return draw_confused_pairs(self.confusion())

    def _draw_reliability(self) -> Drawing:
        plane = Plane(
            "Share right, by the probability of the prediction", (0.0, 1.0), (0.0, 1.0),
            "probability of the predicted class", percent=True,
        )  # fmt: skip
        bins = self.bins()
        most = max((n for _, _, n in bins), default=1)
        for said, _, n in bins:
            k = min(int(said * BINS), BINS - 1)
            left, right, high = k / BINS, (k + 1) / BINS, 0.25 * n / most
            corners = [(left, 0.0), (left, high), (right, high), (right, 0.0)]
            plane.area(corners, 6, opacity=0.3, pointed=f"{counted(n, 'decision')}")
        plane.level((0.0, 0.0), (1.0, 1.0))
        plane.curve([(said, came) for said, came, _ in bins], 0, "this run")
        for said, came, n in bins:
            pointed = f"promised {said:.0%}, right {came:.0%} of {n:,}"
            plane.dot(said, came, 0, pointed, 2.5 + 3 * math.sqrt(n / most))
        plane.legend.append((6, "area", f"how many (highest: {most:,})"))
        return plane.drawing()

    def _draw_classes(self) -> Drawing:
        found = sorted(self.by_class(), key=lambda row: (row[2] / max(1, row[1]), -row[1]))
        found = [row for row in found if row[1]][:CLASSES]
        rows = [
            BarRow(name, right / records, f"{right:,} of {records:,}")
            for name, records, right, _ in found
        ]
        least = ", the lowest first" if len(rows) > 1 else ""
        return draw_bar_rows(
            rows or [BarRow("none", 0, "")], f"Share found of each class{least}", 1.0
        )


def class_results(
    records: ClassifiedRecords, title: str, conditions: dict[str, Any]
) -> ClassResults:
    """The finding on classified records.

    Args:
        records: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    own = shown_of(len(records.targets), records.of, records.unit)
    return ClassResults(title, {**conditions, **own}, records)
