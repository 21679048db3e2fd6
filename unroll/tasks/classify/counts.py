"""What the words of a text, and its pairs of neighbours, say of its class, by counting alone.

R records, O orders (words, pairs), F features of a record, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from unroll.data.split import evenly_spread

FILE = "counts.safetensors"
ORDERS = (1, 2)  # tokens of a feature
MOST = 1 << 22  # counts that are kept of an order; of more features the commonest
ADDED = (1.0, 0.3, 0.1)
LOOK = 5000  # records that choose what is added

Said = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Counted:
    """In how many training records of each class each word and each pair of words stands.

    When to use it: beside a network that reads the order of words. From few texts a network learns
    well what common words mean; counting knows something of every word that came twice.

        s_k = sum_f log (n_fk + a) / (n_k + a N) / sqrt(F),   each known feature f of a text once

    less the mean over classes; where a text may have several classes, less the same of all records
    without class k. A record that was counted is scored as if it had not been (`own`): so the
    scores that are learned from are as good as those of what comes later, no better, and a network
    can learn how far to trust them. Source: S. Wang and C. Manning, Baselines and bigrams, 2012
    (https://aclanthology.org/P12-2018), for naive Bayes over pairs, each once; leaving out is ours.

    keys: of each order the features, sorted [N]. counts: of each class [N, K]. records: of any [N].
    inputs: V. several: whether a record may have several classes. added: a.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.classify.counts import Counted
        >>> ids, starts, y = np.array([2, 3, 2, 4]), np.array([0, 2, 4]), np.array([0, 1])
        >>> counted = Counted.learn(ids, starts, y, inputs=5, classes=2)
        >>> counted.scores(np.array([3]), np.array([0, 1]))[0, 0].astype(float).round(2).tolist()
        [1.2, -1.2]
    """

    keys: list[np.ndarray]
    counts: list[np.ndarray]
    records: list[np.ndarray]
    inputs: int
    several: bool
    added: float = 1.0

    @classmethod
    def learn(
        cls, items: np.ndarray, starts: np.ndarray, targets: np.ndarray, inputs: int, classes: int
    ) -> Counted:
        """Count encoded records. targets: classes [R], or bool [R, K] where there may be several.

        a is the one with which the records, each left out, are most often told right.
        """
        own = owned(targets, classes)
        found = [tabled(items, starts, own, inputs, order) for order in ORDERS]
        keys, counts, records = (list(each) for each in zip(*found, strict=True))
        counted = cls(keys, counts, records, inputs, targets.ndim == 2)
        rows = evenly_spread(len(own), LOOK)
        lengths = np.diff(starts)[rows]
        some = np.concatenate([items[:0], *(items[starts[r] : starts[r + 1]] for r in rows)])
        ends = np.cumsum([0, *lengths])

        def right(added: float) -> float:
            s = replace(counted, added=added).scores(some, ends, own[rows]).sum(1)
            said = s > 0 if counted.several else owned(s.argmax(1), classes)
            return float((said == own[rows]).mean())

        return replace(counted, added=max(ADDED, key=right))

    @property
    def classes(self) -> int:
        """K."""
        return int(self.counts[0].shape[1])

    def scores(
        self, items: np.ndarray, starts: np.ndarray, own: np.ndarray | None = None
    ) -> np.ndarray:
        """s [R, O, K] of encoded texts. own: of records that were counted, their classes, bool
        [R, K]; what each of them added is taken away."""
        scores = np.zeros((len(starts) - 1, len(ORDERS), self.classes), dtype=np.float32)
        for o in range(len(ORDERS)):
            row, _, said = self._said(o, items, starts, own)
            np.add.at(scores[:, o], row, said.astype(np.float32))
        return scores

    def of_steps(self, items: np.ndarray) -> np.ndarray:
        """What each step of one text adds to its scores, [T, O, K]; a pair is shared by its two."""
        steps = np.zeros((len(items), len(ORDERS), self.classes), dtype=np.float32)
        for o, order in enumerate(ORDERS):
            _, place, said = self._said(o, items, np.array([0, len(items)]), None)
            for k in range(order):
                steps[place + k, o] += said / order
        return steps

    def _said(self, o: int, items: np.ndarray, starts: np.ndarray, own: np.ndarray | None) -> Said:
        """Of each known feature of each record: the record, where it begins, its part of s [K]."""
        row, place, key = features(items, starts, self.inputs, ORDERS[o])
        known = self.keys[o]
        at = np.searchsorted(known, key)
        there = known[at.clip(max=len(known) - 1)] == key if len(known) else key < 0
        _, first = np.unique((row * len(known) + at)[there], return_index=True)
        row, place, at = (each[there][first] for each in (row, place, at))
        n, records = self.counts[o][at].astype(np.float64), self.records[o][at].astype(np.int64)
        R, (of_class, of_any) = len(starts) - 1, self._sums[o]
        total, everything = np.tile(of_class, (R, 1)), np.full(R, of_any)
        size = np.full(R, len(known))
        if own is not None:  # as if each record had not been counted
            added = np.bincount(row, minlength=R)
            total, everything = total - added[:, None] * own, everything - added
            n, records = n - own[row], records - 1
            alone = records == 0
            size = size - np.bincount(row[alone], minlength=R)
            row, place, n, records = (each[~alone] for each in (row, place, n, records))
        a, aN = self.added, self.added * size[row, None]
        said = np.log(n + a) - np.log(total[row] + aN)
        if self.several:
            others = (everything[:, None] - total)[row]
            said -= np.log(records[:, None] - n + a) - np.log(others + aN)
        else:
            said -= said.mean(1, keepdims=True)
        return row, place, said / np.sqrt(np.bincount(row, minlength=R)[row])[:, None]

    @cached_property
    def _sums(self) -> list[tuple[np.ndarray, float]]:
        return [
            (counts.sum(0, dtype=np.float64), float(records.sum()))
            for counts, records in zip(self.counts, self.records, strict=True)
        ]

    def file(self) -> bytes:
        """As safetensors."""
        arrays = {"inputs": np.array(self.inputs), "several": np.array(self.several)}
        arrays["added"] = np.array(self.added)
        for name in ("keys", "counts", "records"):
            arrays |= {f"{name}.{o}": each for o, each in enumerate(getattr(self, name))}
        return save(arrays)

    @classmethod
    def load(cls, path: Path) -> Counted:
        """From such a file."""
        found = load(path.read_bytes())
        keys, counts, records = (
            [found[f"{name}.{o}"] for o in range(len(ORDERS))]
            for name in ("keys", "counts", "records")
        )
        several, added = bool(found["several"]), float(found["added"])
        return cls(keys, counts, records, int(found["inputs"]), several, added)


def owned(targets: np.ndarray, classes: int) -> np.ndarray:
    """Which classes each record has, bool [R, K], from classes [R] or from that."""
    return targets if targets.ndim == 2 else targets[:, None] == np.arange(classes)


def features(
    items: np.ndarray, starts: np.ndarray, inputs: int, order: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every run of `order` tokens within a record: its record, where it begins, its number."""
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    span = max(0, len(items) - order + 1)
    place = np.arange(span)
    place = place[row[:span] == row[order - 1 : order - 1 + span]]
    key = np.zeros(len(place), dtype=np.int64)
    for k in range(order):
        key = key * inputs + items[place + k]
    return row[place], place, key


def tabled(
    items: np.ndarray, starts: np.ndarray, own: np.ndarray, inputs: int, order: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The features of an order, sorted; their counts by class, and in all."""
    row, _, key = features(items, starts, inputs, order)
    keys, number = np.unique(key, return_inverse=True)
    once = np.unique(row * max(1, len(keys)) + number)
    row, number = np.divmod(once, max(1, len(keys)))
    records = np.bincount(number, minlength=len(keys))
    most = max(1, MOST // own.shape[1])
    if len(keys) > most:
        kept = np.sort(np.argsort(-records, kind="stable")[:most])
        new = np.full(len(keys), -1)
        new[kept] = np.arange(most)
        keys, records, number = keys[kept], records[kept], new[number]
        row, number = row[number >= 0], number[number >= 0]
    counts = np.zeros((len(keys), own.shape[1]), dtype=np.int32)
    np.add.at(counts, number, own[row].astype(np.int32))
    return keys, counts, records.astype(np.int32)
