"""Groups of tunes that are held out whole: files, folders, or a field of ABC such as the composer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unroll.errors import UserError
from unroll.tasks.music.abc import Tune, field_value
from unroll.tasks.music.preprocessor import ABC
from unroll.tasks.music.settings import FILE, FOLDER


def tune_groups(tunes: Sequence[Tune], by: str, notation: str) -> list[str]:
    """The group of each tune; a tune without the field is a group of its own.

    Args:
        tunes: in order.
        by: file, folder, or the letter of a field.
        notation: of the tunes.

    Raises:
        UserError: where all tunes are of one group, or MIDI is grouped by a field.
    """
    if by == FILE:
        groups = [tune.file for tune in tunes]
    elif by == FOLDER:
        groups = [str(Path(tune.file).parent) for tune in tunes]
    elif notation != ABC:
        raise UserError(
            f"--by got {by!r}, a field of ABC, and these tunes are {notation}. Use --by file or folder."
        )
    else:
        fields = [field_value(tune.text, by) for tune in tunes]
        groups = [
            f"{by}:{field}" if field else tune.where
            for field, tune in zip(fields, tunes, strict=True)
        ]
    if len(set(groups)) < 2:
        raise UserError(
            f"--by {by} puts all {len(tunes):,} tunes into one group, {groups[0] if groups else ''!r}; "
            "expected several, so that one can be held out. Use file, folder, or a field such as C."
        )
    return groups
