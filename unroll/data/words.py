"""Words as tokens: split at spaces, or also at punctuation; `<eos>` at line or sentence ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from unroll.data.vocabulary import (
    BOUNDARY,
    UNKNOWN,
    UNKNOWN_NAME,
    Ids,
    as_json,
    most_frequent,
    refuse_unknown,
)

END_NAME = "<eos>"
# a token that starts with this mark follows the token before it without a space
GLUE = "\N{HALFWIDTH BLACK SQUARE}"
WORD_OR_MARK = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")


class WordVocabulary:
    """The words of the training set, and how a text is split into words.

    Spaces are not kept: decode(encode(text)) is the text with one space between words.

    Args:
        words: the known ones; their ids begin at 2, or at 1 where there is no unknown token.
        split: "spaces" splits at spaces, for texts whose punctuation is already separate; "punctuation"
            also splits punctuation from words, and keeps where there was no space.
        end: "line" makes each line end an `<eos>`; "sentence" adds `<eos>` after . ! ? and at blank
            lines.
        lower: whether case is dropped.
        unknown: what other words are. "token": the unknown token; "never": refused; "skip": left out.

    Examples:
        >>> from unroll.data.words import WordVocabulary
        >>> vocabulary = WordVocabulary.learn(["Rose, O rose!"], split="punctuation")
        >>> vocabulary.decode(vocabulary.encode("O rose, rose!"))
        'O rose, rose!'
    """

    level = "word"

    def __init__(
        self,
        words: list[str],
        split: str = "punctuation",
        end: str = "line",
        lower: bool = False,
        unknown: str = "token",
    ) -> None:
        self.words, self.split, self.end, self.lower = words, split, end, lower
        self.when_unknown = unknown
        self.unknown_id = UNKNOWN if unknown == "token" else None
        self.boundary = BOUNDARY if unknown == "token" else 0
        special = [UNKNOWN_NAME] if unknown == "token" else []
        self._names = [*special, END_NAME, *words]
        self._ids = {word: k for k, word in enumerate(self._names)}

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        min_count: int = 1,
        size: int | None = None,
        split: str = "punctuation",
        end: str = "line",
        lower: bool = False,
        unknown: str = "token",
    ) -> WordVocabulary:
        """The words of these texts.

        Args:
            texts: the training set.
            min_count: rarer words are unknown.
            size: keep at most so many, the most frequent. Default: all.
            split: as for the class.
            end: as for the class.
            lower: as for the class.
            unknown: as for the class.
        """
        splitter = cls([], split, end, lower)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(splitter.tokens(text))
        for special in (UNKNOWN_NAME, END_NAME):
            counts.pop(special, None)
        return cls(list(most_frequent(counts, min_count, size)), split, end, lower, unknown)

    def tokens(self, text: str) -> Iterator[str]:
        """The words of a text, with `<eos>` where a line or a sentence ends."""
        if self.lower:
            text = text.lower()
        rows = text.split("\n")
        for number, line in enumerate(rows):
            if self.end == "line":
                blank = number > 0
            else:  # the text after the last line end is no line yet
                blank = number < len(rows) - 1 and not line.strip()
            if blank:
                yield END_NAME
            for token in line.split() if self.split == "spaces" else split_marks(line):
                yield token
                if self.end == "sentence" and token.removeprefix(GLUE) in SENTENCE_ENDS:
                    yield END_NAME

    def __len__(self) -> int:
        return len(self._names)

    def encode(self, text: str) -> Ids:
        ids = self._ids
        found = np.fromiter((ids.get(token, -1) for token in self.tokens(text)), dtype=np.int64)
        if self.unknown_id is not None:
            return np.where(found < 0, self.unknown_id, found)
        if self.when_unknown == "skip":
            return found[found >= 0]
        if (found < 0).any():
            refuse_unknown(self.unknown(text), "word")
        return found

    def decode(self, ids: Iterable[int]) -> str:
        parts: list[str] = []
        for id in ids:
            token = self._names[id]
            if id == self.boundary:
                parts.append("\n")
            elif self.split == "punctuation" and len(token) > 1 and token.startswith(GLUE):
                parts.append(token[1:])
            else:
                parts.append(token if not parts or parts[-1] == "\n" else " " + token)
        return "".join(parts)

    def name(self, id: int) -> str:
        token = self._names[id]
        return token[1:] if len(token) > 1 and token.startswith(GLUE) else token

    def unknown(self, text: str) -> list[str]:
        return sorted({t.removeprefix(GLUE) for t in self.tokens(text) if t not in self._ids})

    def files(self) -> dict[str, bytes]:
        closed = {} if self.unknown_id is not None else {"unknown": self.when_unknown}
        return as_json(
            self.level, words=self.words, split=self.split, end=self.end, lower=self.lower, **closed
        )


def split_marks(line: str) -> Iterator[str]:
    """Words and punctuation marks; with GLUE in front where no space is before them."""
    behind = -1
    for match in WORD_OR_MARK.finditer(line):
        yield (GLUE if match.start() == behind else "") + match.group()
        behind = match.end()


def punctuation_is_separate(text: str) -> bool:
    """Whether punctuation is already between spaces, as in tokenised corpora."""
    apart = len(re.findall(r"(?<!\S)[.,;:!?](?!\S)", text))
    attached = len(re.findall(r"\w[.,;:!?](?!\S)", text))
    return apart > attached
