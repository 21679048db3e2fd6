"""Choose the validation set so that it is not in the training set under another name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.split import evenly_spread, validation_groups, validation_rows
from unroll.tasks.frames.dataset import LoadedClip
from unroll.tasks.frames.sources import ClipSource

SIMILAR = 0.5  # rows are windows if neighbours are closer than this share of the distance of others
BLOCKS = 3  # of windows for validation: one block alone would be one stretch of one recording
PAIRS = 500  # pairs of rows of a label that are compared


def choose_validation(
    clips: list[LoadedClip], source: ClipSource, by: str | None = None
) -> tuple[np.ndarray, str]:
    """Which clips are the validation set: a tenth of the clips, of the groups, or blocks of windows.

    Args:
        clips: all of them.
        source: where they come from.
        by: the column of the groups; then whole groups are chosen. Default: no groups.

    Returns:
        bool [R], and what the validation set is, for people.
    """
    name = Path(source.name).name
    if by is not None:
        groups = [clip.group or "" for clip in clips]
        validation, different = validation_groups(groups)
        held_out = len({group for group, valid in zip(groups, validation, strict=True) if valid})
        return validation, f"those of {held_out} of {different} in column {by} of {name}"
    if source.wide is not None and are_windows(clips):
        validation, blocks = window_blocks(clips, BLOCKS), BLOCKS
        if not validation.any():  # so few rows of each label that a tenth of a block is none
            validation, blocks = window_blocks(clips, 1, fewest=1), 1
        count = counted(blocks, "block")
        where = (
            f"{count} of rows of each label of {name}, a tenth, as neighbouring rows are similar"
        )
        return validation, where
    where = "a tenth" if len(clips) <= 50_000 else "a small part"
    return validation_rows(len(clips)), f"{where} of the clips of {name}"


def window_blocks(clips: list[LoadedClip], blocks: int, fewest: int = 0) -> np.ndarray:
    """The last tenth of each of some blocks of the rows of every label, bool [R].

    Args:
        clips: all of them.
        blocks: how many for each label.
        fewest: rows that are chosen of a block, where the label has others.
    """
    validation = np.zeros(len(clips), dtype=bool)
    for label in {clip.labels for clip in clips}:
        own = [k for k, clip in enumerate(clips) if clip.labels == label]
        for block in np.array_split(own, blocks):
            chosen = max(len(block) // 10, min(fewest, len(own) - 1))
            validation[block[len(block) - chosen :]] = True
    return validation


def are_windows(clips: list[LoadedClip]) -> bool:
    """Whether the rows of a label look like overlapping windows of one recording.

    They do where neighbouring rows are much closer to each other than random rows of the label, and all
    are of one length.
    """
    if len({len(clip.thumbnails) for clip in clips}) > 1:
        return False
    draw = np.random.default_rng(0)
    near, far = 0.0, 0.0
    for label in sorted({clip.labels for clip in clips}):
        own = [clip.thumbnails for clip in clips if clip.labels == label]
        for k in evenly_spread(len(own) - 1, PAIRS):
            near += float(np.abs(own[k] - own[k + 1]).mean())
            far += float(np.abs(own[k] - own[draw.integers(len(own))]).mean())
    return near < SIMILAR * far


def keep_unseen_labels(validation: np.ndarray, clips: list[LoadedClip]) -> tuple[np.ndarray, int]:
    """The validation set without clips whose label the training set would not have.

    Args:
        validation: which clips are chosen, bool [R].
        clips: all of them.

    Returns:
        bool [R], and how many clips are kept in the training set for that.
    """
    seen = {
        label
        for clip, chosen in zip(clips, validation, strict=True)
        if not chosen
        for label in clip.labels
    }
    unseen = [k for k in np.flatnonzero(validation) if not set(clips[k].labels) <= seen]
    remaining = validation.copy()
    remaining[unseen] = False
    return remaining, len(unseen)
