"""Lists and marked spans in the cells of a table, as JSON, Python or numpy write them; no torch."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# one item of a list as numpy and Python print it
ITEM = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]]+)""")
START_KEYS = ("start", "start_offset", "begin")
END_KEYS = ("end", "end_offset", "stop")
TYPE_KEYS = ("label", "type", "entity", "entity_group", "tag", "class")
HOLDERS = ("entities", "spans", "ents", "labels")  # of the list, in an object around it


class MarkedSpan(NamedTuple):
    """Characters of a text that belong together.

    Attributes:
        start: the first character, from 0.
        end: the first character after the span.
        type: "person" or the like.
    """

    start: int
    end: int
    type: str


def parsed_cell(cell: Any) -> Any:
    """A cell as a list or an object where it holds one, else as it is.

    Examples:
        >>> from unroll.tasks.tag.cells import parsed_cell
        >>> parsed_cell('["New", "York"]'), parsed_cell("['New' 'York']"), parsed_cell("New York")
        (['New', 'York'], ['New', 'York'], 'New York')
    """
    if hasattr(cell, "tolist"):
        return cell.tolist()
    if isinstance(cell, tuple):
        return list(cell)
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        if not (text.startswith("{") and text.endswith("}")):
            return cell
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.startswith("{") or "(" in text[:4] or text[1:].lstrip().startswith(("[", "{")):
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return cell
    return [
        other or (single if single is not None else double)
        for single, double, other in (match.groups() for match in ITEM.finditer(text))
    ]


def as_tokens(value: Any) -> list[str] | None:
    """The words of a list of words; None for anything else."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    return None


def as_tags(value: Any) -> list[str] | None:
    """The tags of a list of words or whole numbers; None for anything else."""
    if not isinstance(value, list):
        return None
    fine = all(isinstance(each, (str, int)) and not isinstance(each, bool) for each in value)
    return [str(each) for each in value] if fine else None


def as_spans(value: Any) -> list[MarkedSpan] | None:
    """The marked spans of a list of triples or objects; None for anything else."""
    if isinstance(value, Mapping):
        held = next((value[key] for key in HOLDERS if key in value), None)
        return as_spans(held)
    if not isinstance(value, (list, tuple)):
        return None
    spans = [as_span(each) for each in value]
    return None if None in spans else [span for span in spans if span is not None]


def as_span(value: Any) -> MarkedSpan | None:
    """The marked span of a triple or an object; None for anything else."""
    if isinstance(value, Mapping):
        start, end, kind = (
            next((value[key] for key in keys if key in value), None)
            for keys in (START_KEYS, END_KEYS, TYPE_KEYS)
        )
        if isinstance(kind, Sequence) and not isinstance(kind, str) and kind:
            kind = kind[0]
    elif isinstance(value, (list, tuple)) and len(value) >= 3:
        start, end, kind = value[:3]
    else:
        return None
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(kind, str)):
        return None
    return MarkedSpan(start, end, kind)
