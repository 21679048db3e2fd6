"""What a run shows of its validation set: plain numbers, texts and arrays, which `unroll.inspect` draws.

`Task.pictures` returns some of these. A new kind needs its drawing in `unroll/inspect/task_pictures/`.

T time, K classes or steps of a horizon, R records, F numbers of a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ClassifiedRecords:
    """Records with their true and their predicted classes.

    Attributes:
        classes: the labels, [K].
        probabilities: of each class, [R, K], as `predict` gives them.
        targets: the true class of each record, int64 [R], -1 for one that is no class; or bool [R, K]
            where a record may have several.
        names: each record for people: its text, or its name, [R].
        unit: what the records are: "texts", "frames".
        of: how many there are, where only some were read.
    """

    classes: Sequence[str]
    probabilities: np.ndarray
    targets: np.ndarray
    names: Sequence[str]
    unit: str
    of: int


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence with its true and its predicted tags.

    Attributes:
        words: of the sentence.
        actual: the true tag of each word.
        predicted: the tag that the run gives to each word.
    """

    words: Sequence[str]
    actual: Sequence[str]
    predicted: Sequence[str]


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences with their true and their predicted tags.

    Attributes:
        sentences: in the order of the data.
        types: precision, recall, F1 and number of the spans of each type; empty where tags are no spans.
        of: how many sentences there are, where only some were read.
    """

    sentences: Sequence[TaggedSentence]
    types: dict[str, tuple[float, float, float, int]]
    of: int


@dataclass(frozen=True)
class SeriesForecast:
    """Forecasts of one series that follow each other, beside what came; M steps.

    Attributes:
        name: of the series; empty where there is one.
        times: of the steps of the history, then of the steps that are forecast.
        history: the values before the first forecast, NaN where missing.
        actual: the values that came, [M], NaN where unknown.
        middle: the forecasts, [M].
        low: the lower ends of their bands, [M].
        high: the upper ends of their bands, [M].
        steps: of each forecast; after so many a new one begins.
    """

    name: str
    times: Sequence[str]
    history: Sequence[float]
    actual: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    steps: int


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of series beside what came, and how large the errors are.

    Attributes:
        target: the column that is forecast.
        band: the share of the values that the band should hold.
        covered: the share that it holds.
        series: the forecasts that are shown.
        errors: the mean absolute error of each step of the horizon, by the name of the method, the
            run's own first, NaN where nothing is known.
        relative: of each series the error divided by that of the best naive forecast of all series;
            empty where there is one series.
        forecasts: how many forecasts the errors are of.
    """

    target: str
    band: float
    covered: float
    series: Sequence[SeriesForecast]
    errors: Mapping[str, Sequence[float]]
    relative: dict[str, float]
    forecasts: int


@dataclass(frozen=True)
class TranslatedText:
    """A text with its reference, its translation and the attention of each token.

    Attributes:
        source: the text.
        reference: what the data has for it.
        output: what the run writes.
        origin: where the output comes from: "network", or a known pair.
        source_tokens: S of them.
        target_tokens: T of them.
        attention: [T, S], each row sums to one; None where there is none.
        quality: of the output, the mean of its chrF and its BLEU, 0 to 1.
    """

    source: str
    reference: str
    output: str
    origin: str
    source_tokens: Sequence[str]
    target_tokens: Sequence[str]
    attention: np.ndarray | None
    quality: float


@dataclass(frozen=True)
class TranslatedTexts:
    """Texts with their references and translations.

    Attributes:
        texts: those that were translated, in the order of the data.
        of: how many there are.
    """

    texts: Sequence[TranslatedText]
    of: int


@dataclass(frozen=True)
class RecognisedRecord:
    """A recording or a line with its reference, and what was read in it when.

    Attributes:
        name: of the file.
        reference: the true text.
        output: the text that the run reads.
        features: what is drawn of it, [T, F]: bands of a sound, or columns of a line.
        strokes: the pen's path [N, 2], in parts with NaN between them; None for sounds and images.
        length: of the record, in `unit`.
        unit: "s" for sounds, "" for columns and rows.
        words: the parts of the output with their begin and end, in `unit`.
        peaks: the most likely token over time: (place in `unit`, token, probability), blanks left out.
    """

    name: str
    reference: str
    output: str
    features: np.ndarray
    strokes: np.ndarray | None
    length: float
    unit: str
    words: Sequence[tuple[str, float, float]]
    peaks: Sequence[tuple[float, str, float]]


