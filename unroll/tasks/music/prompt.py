"""The prompt of a new tune: fields of its header, and how its body begins."""

from __future__ import annotations

import re
from fractions import Fraction

from unroll.errors import UserError
from unroll.tasks.music.abc_fields import parse_metre, parse_tempo, parse_unit
from unroll.tasks.music.keys import parse_key

FIELDS = "ABCDFGHKLMNOQRSTXYZ"  # that a prompt may give
KEY_LINE = re.compile(r"(?:^|\s)K:\s*\S[^\n]*\n")
BETWEEN_FIELDS = re.compile(rf"\n|(?<!\s)\s++(?=[{FIELDS}]:)")
NOT_A_FIELD = "|:]"  # a line of a letter, a colon and one of these is music
MOST_BEATS, SHORTEST_BEAT, LONGEST_BAR = 64, 64, 8  # of a metre; a bar in whole notes
MOST_SHARPS = 7
EXPECTED = {
    "K": "a key, such as G or F#m, with at most seven sharps or flats",
    "L": "a length, such as 1/8",
    "M": "a metre, such as 6/8 or 2/2, of at most 64 beats, each a half, quarter, eighth and so on",
    "Q": "a tempo, such as 1/4=120",
    "X": "a whole number",
}


def parse_prompt(prompt: str) -> tuple[dict[str, str], str]:
    """Split a prompt into fields by letter and the beginning of the body.

    Args:
        prompt: fields with spaces or line ends between; what follows a K: field and a line end is the
            body.

    Raises:
        UserError: for something that is not a field, and for a field that no tune can be built on.

    Examples:
        >>> from unroll.tasks.music.prompt import parse_prompt
        >>> parse_prompt("M:6/8 K:G")
        ({'M': '6/8', 'K': 'G'}, '')
        >>> parse_prompt("T:My tune\\nK:Am\\nA2")
        ({'T': 'My tune', 'K': 'Am'}, 'A2')
    """
    body = ""
    # only as far as the last line end, without which no search for one would succeed
    key_line = KEY_LINE.search(prompt, 0, prompt.rfind("\n") + 1)
    if key_line:
        prompt, body = prompt[: key_line.end()], prompt[key_line.end() :]
    fields: dict[str, str] = {}
    for part in BETWEEN_FIELDS.split(prompt.strip()):
        if not part.strip():
            continue
        letter, colon, value = part.strip().partition(":")
        if not colon or letter not in FIELDS or len(letter) != 1:
            raise UserError(
                f'--prompt got {part.strip()!r}; expected fields of ABC, such as "K:G", '
                '"M:6/8 K:Am" or "T:My tune".'
            )
        if letter in fields:
            raise UserError(f"--prompt gives {letter}: twice; expected it once.")
        fields[letter] = value.strip()
        if not is_usable_field(letter, fields[letter]):
            raise UserError(
                f"--prompt got {part.strip()!r}; expected {EXPECTED.get(letter, 'other words')}."
            )
    return fields, body


def is_usable_field(letter: str, value: str) -> bool:
    """Whether a tune can be built on a field."""
    if letter == "K":
        key = parse_key(value)
        return key is not None and abs(key.fifths) <= MOST_SHARPS
    if letter == "M":
        metre = parse_metre(value)
        return metre is not None and (
            metre[0] <= MOST_BEATS
            and metre[1] in (2**k for k in range(SHORTEST_BEAT.bit_length()))
            and Fraction(*metre) <= LONGEST_BAR
        )
    if letter == "L":
        unit = parse_unit(value)
        return unit is not None and unit.denominator in (2**k for k in range(8))
    if letter == "Q":
        return parse_tempo(value, Fraction(1, 4)) is not None
    if letter == "X":
        return value.isascii() and value.isdecimal()
    return not value.startswith(tuple(NOT_A_FIELD))
