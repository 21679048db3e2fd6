"""A text with marked spans as words with tags in BIO."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from unroll.errors import UserError
from unroll.tasks.tag.cells import MarkedSpan
from unroll.tasks.tag.words import WORD


def tagged_words(text: str, spans: Sequence[MarkedSpan]) -> tuple[list[str], list[str], list[str]]:
    """The words of a text and their tags; a word is split where a span begins or ends in it.

    Args:
        text: the text.
        spans: of its characters, in any order.

    Returns:
        The words, one tag a word, and the words that were split.

    Raises:
        UserError: where spans overlap, hold no word, or are not in the text; in words that end a
            sentence which begins with the place.

    Examples:
        >>> from unroll.tasks.tag.cells import MarkedSpan
        >>> from unroll.tasks.tag.marked_text import tagged_words
        >>> tagged_words("She left New York.", [MarkedSpan(9, 17, "place")])[:2]
        (['She', 'left', 'New', 'York', '.'], ['O', 'O', 'B-place', 'I-place', 'O'])
    """
    spans = [trimmed(text, span) for span in sorted(set(spans))]
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise UserError(
                f"the spans {before.start} to {before.end} ({before.type}) and {after.start} to "
                f"{after.end} ({after.type}) overlap; expected one tag a word."
            )
    borders = [border for span in spans for border in (span.start, span.end)]
    words: list[str] = []
    tags: list[str] = []
    split: list[str] = []
    at = span = 0
    for match in WORD.finditer(text):
        start, end = match.span()
        while at < len(borders) and borders[at] <= start:
            at += 1
        pieces, cut = [start], at
        while cut < len(borders) and borders[cut] < end:
            pieces += [borders[cut]] if borders[cut] != pieces[-1] else []
            cut += 1
        if len(pieces) > 1:
            split.append(match.group())
        for begin, stop in zip(pieces, [*pieces[1:], end], strict=True):
            while span < len(spans) and spans[span].end <= begin:
                span += 1
            inside = span < len(spans) and spans[span].start <= begin
            words.append(text[begin:stop])
            letter = "B" if inside and spans[span].start == begin else "I"
            tags.append(f"{letter}-{spans[span].type}" if inside else "O")
    return words, tags, split


def trimmed(text: str, span: MarkedSpan) -> MarkedSpan:
    """A span without spaces at its ends.

    Raises:
        UserError: where it is not in the text, or holds no word.
    """
    start, end, kind = span
    if not 0 <= start <= end <= len(text):
        raise UserError(
            f"the span {start} to {end} ({kind}) is not in the text, which has {len(text):,} characters."
        )
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip())
    end -= len(inner) - len(inner.rstrip())
    if start >= end or not kind.strip():
        raise UserError(
            f"the span {span.start} to {span.end} ({kind}) holds no word or has no label."
        )
    return MarkedSpan(start, end, kind.strip())
