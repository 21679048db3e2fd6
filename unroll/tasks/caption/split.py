"""Which rows of a caption table are the validation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.data.split import validation_rows
from unroll.tasks.caption.rows import CaptionRows

ENOUGH_GROUPS = 20  # for a validation set that shares neither images nor captions with training
LARGEST_GROUP = 0.2  # of the rows, in such a case


class CaptionSplit(NamedTuple):
    """Which rows of a table are the validation set.

    Attributes:
        validation: true for the rows of the validation set, bool [N].
        name: what the set is, for people.
        rule: what training and validation set do not share, in a sentence.
    """

    validation: np.ndarray
    name: str
    rule: str


def split_rows(rows: CaptionRows, apart: str) -> CaptionSplit:
    """Choose a tenth of the groups of rows that belong together.

    Args:
        rows: N rows.
        apart: what training and validation set may not share: "images", "captions" (and images), or
            "auto", which is "captions" where that leaves enough groups.
    """
    if apart != "images":
        groups = group_rows(rows.which, rows.texts, by_caption=True)
        sizes = np.bincount(groups)
        many = len(sizes) >= ENOUGH_GROUPS and sizes.max() <= LARGEST_GROUP * len(groups)
        if apart == "captions" or many:
            chosen = validation_rows(len(sizes))
            if chosen.sum() > 1:
                # the most frequent caption must be learned, and is the baseline to beat
                chosen[most_frequent_group(groups, rows.texts)] = False
            return CaptionSplit(
                chosen[groups],
                "a tenth of the captions with all their images",
                "No image and no caption is in both sets, and the training set has the most frequent "
                "caption (--set apart=images).",
            )
    groups = group_rows(rows.which, rows.texts, by_caption=False)
    return CaptionSplit(
        validation_rows(int(groups.max(initial=-1)) + 1)[groups],
        "a tenth of the images",
        "No image is in both sets (--set apart=captions).",
    )


def group_rows(which: Sequence[int], texts: Sequence[str], by_caption: bool) -> np.ndarray:
    """The number of each row's group [N], int64.

    Args:
        which: the image of each row; rows of one image are in one group.
        texts: the caption of each row.
        by_caption: whether rows with the same caption are in one group too.
    """
    keys = [("image", str(place)) for place in which]
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(key: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for key, text in zip(keys, texts, strict=True):
        if by_caption:
            parent[root(("caption", text.lower()))] = root(key)
    names: dict[tuple[str, str], int] = {}
    return np.array([names.setdefault(root(key), len(names)) for key in keys], dtype=np.int64)


def most_frequent_group(groups: np.ndarray, texts: Sequence[str]) -> int:
    """The group of the most frequent caption, the first of them where several are as frequent."""
    lowered = [text.lower() for text in texts]
    ((most_frequent, _),) = Counter(lowered).most_common(1)
    return int(groups[lowered.index(most_frequent)])
