"""The settings of a class as rows of a table: how each is typed, what it takes, its default, its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from unroll.settings.parse import flag_of
from unroll.settings.training import TrainingSettings

WORDS = {int: "N", float: "X", str: "TEXT", bool: "true|false"}  # for a value, by its type


@dataclass(frozen=True)
class SettingRow:
    """One setting, for help and documents.

    Attributes:
        name: as --set and Python take it.
        flag: of the command line; None where only --set takes it.
        takes: what its value is, in a word: "N", "word|char|bpe"; "" for a switch.
        default: in words; None where it follows from the data or the task.
        meaning: its sentence.
    """

    name: str
    flag: str | None
    takes: str
    default: str | None
    meaning: str

    @property
    def typed(self) -> str:
        """How it is typed: `--horizon N`, `--set beam=N`."""
        if self.flag is None:
            return f"--set {self.name}={self.takes}"
        return f"{self.flag} {self.takes}".rstrip()


def setting_rows(kind: type[TrainingSettings]) -> list[SettingRow]:
    """A row for each setting, in the order of the class: those of its bases first."""
    flags = kind.all_flags()
    rows = []
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        is_switch = flags.get(name) == "" and field.annotation is bool
        takes = "" if is_switch else flags.get(name) or value_word(field.annotation)
        rows.append(
            SettingRow(
                name,
                flag_of(name) if name in flags else None,
                takes,
                None if default in (None, {}) else value_in_words(default),
                field.description or "",
            )
        )
    return rows


def value_word(annotation: Any) -> str:
    """What a value of this type is typed as.

    Examples:
        >>> value_word(int | None), value_word(Literal["a", "b"]), value_word(int | Literal["auto"])
        ('N', 'a|b', 'N|auto')
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return value_word(get_args(annotation)[0])
    if origin is Literal:
        return "|".join(value_in_words(choice) for choice in get_args(annotation))
    if origin in (Union, UnionType):
        parts = [value_word(part) for part in get_args(annotation) if part is not NoneType]
        return "|".join(dict.fromkeys(parts))
    return WORDS.get(annotation, "JSON" if origin is dict else "VALUE")


def value_in_words(value: object) -> str:
    """A value as one types it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
