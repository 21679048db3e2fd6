"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and the thing that it counts, as text.

    Args:
        number: a whole number.
        one: the thing, for a number of one.
        many: the thing, for other numbers; `one` with an s where None.

    Examples:
        >>> from unroll.counting import counted
        >>> counted(1, "row"), counted(1200, "row"), counted(1, "row is", "rows are")
        ('1 row', '1,200 rows', '1 row is')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
