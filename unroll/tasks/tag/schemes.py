"""Spans as a tag a word: how BIO, IOB1, BIOES and their kin write them, and which tags may follow.

A tag is `O`, or a letter and the type of the span: `B-person`, or the letter alone where there is
one nameless type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# the letters of a span's first word, inner words, last word, and only word
LETTERS = {
    "IOB1": ("I", "I", "I", "I"),  # and B for a first word right behind a span of the same type
    "BIO": ("B", "I", "I", "B"),
    "BIOES": ("B", "I", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
    "BMES": ("B", "M", "E", "S"),
}
MEANING = {"U": "S", "L": "E", "M": "I"}  # BILOU's and BMES's letters in those of BIOES
OUTSIDE = "O"


class Span(NamedTuple):
    """Words start to end (exclusive) of a sentence, counted from 0, and what they are."""

    start: int
    end: int
    type: str


def split_tag(tag: str) -> tuple[str, str]:
    """Letter (in those of BIOES) and type: `B-person` is ("B", "person"), `O` is ("O", "")."""
    letter, _, kind = tag.partition("-")
    return MEANING.get(letter, letter), kind


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans that tags of any scheme say, read as conlleval reads them.

    A tag that its scheme forbids is read, not refused: an `I-x` behind `O` or another type begins a
    span.

    Source: E. Tjong Kim Sang, conlleval, 2004 (https://www.cnts.ua.ac.be/conll2003/ner/bin/).

    Example:
        >>> from unroll.tasks.tag.schemes import spans
        >>> spans(["B-person", "I-person", "O", "I-place"])
        [Span(start=0, end=2, type='person'), Span(start=3, end=4, type='place')]
    """
    found: list[Span] = []
    begin, before, kind = -1, OUTSIDE, ""
    for k, tag in enumerate([*tags, OUTSIDE]):
        letter, own = split_tag(tag)
        new = letter in "BS" or before in "OES" or own != kind
        if begin >= 0 and (letter == OUTSIDE or new):
            found.append(Span(begin, k, kind))
            begin = -1
        if letter != OUTSIDE and begin < 0:
            begin = k
        before, kind = letter, own
    return found


def tags_of(found: Sequence[Span], length: int, scheme: str) -> list[str]:
    """The tags of a sentence of `length` words with these spans, which do not overlap, in order.

    Example:
        >>> from unroll.tasks.tag.schemes import Span, tags_of
        >>> tags_of([Span(0, 1, "a"), Span(1, 3, "a")], 4, "IOB1")
        ['I-a', 'B-a', 'I-a', 'O']
    """
    first, inner, last, only = LETTERS[scheme]
    tags = [OUTSIDE] * length
    behind: Span | None = None
    for span in found:
        letters = [inner] * (span.end - span.start)
        letters[-1] = last
        letters[0] = first if len(letters) > 1 else only
        if scheme == "IOB1" and behind is not None and behind[1:] == (span.start, span.type):
            letters[0] = "B"
        ending = f"-{span.type}" if span.type else ""
        tags[span.start : span.end] = [letter + ending for letter in letters]
        behind = span
    return tags


def convert(tags: Sequence[str], scheme: str) -> list[str]:
    """The same spans in another scheme, or in the same without what it forbids."""
    return tags_of(spans(tags), len(tags), scheme)


@dataclass(frozen=True)
class Found:
    """What the tags of some data are.

    scheme: its name, or None where tags are no spans (parts of speech). types: of the spans.
    irregular: how many tags the scheme forbids where they stand.
    """

    scheme: str | None
    types: tuple[str, ...] = ()
    irregular: int = 0


def detect(sentences: Iterable[Sequence[str]]) -> Found:
    """Which scheme tags follow, by their letters, and by what begins their spans.

    Example:
        >>> from unroll.tasks.tag.schemes import detect
        >>> detect([["I-a", "B-a", "O"], ["I-b"]]).scheme
        'IOB1'
    """
    letters: Counter[str] = Counter()
    types: set[str] = set()
    lone_b = lone_i = 0  # first words of spans, but for a B that IOB1 would write too
    seen: list[tuple[str, ...]] = []
    for tags in sentences:
        before = OUTSIDE
        for tag in tags:
            letter, dash, kind = tag.partition("-")
            if letter not in "BIOESLUM" or len(letter) != 1 or (letter == OUTSIDE and dash):
                return Found(None)
            letters[letter] += 1
            same = before != OUTSIDE and split_tag(before)[1] == kind
            if letter != OUTSIDE:
                types.add(kind)
                lone_b += letter == "B" and not same
                lone_i += letter == "I" and not same
            before = tag
        seen.append(tuple(tags))
    if not types or not letters.keys() & {"B", "I", "S", "U"} or ("" in types and len(types) > 1):
        return Found(None)
    if letters["L"] or letters["U"]:
        scheme = "BILOU"
    elif letters["M"]:
        scheme = "BMES"
    elif letters["E"] or letters["S"]:
        scheme = "BIOES"
    else:
        scheme = "IOB1" if lone_i > lone_b else "BIO"
    irregular = sum(
        not may_follow(a, b, scheme)
        for tags in seen
        for a, b in zip((OUTSIDE, *tags), (*tags, OUTSIDE), strict=True)
    )
    return Found(scheme, tuple(sorted(types)), irregular)


def labels_of(types: Iterable[str], scheme: str) -> list[str]:
    """Every tag of a scheme for these types, `O` first."""
    letters = dict.fromkeys((*("B" * (scheme == "IOB1")), *LETTERS[scheme]))
    return [OUTSIDE, *(f"{x}-{kind}" if kind else x for kind in types for x in letters)]


def may_follow(before: str, after: str, scheme: str) -> bool:
    """Whether a scheme allows these tags side by side; a sentence begins and ends as with `O`."""
    (a, kind), (b, own) = split_tag(before), split_tag(after)
    if scheme == "IOB1":
        return b != "B" or (a != OUTSIDE and kind == own)
    if scheme == "BIO":
        return b != "I" or (a != OUTSIDE and kind == own)
    inside = a in "BI"  # the span before is not over
    return (b in "IE" and kind == own) if inside else b in "OBS"


def allowed(labels: Sequence[str], scheme: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which labels may begin a sentence [K], follow each other [K, K], and end it [K]: bool.

    scheme: None allows all.
    """
    K = len(labels)
    if scheme is None:
        return np.ones(K, dtype=bool), np.ones((K, K), dtype=bool), np.ones(K, dtype=bool)
    begin = np.array([may_follow(OUTSIDE, b, scheme) for b in labels], dtype=bool)
    pairs = np.array([[may_follow(a, b, scheme) for b in labels] for a in labels], dtype=bool)
    end = np.array([may_follow(a, OUTSIDE, scheme) for a in labels], dtype=bool)
    return begin, pairs, end
