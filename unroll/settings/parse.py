"""From words of a command line, or arguments in Python, to checked settings."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from unroll.errors import UserError
from unroll.settings.training import TrainingSettings

# settings with a flag of their own in `unroll train`; all may be given by --set
FLAGS = frozenset(
    "level cell cell_options readout layers hidden seconds steps epochs per_line condition image text "
    "label video target valid time by horizon history covariates audio strokes skip_bad lower state "
    "device threads backend seed watch".split()
)

Settings = TypeVar("Settings", bound=TrainingSettings)


def settings_from(kind: type[Settings], values: dict[str, Any]) -> Settings:
    """Checked settings.

    Raises: UserError with the flag, the value and what was expected.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            names = ", ".join(sorted(kind.model_fields))
            task = kind.__name__.removesuffix("Settings").lower()
            raise UserError(
                f"There is no setting {key!r} in the task {task} (--task); its settings are {names}."
            ) from error
        if not key:
            raise UserError(f"The settings do not fit together: {problem}.") from error
        meaning = kind.model_fields[key].description
        flag = (
            f"--{key.replace('_', '-')} (or --set {key}=...)"
            if key in FLAGS
            else f"--set {key}=..."
        )
        raise UserError(f"{flag} got {first['input']!r}: {problem}. {meaning}") from error


def parse_assignments(pairs: list[str]) -> dict[str, Any]:
    """`key=value` words as a dict; "none" is None.

    Raises: UserError for a word without `=`.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(
                f"--set got {pair!r}; expected key=value, as in --set checkpoint_every=100."
            )
        values[key.strip().replace("-", "_")] = None if value.lower() == "none" else value
    return values
