"""Data sets of torch and of Hugging Face, arrays of objects, generators: as a list of things."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from unroll.errors import UserError
from unroll.in_memory.cells import as_list
from unroll.in_memory.tables import is_series, library_of


def items_of(data: Any) -> list[Any]:
    """Everything in a list, a Series, an array of objects, a data set or a generator, in order.

    Raises:
        UserError: for something that holds nothing.
    """
    if is_series(data):
        return list(data.to_pylist() if library_of(data) == "pyarrow" else as_list(data))
    if isinstance(data, (set, frozenset)):
        raise UserError("Got a set, whose records have no order; expected a list.")
    names = class_names(data)
    if isinstance(data, Iterable):
        items = list(data)
    elif hasattr(data, "__getitem__"):  # a data set of torch has places, and no iterator
        items = items_by_place(data)
    else:
        raise UserError(
            f"Got {type(data).__name__} as data; expected a path, a DataFrame, a dictionary of columns, "
            "an array, a list, or a data set."
        )
    return [name_classes(item, names) for item in items] if names else items


def items_by_place(data: Any) -> list[Any]:
    """The things at places 0, 1, 2, ... of a data set."""
    try:
        places: Iterable[int] = range(len(data))
    except TypeError:  # of a data set without a length
        places = count()
    items = []
    for place in places:
        try:
            items.append(data[place])
        except IndexError:
            break
    return items


def class_names(data: Any) -> dict[str, list[str]]:
    """The names of the classes of each column that a Hugging Face data set keeps as numbers."""
    features: Any = getattr(data, "features", None)
    if not hasattr(features, "items"):
        return {}
    found = {}
    for column, feature in features.items():
        names = getattr(feature, "names", None) or getattr(
            getattr(feature, "feature", None), "names", None
        )
        if names:
            found[column] = list(names)
    return found


def name_classes(item: Any, names: dict[str, list[str]]) -> Any:
    """A record with the names of its classes in the place of their numbers."""
    if not isinstance(item, dict):
        return item
    return {key: class_name(value, names.get(key)) for key, value in item.items()}


def class_name(value: Any, names: list[str] | None) -> Any:
    """The name of a class, or of each class of a list; a number outside the names stays."""
    if names is None:
        return value
    if isinstance(value, (list, tuple)):
        return [class_name(each, names) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    return value


def plain_item(item: Any) -> Any:
    """A scalar tensor or array as a number, a named tuple as its fields; anything else as it is."""
    if getattr(item, "shape", None) == () and hasattr(item, "item"):
        return item.item()
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return item._asdict()
    return item
