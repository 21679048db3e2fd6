"""Numbers of things, and lists of names, in words."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 80  # characters of a list of names in a sentence
LONGEST_NAME = 40


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


def listed(names: Sequence[str]) -> str:
    """Names for a sentence, as many as are readable there: "a, b, c and 12 more".

    Args:
        names: of columns, labels, files. Long names are shortened.

    Examples:
        >>> from unroll.counting import listed
        >>> listed(["text", "label"]), listed([f"column {k}" for k in range(40)])[-20:]
        ('text, label', 'column 7 and 32 more')
    """
    shown: list[str] = []
    for name in names:
        name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        if shown and len(", ".join([*shown, name])) > LISTED:
            break
        shown.append(name)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def ratio_in_words(value: float, digits: int = 2) -> str:
    """A perplexity or another ratio: up to a billion in full, above that as a power of ten.

    Args:
        value: not negative; infinity where it overflows.
        digits: after the point.

    Examples:
        >>> from unroll.counting import ratio_in_words
        >>> ratio_in_words(1234.5), ratio_in_words(7e299), ratio_in_words(float("inf"))
        ('1,234.50', '7e+299', 'infinite')
    """
    if value == float("inf"):
        return "infinite"
    return f"{value:,.{digits}f}" if value < 1e9 else f"{value:.0e}"
