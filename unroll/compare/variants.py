"""What differs between the networks of a comparison: the cell, and settings that were given several values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar, get_args

from unroll.errors import UserError
from unroll.settings import RecurrentSettings

INITIALISATIONS = get_args(RecurrentSettings.model_fields["initialisation"].annotation)
MOST = 12

T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """One kind of network.

    Attributes:
        label: in tables and pictures.
        cell: its name, or FILE.py:CLASS.
        init: the name of an initialisation.
        gain: a factor of the recurrent weights.
        clip: the norm to which the gradient of all weights is clipped; None: it is not.
        truncate: every so many steps the state counts as a constant; None: nowhere.
        directions: 2 where a second cell reads each sequence from its end, else 1.
    """

    label: str
    cell: str
    init: str
    gain: float
    clip: float | None
    truncate: int | None
    directions: int = 1


def variants_of(
    cells: Sequence[str],
    *,
    init: str | Sequence[str],
    gain: float | Sequence[float],
    clip: float | Sequence[float | None] | None,
    truncate: int | Sequence[int | None] | None,
    directions: int | Sequence[int] = 1,
) -> list[Variant]:
    """Every cell with every combination of the settings, in order.

    Args:
        cells: names.
        init: one or several; of LSTM, GRU and Elman cells.
        gain: one or several.
        clip: one or several.
        truncate: one or several.
        directions: 1, 2 or both.

    Raises:
        UserError: where there are too many, the same twice, or a value is out of range.

    Examples:
        >>> from unroll.compare.variants import variants_of
        >>> found = variants_of(["rnn"], init="torch", gain=1.0, clip=[None, 1.0], truncate=None)
        >>> [variant.label for variant in found]
        ['rnn clip none', 'rnn clip 1']
    """
    settings: dict[str, list[Any]] = {
        "init": several(init),
        "gain": several(gain),
        "clip": several(clip),
        "truncate": several(truncate),
        "directions": several(directions),
    }
    check_values(settings)
    found = []
    for cell, values in product(cells, product(*settings.values())):
        given = dict(zip(settings, values, strict=True))
        words = [f"{name} {shown(given[name])}" for name in settings if len(settings[name]) > 1]
        found.append(Variant(" ".join([cell, *words]), cell, **given))
    if not found:
        raise UserError("No cell was given; expected names such as rnn,lstm.")
    labels = [variant.label for variant in found]
    if len(set(labels)) < len(labels) or len(labels) > MOST:
        raise UserError(
            f"There are {len(labels)} networks to compare; expected up to {MOST}, each of them once."
        )
    return found


def several(value: T | Sequence[T]) -> list[T]:
    """One value, or several, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]  # type: ignore[list-item]


def shown(value: object) -> str:
    """A value in a label."""
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_values(settings: dict[str, list[Any]]) -> None:
    """Raise UserError for a value that is out of range."""
    for init in settings["init"]:
        if init not in INITIALISATIONS:
            raise UserError(
                f"--init got {init!r}; expected one of {', '.join(INITIALISATIONS)}, or several of them."
            )
    for directions in settings["directions"]:
        if directions not in (1, 2):
            raise UserError(f"--directions got {directions}; expected 1, 2 or 1,2.")
    if 2 in settings["directions"] and settings["truncate"] != [None]:
        raise UserError(
            "--truncate is for networks of one direction; leave it or --directions out."
        )
    for name in ("gain", "clip", "truncate"):
        for value in settings[name]:
            least = 1 if name == "truncate" else 0
            if value is not None and not (value > 0 and value >= least and math.isfinite(value)):
                raise UserError(f"--{name} got {value:g}; expected more than 0.")
