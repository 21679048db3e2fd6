"""Text as a terminal can show it: without control characters, in the characters that it has, short."""

from __future__ import annotations

import json
import re
from typing import IO, Any

MOST_SENTENCE = 299  # characters of an error for people

# All control characters but newline and tab, those that turn the direction of writing, and halves of
# surrogate pairs, which stand in file names that are not UTF-8.
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""The text with its control characters as escapes; newlines and tabs stay.

    When to use it: for whatever is printed. A label or a file name may hold the sequences by which a
    terminal changes its colours or its title.

    Examples:
        >>> printable("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return CONTROL.sub(lambda found: escaped(found[0]), text)


def escaped(character: str) -> str:
    """A character as Python writes it in a string: `\\x1b`, `\\u202e`."""
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def fitting(text: str, out: IO[str]) -> str:
    """The text in the characters that a stream can write, with `?` for the others."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "replace").decode(encoding)
    except LookupError:  # a stream of one's own that names no encoding
        return text
    return text


def shown(text: str, out: IO[str]) -> str:
    """The text as this stream can show it: `printable` and `fitting`."""
    return fitting(printable(text), out)


def json_line(record: Any, out: IO[str], **options: Any) -> str:
    r"""A record as one line of JSON that loses nothing, whatever the stream can write.

    Characters that the stream does not have, and control characters, are written as `\u001b`.

    Args:
        record: what JSON can hold.
        out: where it will be written.
        options: of `json.dumps`.
    """
    text = json.dumps(record, ensure_ascii=False, **options)
    if fitting(text, out) != text:
        return json.dumps(record, **options)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str, most: int) -> str:
    """The text, shortened in the middle to a number of characters; `...` stands for the removed part.

    Examples:
        >>> shortened("the beginning and the end", 15)
        'the be...he end'
    """
    if len(text) <= most:
        return text
    front = (most - 3 + 1) // 2
    back = most - 3 - front
    return f"{text[:front]}...{text[len(text) - back :]}"
