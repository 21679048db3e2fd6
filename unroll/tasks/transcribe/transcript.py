"""What a recogniser found, as an answer: the text, and when each word is."""

from __future__ import annotations

from typing import Any

from unroll.tasks.transcribe.ctc import Found
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor


def as_answer(preprocessor: TranscribePreprocessor, found: Found) -> dict[str, Any]:
    """A text with its words, each with where it begins and ends: seconds, or columns or rows.

    Example:
        >>> from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
        >>> from unroll.tasks.transcribe.ctc import Found
        >>> from unroll.tasks.transcribe.transcript import as_answer
        >>> preprocessor = TranscribePreprocessor("image", "char", [" ", "a", "b"], subsample=4)
        >>> answer = as_answer(preprocessor, Found([2, 3, 1, 2], [(0, 0), (2, 3), (4, 4), (6, 6)], 0, 0))
        >>> answer["text"], [(word["word"], word["start"], word["end"]) for word in answer["words"]]
        ('ab a', [('ab', 0, 16), ('a', 24, 28)])
    """
    size = preprocessor.seconds or preprocessor.subsample
    words: list[dict[str, Any]] = []
    inside = False
    for token, (first, last) in zip(found.tokens, found.times, strict=True):
        unit = preprocessor.tokens[token - 1]
        if unit == " ":
            inside = False
            continue
        if preprocessor.units == "word" or not inside:
            words.append({"word": "", "start": round(first * size, 6)})
        words[-1]["word"] += unit
        words[-1]["end"] = round((last + 1) * size, 6)
        inside = True
    return {
        "text": preprocessor.decode(found.tokens),
        "log_probability": found.log_probability,
        "unit": "seconds" if preprocessor.kind == "audio" else "frames",
        "words": words,
    }
