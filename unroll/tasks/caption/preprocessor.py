"""Captions as ids and back, and the size of images: what a captioner learns from its data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from unroll.data.line_vocabularies import (
    learn_line_vocabulary,
    load_line_vocabulary,
    vocabulary_files,
)
from unroll.data.vocabulary import Vocabulary
from unroll.saved_files import STRICT, read_record, refuse_unless
from unroll.tasks.caption.consensus import Consensus
from unroll.tasks.caption.neighbours import KnownImages
from unroll.tasks.caption.settings import CaptionSettings

FILE = "captions.json"
Pixels = Annotated[int, Field(ge=1, le=10_000)]
KNOWN = 5000  # different captions of the training set that are kept, the most frequent ones


@dataclass
class CaptionRecord:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        size: colours, height and width of every image.
        longest: tokens of the longest caption of the training set.
        known: captions of the training set and how often each occurs.
    """

    __pydantic_config__ = STRICT

    size: tuple[Literal[1, 3], Pixels, Pixels]
    longest: Annotated[int, Field(ge=0, le=1_000_000)]
    known: dict[str, int]


@dataclass(frozen=True)
class CaptionPreprocessor:
    """The vocabulary of a captioner, the size of its images, and the captions that it knows.

    Attributes:
        vocabulary: of the captions.
        size: colours, height and width of every image that is read.
        longest: tokens of the longest caption of the training set.
        known: captions of the training set and how often each occurs, the most frequent first.
        floor: the known images, whose captions are candidates; None where the network is alone.
    """

    vocabulary: Vocabulary
    size: tuple[int, int, int]
    longest: int
    known: dict[str, int]
    floor: KnownImages | None = None

    @cached_property
    def consensus(self) -> Consensus:
        """Of the known captions; counting their n-grams takes a while, so it is made once, when needed."""
        return Consensus(self.known)

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        record = {"size": self.size, "longest": self.longest, "known": self.known}
        data = json.dumps(record, ensure_ascii=False).encode()
        floor = {} if self.floor is None else self.floor.files()
        return {FILE: data, **vocabulary_files(self.vocabulary, "caption"), **floor}

    @classmethod
    def load(cls, folder: Path) -> CaptionPreprocessor:
        """The preprocessor that a run folder holds.

        Raises:
            UserError: where a file is missing or damaged.
        """
        record = read_record(folder, FILE, CaptionRecord)
        counted = record.known and min(record.known.values()) > 0
        refuse_unless(counted, folder / FILE, "captions and how often each occurs")
        vocabulary = load_line_vocabulary(folder, "caption")
        floor = KnownImages.load(folder, record.size[0])
        return cls(vocabulary, record.size, record.longest, record.known, floor)


def learn_preprocessor(
    captions: Sequence[str], size: tuple[int, int, int], settings: CaptionSettings
) -> CaptionPreprocessor:
    """Learn the vocabulary that the settings ask for.

    Args:
        captions: of the training set.
        size: colours, height and width of images.
        settings: what a token is.
    """
    vocabulary = learn_line_vocabulary(lambda: iter(captions), settings)
    longest = max((len(vocabulary.encode(text)) for text in captions), default=0)
    known = dict(Counter(captions).most_common(KNOWN))
    return CaptionPreprocessor(vocabulary, size, longest, known)
