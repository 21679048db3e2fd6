"""Labels that are numbers: 1 and 1.0 are one class, however a program has written them."""

from __future__ import annotations

import re
from collections.abc import Iterable

WITH_POINT = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")  # a whole number as programs write floats


def without_point(label: str) -> str:
    """A label without a fraction of zeros: "1" of "1.0"; any other label as it is."""
    found = WITH_POINT.fullmatch(label)
    return label if found is None else found[1]


def different_classes(labels: Iterable[str]) -> set[str]:
    """The labels of which no two are the same number; of those that are, the shortest.

    Examples:
        >>> from unroll.data.class_labels import different_classes
        >>> sorted(different_classes(["1", "1.0", "2.0", "2.5"]))
        ['1', '2.0', '2.5']
    """
    kept: dict[str, str] = {}
    for label in sorted(set(labels), key=lambda each: (len(each), each)):
        kept.setdefault(without_point(label), label)
    return set(kept.values())


class ClassNumbers(dict[str, int]):
    """The number of each class; a label that is the same number as a class belongs to it.

    A table that has passed through a program with missing values comes back with 1.0 for 1.

    Args:
        classes: the labels, in order.

    Examples:
        >>> from unroll.data.class_labels import ClassNumbers
        >>> numbers = ClassNumbers(["0", "1"])
        >>> numbers["1.0"], "1.5" in numbers
        (1, False)
    """

    def __init__(self, classes: Iterable[str]) -> None:
        super().__init__((name, k) for k, name in enumerate(classes))
        self._same = {without_point(name): k for name, k in self.items()}

    def __contains__(self, label: object) -> bool:
        return super().__contains__(label) or (
            isinstance(label, str) and without_point(label) in self._same
        )

    def __missing__(self, label: str) -> int:
        return self._same[without_point(label)]
