"""Which rows of a caption table are the validation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.counting import counted
from unroll.data.split import validation_rows
from unroll.errors import UserError
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


def split_rows(rows: CaptionRows, apart: str, by: str | None = None) -> CaptionSplit:
    """Choose a tenth of the groups of rows that belong together.

    Args:
        rows: N rows.
        apart: what training and validation set may not share: "images", "captions" (and images), or
            "auto", which is "captions" where that leaves enough groups.
        by: the column that `rows.groups` is from, whose groups are in one of the sets. Default: none.

    Raises:
        UserError: where there is one group.
    """
    captions = [text.lower() for text in rows.texts]
    if by is not None:
        return split_groups(rows, [captions] if apart == "captions" else [], by)
    if apart != "images":
        groups = group_rows(rows.which, captions)
        sizes = np.bincount(groups)
        many = len(sizes) >= ENOUGH_GROUPS and sizes.max() <= LARGEST_GROUP * len(groups)
        if apart == "captions" or many:
            chosen = validation_rows(len(sizes))
            if chosen.sum() > 1:
                # the most frequent caption must be learned, and is the baseline to beat
                chosen[most_frequent_group(groups, captions)] = False
            return CaptionSplit(
                chosen[groups],
                "a tenth of the captions with all their images",
                "No image and no caption is in both sets, and the training set has the most frequent "
                "caption (--set apart=images).",
            )
    groups = group_rows(rows.which)
    return CaptionSplit(
        validation_rows(int(groups.max(initial=-1)) + 1)[groups],
        "a tenth of the images",
        "No image is in both sets (--set apart=captions).",
    )


def split_groups(rows: CaptionRows, words: Sequence[Sequence[str]], by: str) -> CaptionSplit:
    """Choose a tenth of the groups of a column, at least one; those that share an image are together.

    Args:
        rows: N rows with their groups.
        words: what may not be in both sets either, [N] each.
        by: the column, for people.

    Raises:
        UserError: where there is one group.
    """
    groups, names = group_rows(rows.which, rows.groups, *words), set(rows.groups)
    if len(rows.groups) and not groups.any():
        raise UserError(
            f"All {counted(len(groups), 'row')} belong together: column {by} has "
            f"{counted(len(names), 'group')}, which share images or captions. Expected several, so that "
            "one can be held out. Name another column by --by."
        )
    chosen = validation_rows(int(groups.max(initial=-1)) + 1)[groups]
    held = len({name for name, out in zip(rows.groups, chosen, strict=True) if out})
    return CaptionSplit(
        chosen,
        f"those of {held:,} of {len(names):,} in column {by}",
        f"No image and no group of column {by} is in both sets (--by COLUMN).",
    )


def group_rows(which: Sequence[int], *words: Sequence[str]) -> np.ndarray:
    """The number of each row's group [N], int64: rows of one image are together.

    Args:
        which: the image of each row.
        words: rows with the same word of one of these lists are together too, [N] each.
    """
    keys = [("image", str(place)) for place in which]
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(key: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for number, each in enumerate(words):
        for key, word in zip(keys, each, strict=True):
            parent[root((f"word {number}", word))] = root(key)
    names: dict[tuple[str, str], int] = {}
    return np.array([names.setdefault(root(key), len(names)) for key in keys], dtype=np.int64)


def most_frequent_group(groups: np.ndarray, captions: Sequence[str]) -> int:
    """The group of the most frequent caption, the first of them where several are as frequent."""
    ((most_frequent, _),) = Counter(captions).most_common(1)
    return int(groups[captions.index(most_frequent)])
