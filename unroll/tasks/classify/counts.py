"""Scores of the classes by counting: naive Bayes over the words of a text and its word pairs.

R records, O orders (words, pairs), F features of a record, K classes, V tokens of the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from unroll.data.split import evenly_spread
from unroll.saved_files import Damaged, read_whole, refuse_unless

FILE = "counts.safetensors"
ORDERS = (1, 2)  # tokens of a feature
MOST_COUNTS = 1 << 22  # counts that are kept of an order; of more features the most frequent
SMOOTHINGS = (1.0, 0.3, 0.1)
SMOOTHING_RECORDS = 5000  # records that choose the smoothing

# of each known feature of each record: its record, where it begins, what it adds to the scores [K]
FeatureScores = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class NgramCounts:
    """In how many training records of each class each word and each word pair occurs.

    When to use it: beside a network that reads the order of words. From few texts a network learns
    well what common words mean; counts use every word that occurs twice.

        s_k = sum_f log (n_fk + a) / (n_k + a N) / sqrt(F),   each known feature f of a text once

    less the mean over classes; where a text may have several classes, less the same of all records
    without class k. A record that was counted is scored as if it had not been (`own_classes`), so
    that its scores are as good as those of unseen records and a network can learn how far to trust
    them. Source: S. Wang and C. Manning, Baselines and bigrams, 2012
    (https://aclanthology.org/P12-2018), for naive Bayes over pairs, each once; scoring a record
    without its own counts is an addition.

    Attributes:
        keys: the features of each order, sorted: int64 [N] each.
        counts: records of each class that have a feature: int32 [N, K] for each order.
        records: records of any class that have a feature: int32 [N] for each order.
        inputs: V.
        multi_label: whether a record may have any number of classes.
        smoothing: a, which is added to each count.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.classify.counts import NgramCounts
        >>> ids, starts, y = np.array([2, 3, 2, 4]), np.array([0, 2, 4]), np.array([0, 1])
        >>> counts = NgramCounts.learn(ids, starts, y, inputs=5, classes=2)
        >>> counts.scores(np.array([3]), np.array([0, 1]))[0, 0].astype(float).round(2).tolist()
        [1.2, -1.2]
    """

    keys: list[np.ndarray]
    counts: list[np.ndarray]
    records: list[np.ndarray]
    inputs: int
    multi_label: bool
    smoothing: float = 1.0

    @classmethod
    def learn(
        cls, items: np.ndarray, starts: np.ndarray, targets: np.ndarray, inputs: int, classes: int
    ) -> NgramCounts:
        """Count encoded records, and choose the smoothing that classifies them best.

        Each record is classified without its own counts when the smoothing is chosen.

        Args:
            items: the tokens of all records, end to end, [N].
            starts: where each record begins, and N, [R + 1].
            targets: classes [R], or bool [R, K] where a record may have several.
            inputs: V.
            classes: K.
        """
        own = class_indicators(targets, classes)
        found = [count_features(items, starts, own, inputs, order) for order in ORDERS]
        keys, counts, records = (list(each) for each in zip(*found, strict=True))
        learned = cls(keys, counts, records, inputs, targets.ndim == 2)
        rows = evenly_spread(len(own), SMOOTHING_RECORDS)
        lengths = np.diff(starts)[rows]
        sample = np.concatenate([items[:0], *(items[starts[r] : starts[r + 1]] for r in rows)])
        ends = np.cumsum([0, *lengths])

        def accuracy(smoothing: float) -> float:
            scores = replace(learned, smoothing=smoothing).scores(sample, ends, own[rows]).sum(1)
            chosen = (
                scores > 0 if learned.multi_label else class_indicators(scores.argmax(1), classes)
            )
            return float((chosen == own[rows]).mean())

        return replace(learned, smoothing=max(SMOOTHINGS, key=accuracy))

    @property
    def classes(self) -> int:
        """K."""
        return int(self.counts[0].shape[1])

    def scores(
        self, items: np.ndarray, starts: np.ndarray, own_classes: np.ndarray | None = None
    ) -> np.ndarray:
        """The scores s of encoded texts, float32 [R, O, K].

        Args:
            items: the tokens of all texts, end to end, [N].
            starts: where each text begins, and N, [R + 1].
            own_classes: the classes of records that were counted, bool [R, K]; what each record
                added to the counts is subtracted. Default: the texts were not counted.
        """
        scores = np.zeros((len(starts) - 1, len(ORDERS), self.classes), dtype=np.float32)
        for o in range(len(ORDERS)):
            row, _, parts = self._feature_scores(o, items, starts, own_classes)
            np.add.at(scores[:, o], row, parts.astype(np.float32))
        return scores

    def step_scores(self, items: np.ndarray) -> np.ndarray:
        """What each step of one text adds to its scores, float32 [T, O, K].

        The score of a pair is shared equally by its two words.
        """
        steps = np.zeros((len(items), len(ORDERS), self.classes), dtype=np.float32)
        for o, order in enumerate(ORDERS):
            _, place, parts = self._feature_scores(o, items, np.array([0, len(items)]), None)
            for k in range(order):
                steps[place + k, o] += parts / order
        return steps

    def _feature_scores(
        self, o: int, items: np.ndarray, starts: np.ndarray, own_classes: np.ndarray | None
    ) -> FeatureScores:
        row, place, key = find_features(items, starts, self.inputs, ORDERS[o])
        known = self.keys[o]
        at = np.searchsorted(known, key)
        is_known = known[at.clip(max=len(known) - 1)] == key if len(known) else key < 0
        _, first = np.unique((row * len(known) + at)[is_known], return_index=True)
        row, place, at = (each[is_known][first] for each in (row, place, at))
        n, records = self.counts[o][at].astype(np.float64), self.records[o][at].astype(np.int64)
        R, (of_class, of_any) = len(starts) - 1, self._totals[o]
        class_total, total = np.tile(of_class, (R, 1)), np.full(R, of_any)
        features = np.full(R, len(known))
        if own_classes is not None:  # as if each record had not been counted
            added = np.bincount(row, minlength=R)
            class_total, total = class_total - added[:, None] * own_classes, total - added
            n, records = n - own_classes[row], records - 1
            only_here = records == 0
            features = features - np.bincount(row[only_here], minlength=R)
            row, place, n, records = (each[~only_here] for each in (row, place, n, records))
        a, aN = self.smoothing, self.smoothing * features[row, None]
        parts = np.log(n + a) - np.log(class_total[row] + aN)
        if self.multi_label:
            others = (total[:, None] - class_total)[row]
            parts -= np.log(records[:, None] - n + a) - np.log(others + aN)
        else:
            parts -= parts.mean(1, keepdims=True)
        return row, place, parts / np.sqrt(np.bincount(row, minlength=R)[row])[:, None]

    @cached_property
    def _totals(self) -> list[tuple[np.ndarray, float]]:
        """The sum of all counts for each order: of each class [K], and of all records."""
        return [
            (counts.sum(0, dtype=np.float64), float(records.sum()))
            for counts, records in zip(self.counts, self.records, strict=True)
        ]

    def to_bytes(self) -> bytes:
        """The counts as a safetensors file."""
        arrays = {"inputs": np.array(self.inputs), "several": np.array(self.multi_label)}
        arrays["added"] = np.array(self.smoothing)
        by_order = {"keys": self.keys, "counts": self.counts, "records": self.records}
        for name, each in by_order.items():
            arrays |= {f"{name}.{o}": array for o, array in enumerate(each)}
        return save(arrays)

    @classmethod
    def load(cls, folder: Path, inputs: int, classes: int, multi_label: bool) -> NgramCounts:
        """The counts that a run folder holds, as `to_bytes` wrote them.

        Args:
            folder: the run folder.
            inputs: V, which the counts have to have.
            classes: K, which the counts have to have.
            multi_label: whether a record may have several classes, which they have to say too.

        Raises:
            UserError: where the file is missing or holds anything else.
        """
        path = folder / FILE
        content = read_whole(folder, FILE)
        try:
            found = load(content)
            each = {
                name: [found[f"{name}.{o}"] for o in range(len(ORDERS))]
                for name in ("keys", "counts", "records")
            }
            of = [found[name].item() for name in ("inputs", "several", "added")]
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise Damaged(f"{path} is damaged: {str(error)[:100]}") from error
        for keys, counts, records in zip(*each.values(), strict=True):
            n = len(keys) if keys.ndim else 0
            shapes = (keys.shape, counts.shape, records.shape) == ((n,), (n, classes), (n,))
            whole = all(np.issubdtype(array.dtype, np.integer) for array in (keys, counts, records))
            refuse_unless(shapes and whole, path, "whole counts of each feature and class")
            rising = bool((np.diff(keys) > 0).all())
            positive = bool((counts >= 0).all()) and bool((records > 0).all())
            refuse_unless(rising and positive, path, "each feature once, with its counts")
        refuse_unless(of[:2] == [inputs, multi_label], path, "counts of these tokens and labels")
        refuse_unless(0 < of[2] < np.inf, path, "a smoothing above 0")
        return cls(**each, inputs=inputs, multi_label=multi_label, smoothing=float(of[2]))


def class_indicators(targets: np.ndarray, classes: int) -> np.ndarray:
    """Which classes each record has, bool [R, K], from classes [R] or from such indicators."""
    return targets if targets.ndim == 2 else targets[:, None] == np.arange(classes)


def find_features(
    items: np.ndarray, starts: np.ndarray, inputs: int, order: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every run of `order` tokens within a record.

    Args:
        items: the tokens of all records, end to end, [N].
        starts: where each record begins, and N, [R + 1].
        inputs: V.
        order: tokens of a feature.

    Returns:
        Of each feature the record, the place of its first token in `items`, and its key.
    """
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    span = max(0, len(items) - order + 1)
    place = np.arange(span)
    place = place[row[:span] == row[order - 1 : order - 1 + span]]
    key = np.zeros(len(place), dtype=np.int64)
    for k in range(order):
        key = key * inputs + items[place + k]
    return row[place], place, key


def count_features(
    items: np.ndarray, starts: np.ndarray, own: np.ndarray, inputs: int, order: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In how many records of each class each feature occurs.

    Args:
        items: the tokens of all records, end to end.
        starts: where each record begins, and where the last one ends, [R + 1].
        own: the classes of each record, bool [R, K].
        inputs: V.
        order: tokens of a feature.

    Returns:
        The keys of the features, sorted [N]; their records of each class, int32 [N, K]; their records
        in all, int32 [N]. Of too many features the most frequent are kept.
    """
    row, _, key = find_features(items, starts, inputs, order)
    keys, number = np.unique(key, return_inverse=True)
    once = np.unique(row * max(1, len(keys)) + number)
    row, number = np.divmod(once, max(1, len(keys)))
    records = np.bincount(number, minlength=len(keys))
    most = max(1, MOST_COUNTS // own.shape[1])
    if len(keys) > most:
        kept = np.sort(np.argsort(-records, kind="stable")[:most])
        new = np.full(len(keys), -1)
        new[kept] = np.arange(most)
        keys, records, number = keys[kept], records[kept], new[number]
        row, number = row[number >= 0], number[number >= 0]
    counts = np.zeros((len(keys), own.shape[1]), dtype=np.int32)
    np.add.at(counts, number, own[row].astype(np.int32))
    return keys, counts, records.astype(np.int32)
