"""From words of a command line, or arguments in Python, to checked settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError

from unroll.errors import UserError
from unroll.settings.training import TrainingSettings

Settings = TypeVar("Settings", bound=TrainingSettings)


def settings_from(kind: type[Settings], values: Mapping[str, object]) -> Settings:
    """Checked settings.

    Args:
        kind: their class.
        values: by name; words of a command line are read as numbers and the like.

    Raises:
        UserError: with the flag, the value and what was expected.
    """
    try:
        return kind.model_validate(with_none(kind, values))
    except ValidationError as error:
        first, *others = error.errors()
        key = str(first["loc"][0]) if first["loc"] else ""
        alternatives = [each for each in others if each["loc"][:1] == first["loc"][:1]]
        problem = " or ".join(
            [describe_problem(first)]
            + [describe_problem(each).removeprefix("expected ") for each in alternatives]
        )
        if first["type"] == "extra_forbidden":
            task = kind.__name__.removesuffix("Settings").lower()
            raise UserError(
                f"There is no setting {key!r} in the task {task}{near_names(key, kind.model_fields)}; "
                f"`unroll train {task} --help` lists its settings."
            ) from error
        if not key:
            raise UserError(f"The settings do not fit together: {problem}.") from error
        # the default is no part of what a value may be
        meaning = (kind.model_fields[key].description or "").partition(" Default: ")[0]
        by_set = f"--set {key}=..."
        word = f"{flag_of(key)} (or {by_set})" if key in kind.all_flags() else by_set
        raise UserError(f"{word} got {first['input']!r}: {problem}. {meaning}") from error


def with_none(kind: type[Settings], values: Mapping[str, object]) -> dict[str, object]:
    """The same values: None and the word "none" are one, for settings whose default is another."""
    found = dict(values)
    for name, value in values.items():
        if (value is None or value == "none") and name in kind.model_fields:
            field = kind.model_fields[name]
            is_choice = get_origin(field.annotation) is Literal
            if is_choice and "none" in get_args(field.annotation):
                found[name] = "none"
            elif field.default is not None and type(None) in get_args(field.annotation):
                found[name] = None
    return found


def near_names(word: str, names: Iterable[str]) -> str:
    """Names that are spelt alike, for the middle of a sentence; empty where there are none.

    Examples:
        >>> near_names("hiden", ["hidden", "layers"])
        ' (did you mean hidden?)'
    """
    near = get_close_matches(word.strip().lower().replace("-", "_"), list(names), 3, 0.7)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def describe_problem(problem: Mapping[str, Any]) -> str:
    """What was expected of a value, from an error of pydantic.

    Example:
        >>> describe_problem({"type": "greater_than", "msg": "", "ctx": {"gt": 0.0}})
        'expected more than 0'
    """
    limits = {
        "greater_than_equal": ("at least", "ge"),
        "greater_than": ("more than", "gt"),
        "less_than_equal": ("at most", "le"),
        "less_than": ("less than", "lt"),
        "literal_error": ("", "expected"),
    }
    kind = problem["type"]
    if kind in limits:
        words, key = limits[kind]
        limit = problem["ctx"][key]
        limit = f"{limit:.15g}" if isinstance(limit, float) else limit
        return " ".join(f"expected {words} {limit}".split())
    types = {
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "float_parsing": "a number",
        "bool_parsing": "true or false",
    }
    if kind in types:
        return f"expected {types[kind]}"
    message: str = problem["msg"]
    return message.removeprefix("Value error, ")


def flag_of(name: str) -> str:
    """The flag of a setting: `--cell-options` of cell_options."""
    return f"--{name.replace('_', '-')}"


def words_of_none(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, with the word "none" for a None that differs from the default.

    What trains drops None, which is how a caller says that a setting is not given.
    """
    fields = kind.model_fields
    return {
        name: "none"
        if value is None and name in fields and fields[name].default is not None
        else value
        for name, value in values.items()
    }


def parse_assignments(pairs: list[str]) -> dict[str, Any]:
    """`key=value` words as a dictionary; "none" is None.

    Raises:
        UserError: for a word without `=`.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(
                f"--set got {pair!r}; expected key=value, as in --set checkpoint_every=100. "
                "--set help lists the settings."
            )
        values[key.strip().replace("-", "_")] = None if value.lower() == "none" else value
    return values