@dataclass(frozen=True)
class RecognisedRecords:
    """Recordings or lines with what was read in them.

    Attributes:
        records: those that are shown.
        kind: "audio", "image" or "strokes".
        of: how many there are.
    """

    records: Sequence[RecognisedRecord]
    kind: str
    of: int


@dataclass(frozen=True)
class CaptionedImage:
    """An image with its captions, and the attention of each token.

    Attributes:
        name: of the file.
        pixels: uint8 [height, width, 3].
        caption: of the run.
        references: of the data.
        tokens: of the caption, T of them.
        attention: over the places of the image, [T, rows, columns].
        origin: where the caption comes from: "network", or a similar image.
    """

    name: str
    pixels: np.ndarray
    caption: str
    references: Sequence[str]
    tokens: Sequence[str]
    attention: np.ndarray
    origin: str = "network"


@dataclass(frozen=True)
class CaptionedImages:
    """Images with their captions.

    Attributes:
        images: those that are shown.
        of: how many there are.
    """

    images: Sequence[CaptionedImage]
    of: int


@dataclass(frozen=True)
class ClipStrip:
    """A clip with the probabilities over its frames.

    Attributes:
        name: of the clip.
        frames: what is shown of it: uint8 [N, height, width, 3], or numbers [T, F].
        places: the frame of each of the N shown, from 1; empty for numbers.
        at: the frames after which there are probabilities, from 1.
        probabilities: [len(at), K].
        actual: the true label, or that of each frame in `at`.
        predicted: the label of the run, or that of each frame in `at`.
    """

    name: str
    frames: np.ndarray
    places: Sequence[int]
    at: Sequence[int]
    probabilities: np.ndarray
    actual: Sequence[str]
    predicted: Sequence[str]


@dataclass(frozen=True)
class ClipStrips:
    """Clips with the probabilities over their frames.

    Attributes:
        clips: those that are shown.
        classes: the labels, [K].
        per_frame: whether each frame has a label; else the probabilities are those of the clip up to a frame.
        of: how many there are.
    """

    clips: Sequence[ClipStrip]
    classes: Sequence[str]
    per_frame: bool
    of: int


@dataclass(frozen=True)
class NoteRoll:
    """Notes over time.

    Attributes:
        title: what the tune is.
        notes: (start, length, pitch); times in quarter notes, pitches in semitones, 60 is middle C.
        bar: quarter notes of a bar.
        given: quarter notes that were given; what comes after was generated.
    """

    title: str
    notes: Sequence[tuple[float, float, int]]
    bar: float
    given: float = 0.0


@dataclass(frozen=True)
class NoteRolls:
    """Tunes: those of the data, and those that the run writes after their beginning.

    Attributes:
        rolls: in pairs: a tune of the data, and one that begins as it does.
        prompt: what was given.
        temperature: of the draws.
        seed: of the draws.
    """

    rolls: Sequence[NoteRoll]
    prompt: str
    temperature: float
    seed: int


@dataclass(frozen=True)
class TextSample:
    """A text that the run writes.

    Attributes:
        temperature: of the draws.
        prompt: what was given.
        text: what follows.
    """

    temperature: float
    prompt: str
    text: str


@dataclass(frozen=True)
class PredictedText:
    """What a language model or a model of tunes writes, and how it reads.

    Attributes:
        samples: what it writes, at several temperatures.
        tokens: of a text of the data.
        nats: the surprise of each of them, -ln p.
        loss: the mean surprise by the number of tokens read before, by the name of the model: the run's
            own, and its network alone where it is mixed with n-grams.
        windows: how many texts the loss is the mean of.
        unit: "characters", "words", "tokens".
    """

    samples: Sequence[TextSample]
    tokens: Sequence[str]
    nats: Sequence[float]
    loss: Mapping[str, Sequence[float]] = field(default_factory=dict)
    windows: int = 0
    unit: str = "tokens"


TaskPicture = (
    ClassifiedRecords
    | TaggedSentences
    | Forecasts
    | TranslatedTexts
    | RecognisedRecords
    | CaptionedImages
    | ClipStrips
    | NoteRolls
    | PredictedText
)


def mean_by_place(nats: Sequence[np.ndarray]) -> list[float]:
    """The mean of the first numbers of all sequences, of the second ones, ...; of those that have one.

    Args:
        nats: the surprise of the tokens of each text; one text or more.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.pictures import mean_by_place
        >>> mean_by_place([np.array([1.0, 2.0]), np.array([3.0])])
        [2.0, 2.0]
    """
    padded = np.full((len(nats), max(map(len, nats))), np.nan)
    for row, own in zip(padded, nats, strict=True):
        row[: len(own)] = own
    means: list[float] = np.nanmean(padded, 0).tolist()
    return means
