"""Spans as one tag per word: how BIO, IOB1 and BIOES write them, and which tags may follow another.

A tag is `O`, outside all spans, or a letter and the type of the span, as in `B-person`; the letter
alone where there is one type without a name. K labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

# the letters of the first word of a span, its inner words, its last word, and its only word
LETTERS = {
    "IOB1": ("I", "I", "I", "I"),  # and B for a first word directly after a span of the same type
    "BIO": ("B", "I", "I", "B"),
    "BIOES": ("B", "I", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
    "BMES": ("B", "M", "E", "S"),
}
AS_BIOES = {"U": "S", "L": "E", "M": "I"}  # letters of BILOU and BMES, and those of BIOES
OUTSIDE = "O"
KNOWN_TAGS = 10_000  # that are split once
MOST = 0.95  # of the tags make a scheme; the few others are mistakes


class TagSpan(NamedTuple):
    """Words of a sentence that belong together.

    Attributes:
        start: the first word, from 0.
        end: the first word after the span.
        type: "person" or the like; "" where types have no name.
    """

    start: int
    end: int
    type: str


@lru_cache(KNOWN_TAGS)
def split_tag(tag: str) -> tuple[str, str]:
    """The letter, as BIOES has it, and the type: `B-person` is ("B", "person"), `O` is ("O", "")."""
    letter, _, kind = tag.partition("-")
    return AS_BIOES.get(letter, letter), kind


def find_spans(tags: Sequence[str]) -> list[TagSpan]:
    """The spans that tags of any scheme describe, read as conlleval reads them.

    A tag that its scheme forbids is read, not refused: an `I-x` after `O` or after another type
    begins a span.

    Source: E. Tjong Kim Sang, conlleval, 2004 (https://www.cnts.ua.ac.be/conll2003/ner/bin/).

    Examples:
        >>> from unroll.tasks.tag.schemes import find_spans
        >>> find_spans(["B-person", "I-person", "O", "I-place"])
        [TagSpan(start=0, end=2, type='person'), TagSpan(start=3, end=4, type='place')]
    """
    spans: list[TagSpan] = []
    if not set(tags) - {OUTSIDE}:  # as most sentences are
        return spans
    begin, before, kind = -1, OUTSIDE, ""
    for k, tag in enumerate([*tags, OUTSIDE]):
        letter, own = split_tag(tag)
        new = letter in "BS" or before in "OES" or own != kind
        if begin >= 0 and (letter == OUTSIDE or new):
            spans.append(TagSpan(begin, k, kind))
            begin = -1
        if letter != OUTSIDE and begin < 0:
            begin = k
        before, kind = letter, own
    return spans


def spans_to_tags(spans: Sequence[TagSpan], length: int, scheme: str) -> list[str]:
    """The tags of a sentence with these spans.

    Args:
        spans: in order, without overlap.
        length: words of the sentence.
        scheme: a key of `LETTERS`.

    Examples:
        >>> from unroll.tasks.tag.schemes import TagSpan, spans_to_tags
        >>> spans_to_tags([TagSpan(0, 1, "a"), TagSpan(1, 3, "a")], 4, "IOB1")
        ['I-a', 'B-a', 'I-a', 'O']
    """
    first, inner, last, only = LETTERS[scheme]
    tags = [OUTSIDE] * length
    previous: TagSpan | None = None
    for span in spans:
        letters = [inner] * (span.end - span.start)
        letters[-1] = last
        letters[0] = first if len(letters) > 1 else only
        if scheme == "IOB1" and previous is not None and previous[1:] == (span.start, span.type):
            letters[0] = "B"
        suffix = f"-{span.type}" if span.type else ""
        tags[span.start : span.end] = [letter + suffix for letter in letters]
        previous = span
    return tags


def convert_tags(tags: Sequence[str], scheme: str) -> list[str]:
    """The tags of the same spans in a scheme, without any tag that it forbids."""
    return spans_to_tags(find_spans(tags), len(tags), scheme)


@dataclass(frozen=True)
class TagScheme:
    """What the tags of some data are.

    Attributes:
        name: a key of `LETTERS`, or None where the tags are not spans (parts of speech).
        types: of the spans, sorted; also of those that are too few for a scheme.
        irregular: how many tags stand where the scheme forbids them.
        odd: the few tags that are none of the scheme, whose sentences do not count; without a scheme,
            the tags that are of none.
        fitting: how many tags are of the scheme.
        count: how many tags there are.
    """

    name: str | None
    types: tuple[str, ...] = ()
    irregular: int = 0
    odd: frozenset[str] = frozenset()
    fitting: int = 0
    count: int = 0


def detect_scheme(sentences: Iterable[Sequence[str]]) -> TagScheme:
    """Which scheme the tags of sentences follow, from their letters and from how spans begin.

    A few tags that no scheme has, such as `0` for `O`, do not hide the scheme of the others.

    Examples:
        >>> from unroll.tasks.tag.schemes import detect_scheme
        >>> detect_scheme([["I-a", "B-a", "O"], ["I-b"]]).name
        'IOB1'
    """
    seen = [tuple(tags) for tags in sentences]
    counts = Counter(tag for tags in seen for tag in tags)
    odd = odd_tags(counts)
    total, fitting = counts.total(), sum(n for tag, n in counts.items() if tag not in odd)
    types = {tag.partition("-")[2] for tag in counts if tag not in odd and tag != OUTSIDE}
    if fitting < MOST * total:
        return TagScheme(None, tuple(sorted(types)), 0, odd, fitting, total)
    letters: Counter[str] = Counter()
    for tag, n in counts.items():
        letters[tag[:1]] += n if tag not in odd else 0
    if not types or not any(letters[x] for x in "BISU"):
        return TagScheme(None)
    kept = [tags for tags in seen if not odd or odd.isdisjoint(tags)]
    if letters["L"] or letters["U"]:
        scheme = "BILOU"
    elif letters["M"]:
        scheme = "BMES"
    elif letters["E"] or letters["S"]:
        scheme = "BIOES"
    else:
        scheme = "IOB1" if begins_with_i(kept) else "BIO"
    irregular = sum(
        not may_follow(a, b, scheme)
        for tags in kept
        for a, b in zip((OUTSIDE, *tags), (*tags, OUTSIDE), strict=True)
    )
    return TagScheme(scheme, tuple(sorted(types)), irregular, odd, fitting, total)


def odd_tags(counts: Counter[str]) -> frozenset[str]:
    """The tags that do not go with the others, as all would be of one scheme.

    Args:
        counts: how often each tag occurs.
    """
    odd = {tag for tag in counts if not is_of_a_scheme(tag)}
    spans = Counter({tag: n for tag, n in counts.items() if tag not in odd and tag != OUTSIDE})
    few = 1 - MOST
    # a type without a name among others with names
    nameless = {tag for tag in spans if not tag.partition("-")[2]}
    if nameless != set(spans):
        if sum(spans[tag] for tag in nameless) > few * spans.total():
            return frozenset(counts)
        odd |= nameless
    # the letters of BIOES among tags of BIO: real ones are as many as there are spans
    closing = {tag for tag in spans if tag[0] in "ESLUM"}
    begun = sum(n for tag, n in spans.items() if tag[0] in "BSU") or spans.total()
    if sum(spans[tag] for tag in closing) <= few * begun:
        odd |= closing
    return frozenset(odd)


def is_of_a_scheme(tag: str) -> bool:
    """Whether a tag is `O`, or the letter of a scheme, alone or with a type."""
    letter, dash, kind = tag.partition("-")
    if letter == OUTSIDE:
        return not dash
    return len(letter) == 1 and letter in "BIESLUM" and (bool(kind) or not dash)


def begins_with_i(sentences: Iterable[Sequence[str]]) -> bool:
    """Whether more spans begin with I than with a B that IOB1 would not write."""
    first_b = first_i = 0
    for tags in sentences:
        before = OUTSIDE
        for tag in tags:
            letter, kind = split_tag(tag)
            continues = before != OUTSIDE and split_tag(before)[1] == kind
            first_b += letter == "B" and not continues
            first_i += letter == "I" and not continues
            before = tag
    return first_i > first_b


def scheme_labels(types: Iterable[str], scheme: str) -> list[str]:
    """Every tag of a scheme for these types, `O` first."""
    letters = dict.fromkeys((*("B" * (scheme == "IOB1")), *LETTERS[scheme]))
    return [OUTSIDE, *(f"{x}-{kind}" if kind else x for kind in types for x in letters)]


def may_follow(before: str, after: str, scheme: str) -> bool:
    """Whether a scheme allows one tag directly after another.

    Args:
        before: the first tag; `O` before the first word of a sentence.
        after: the second tag; `O` after the last word of a sentence.
        scheme: a key of `LETTERS`.
    """
    (a, kind), (b, own) = split_tag(before), split_tag(after)
    if scheme == "IOB1":
        return b != "B" or (a != OUTSIDE and kind == own)
    if scheme == "BIO":
        return b != "I" or (a != OUTSIDE and kind == own)
    is_open = a in "BI"  # the span before has not ended
    return (b in "IE" and kind == own) if is_open else b in "OBS"


def allowed_transitions(
    labels: Sequence[str], scheme: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which labels a scheme allows where.

    Args:
        labels: every label, K of them.
        scheme: a key of `LETTERS`. None: every label is allowed everywhere.

    Returns:
        Which labels may begin a sentence, bool [K]; which may follow which, bool [K, K], from row to
        column; which may end a sentence, bool [K].
    """
    K = len(labels)
    if scheme is None:
        return np.ones(K, dtype=bool), np.ones((K, K), dtype=bool), np.ones(K, dtype=bool)
    begin = np.array([may_follow(OUTSIDE, b, scheme) for b in labels], dtype=bool)
    pairs = np.array([[may_follow(a, b, scheme) for b in labels] for a in labels], dtype=bool)
    end = np.array([may_follow(a, OUTSIDE, scheme) for a in labels], dtype=bool)
    return begin, pairs, end
