"""Captions as numbers and back, and how images are scaled: what a captioner learns of its data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.data.line_vocabularies import (
    learn_line_vocabulary,
    load_line_vocabulary,
    vocabulary_files,
)
from unroll.data.vocabulary import Vocabulary
from unroll.errors import UserError
from unroll.tasks.caption.settings import CaptionSettings

FILE = "captions.json"
KNOWN = 5000  # different captions of the training part that are kept, the commonest


@dataclass(frozen=True)
class CaptionPreprocessor:
    """vocabulary: of the captions. size: colours, height and width of every image that is read.
    longest: tokens of the longest caption that was learned from. known: captions of the training
    part and how often they come, the commonest first."""

    vocabulary: Vocabulary
    size: tuple[int, int, int]
    longest: int
    known: dict[str, int]

    def files(self) -> dict[str, bytes]:
        record = {"size": self.size, "longest": self.longest, "known": self.known}
        own = vocabulary_files(self.vocabulary, "caption")
        return {FILE: json.dumps(record, ensure_ascii=False).encode(), **own}


def learn_preprocessor(
    captions: Sequence[str], size: tuple[int, int, int], settings: CaptionSettings
) -> CaptionPreprocessor:
    """The vocabulary that the settings ask for, of the captions of the training part."""
    vocabulary = learn_line_vocabulary(lambda: iter(captions), settings)
    longest = max((len(vocabulary.encode(text)) for text in captions), default=0)
    return CaptionPreprocessor(
        vocabulary, size, longest, dict(Counter(captions).most_common(KNOWN))
    )


def load_preprocessor(folder: Path) -> CaptionPreprocessor:
    """The preprocessor of a run folder.

    Raises: UserError where there is none that this version reads.
    """
    try:
        record: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        colours, height, width = record["size"]
        vocabulary = load_line_vocabulary(folder, "caption")
        return CaptionPreprocessor(
            vocabulary, (colours, height, width), int(record["longest"]), record["known"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder} holds no whole vocabulary ({error}); expected a whole run, with {FILE} and "
            "the vocabulary of its captions."
        ) from error
