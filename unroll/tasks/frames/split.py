"""A held-out part of clips that is not in training by another name: groups, windows, strangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.data.split import evenly_spread, validation_rows
from unroll.tasks.frames.preprocessor import Loaded
from unroll.tasks.frames.sources import ClipSource

ALIKE = 0.5  # rows whose neighbours are nearer than this share of others' distance are windows
BLOCKS = 3  # of windows that are held out: one alone is one stretch of one recording
PAIRS = 500  # of a label that are compared for that


def parted(
    clips: list[Loaded], source: ClipSource, by: str | None = None
) -> tuple[np.ndarray, str]:
    """Which clips are held out, and what they are, for people: a tenth of the clips, or of the groups
    where `by` names their column, or blocks of rows that are windows of one recording."""
    name = Path(source.name).name
    if by is not None:
        groups = sorted({clip.group or "" for clip in clips})
        chosen = validation_rows(len(groups))
        away = {group for group, held in zip(groups, chosen, strict=True) if held}
        where = f"those of {len(away)} of {len(groups)} in column {by} of {name}"
        return np.array([(clip.group or "") in away for clip in clips]), where
    if source.wide is not None and are_windows(clips):
        apart = np.zeros(len(clips), dtype=bool)
        for label in {clip.labels for clip in clips}:
            own = [k for k, clip in enumerate(clips) if clip.labels == label]
            for block in np.array_split(own, BLOCKS):
                apart[block[len(block) - len(block) // 10 :]] = True
        where = f"{BLOCKS} blocks of each label of {name}, a tenth, as neighbouring rows are alike"
        return apart, where
    where = "a tenth" if len(clips) <= 50_000 else "a small part"
    return validation_rows(len(clips)), f"{where} of the clips of {name}"


def are_windows(clips: list[Loaded]) -> bool:
    """Whether neighbouring rows of a label look like windows of one recording: much nearer to each
    other than to any row of the label."""
    draw = np.random.default_rng(0)
    near, far = 0.0, 0.0
    for label in sorted({clip.labels for clip in clips}):
        own = [clip.thumbs for clip in clips if clip.labels == label]
        for k in evenly_spread(len(own) - 1, PAIRS):
            near += float(np.abs(own[k] - own[k + 1]).mean())
            far += float(np.abs(own[k] - own[draw.integers(len(own))]).mean())
    return near < ALIKE * far


def without_strangers(apart: np.ndarray, clips: list[Loaded]) -> tuple[np.ndarray, int]:
    """The held-out part without clips that have a label that is nowhere else, and how many."""
    known = {label for clip, held in zip(clips, apart, strict=True) if not held
             for label in clip.labels}  # fmt: skip
    lost = [k for k in np.flatnonzero(apart) if not set(clips[k].labels) <= known]
    kept = apart.copy()
    kept[lost] = False
    return kept, len(lost)
