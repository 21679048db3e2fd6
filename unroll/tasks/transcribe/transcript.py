"""A transcript as the prediction of a recogniser: the text, and when each word is."""

from __future__ import annotations

from typing import TypedDict

from unroll.tasks.transcribe.ctc import Labelling
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor


class TimedWord(TypedDict):
    """A word of a transcript.

    Attributes:
        word: its text.
        start: where it begins: seconds of a sound, columns of a line, rows of strokes.
        end: where it ends.
    """

    word: str
    start: float
    end: float


class Transcript(TypedDict):
    """What was recognised.

    Attributes:
        text: the words with spaces between them.
        log_probability: of the text, in nats.
        unit: of the times of words: "seconds" or "frames".
        words: with their times.
    """

    text: str
    log_probability: float
    unit: str
    words: list[TimedWord]


class TranscribePrediction(TypedDict, total=False):
    """The transcript of a file, or why the file was skipped.

    Attributes:
        path: of the file.
        error: what is wrong with a file that was skipped; then the others are missing.
        text: as in `Transcript`.
        log_probability: as in `Transcript`.
        unit: as in `Transcript`.
        words: as in `Transcript`.
    """

    path: str
    error: str
    text: str
    log_probability: float
    unit: str
    words: list[TimedWord]


def make_transcript(preprocessor: TranscribePreprocessor, labelling: Labelling) -> Transcript:
    """The text of a labelling, with the times of its words.

    Examples:
        >>> from unroll.tasks.transcribe.ctc import Labelling
        >>> from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
        >>> from unroll.tasks.transcribe.transcript import make_transcript
        >>> preprocessor = TranscribePreprocessor("image", "char", [" ", "a", "b"], subsample=4)
        >>> labelling = Labelling([2, 3, 1, 2], [(0, 0), (2, 3), (4, 4), (6, 6)], 0, 0)
        >>> found = make_transcript(preprocessor, labelling)
        >>> found["text"], [(word["word"], word["start"], word["end"]) for word in found["words"]]
        ('ab a', [('ab', 0, 16), ('a', 24, 28)])
    """
    size = preprocessor.seconds or preprocessor.subsample
    words: list[TimedWord] = []
    inside = False
    for token, (first, last) in zip(labelling.tokens, labelling.times, strict=True):
        unit = preprocessor.tokens[token - 1]
        if unit == " ":
            inside = False
            continue
        if preprocessor.units == "word" or not inside:
            words.append({"word": "", "start": round(first * size, 6), "end": 0})
        words[-1]["word"] += unit
        words[-1]["end"] = round((last + 1) * size, 6)
        inside = True
    return {
        "text": preprocessor.decode(labelling.tokens),
        "log_probability": labelling.log_probability,
        "unit": "seconds" if preprocessor.kind == "audio" else "frames",
        "words": words,
    }


def format_transcript(prediction: TranscribePrediction) -> str:
    """A prediction as one line of text: the file, the text, the times of the words."""
    if "error" in prediction:
        return f"# skipped: {prediction['error']}"
    unit = "s" if prediction["unit"] == "seconds" else ""
    times = " ".join(
        f"{word['word']} {word['start']:g}-{word['end']:g}{unit}" for word in prediction["words"]
    )
    return f"{prediction['path']}\t{prediction['text']}\t({times})"
