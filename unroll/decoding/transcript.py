"""What a recogniser found, as an answer: the text, and when each word is."""

from __future__ import annotations

from typing import Any

from unroll.data.transcribe_codec import TranscribeCodec
from unroll.decoding.ctc import Found


def as_answer(codec: TranscribeCodec, found: Found) -> dict[str, Any]:
    """A text with its words, each with where it begins and ends: seconds, or columns or rows.

    Example:
        >>> from unroll.data.transcribe_codec import TranscribeCodec
        >>> from unroll.decoding.ctc import Found
        >>> from unroll.decoding.transcript import as_answer
        >>> codec = TranscribeCodec("image", "char", [" ", "a", "b"], subsample=4)
        >>> answer = as_answer(codec, Found([2, 3, 1, 2], [(0, 0), (2, 3), (4, 4), (6, 6)], 0, 0))
        >>> answer["text"], [(word["word"], word["start"], word["end"]) for word in answer["words"]]
        ('ab a', [('ab', 0, 16), ('a', 24, 28)])
    """
    size = codec.seconds or codec.subsample
    words: list[dict[str, Any]] = []
    inside = False
    for token, (first, last) in zip(found.tokens, found.times, strict=True):
        unit = codec.tokens[token - 1]
        if unit == " ":
            inside = False
            continue
        if codec.units == "word" or not inside:
            words.append({"word": "", "start": round(first * size, 6)})
        words[-1]["word"] += unit
        words[-1]["end"] = round((last + 1) * size, 6)
        inside = True
    return {
        "text": codec.decode(found.tokens),
        "log_probability": found.log_probability,
        "unit": "seconds" if codec.kind == "audio" else "frames",
        "words": words,
    }
