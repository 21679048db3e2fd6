"""Who speaks or writes: the column that says so, and whole people held out for validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.data.split import validation_groups, validation_rows
from unroll.tasks.transcribe.batches import TranscribeRecord

PEOPLE = "speaker speaker_id client_id writer writer_id".split()


def column_of_people(names: Sequence[str], named: str | None) -> str | None:
    """The column that says who speaks or writes: the one that is `named`, or one of such a name.

    Examples:
        >>> from unroll.tasks.transcribe.people import column_of_people
        >>> column_of_people(["path", "words", "Speaker"], None)
        'Speaker'
    """
    return named or next((name for name in names if name.lower() in PEOPLE), None)


def are_known(people: Sequence[str]) -> bool:
    """Whether it is known who speaks or writes in each of these records, and they are several."""
    return len(set(people)) > 1 and "" not in people


def choose_validation(
    records: Sequence[TranscribeRecord], by: str | None, name: str
) -> tuple[np.ndarray, str]:
    """Which records are the validation set, and what it is, for people.

    Args:
        records: all of them.
        by: the column of the people, all of whose records are in one of the sets. Default: a tenth of
            the records.
        name: of the table.

    Raises:
        UserError: where the column has one person.
    """
    if by is None or not records:
        share = "a tenth" if len(records) <= 50_000 else "a small part"
        return validation_rows(len(records)), f"{share} of the records of {name}"
    is_chosen, people = validation_groups([record.person for record in records])
    held_out = len({record.person for record, out in zip(records, is_chosen, strict=True) if out})
    return is_chosen, f"those of {held_out:,} of {people:,} in column {by} of {name}"
