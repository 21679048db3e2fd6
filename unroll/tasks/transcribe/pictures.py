"""What a recogniser shows of its validation set: records with what was read in them, and when.

S steps, V tokens with the blank, T frames, F features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.pictures import RecognisedRecord, RecognisedRecords, TaskPicture
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.ctc import BLANK
from unroll.tasks.transcribe.decoding import Recogniser, TrainedTranscriber, log_probabilities
from unroll.tasks.transcribe.reader import TranscribeData
from unroll.tasks.transcribe.transcript import make_transcript

RECORDS = 40  # that are read
COLUMNS = 500  # of a picture, at most


def recognised_records(
    trained: TrainedTranscriber, data: TranscribeData, progress: Progress
) -> Iterator[TaskPicture]:
    """An even sample of the validation set with its texts.

    Args:
        trained: the model.
        data: with the simple model of the training set, where texts are closed.
        progress: called with the share that is done.
    """
    trained.model.eval()
    recogniser, found = Recogniser(trained), []
    rows = evenly_spread(len(data.valid), RECORDS).tolist()
    for row in rows:
        found.append(recognised(trained, recogniser, data.valid, row))
        progress(len(found) / len(rows))
    yield RecognisedRecords(found, trained.preprocessor.kind, len(data.valid))


def recognised(
    trained: TrainedTranscriber, recogniser: Recogniser, dataset: TranscribeDataset, row: int
) -> RecognisedRecord:
    """One record with what was read in it."""
    preprocessor, record = trained.preprocessor, dataset.records[row]
    raw = dataset.raw(row)
    log_p = log_probabilities(trained, raw, dataset.scale(row))
    transcript = make_transcript(preprocessor, recogniser(log_p, raw))
    step = preprocessor.seconds or float(preprocessor.subsample)
    return RecognisedRecord(
        name=record.path.name,
        reference=preprocessor.normalise_text(record.text),
        output=transcript["text"],
        features=drawn_features(trained, dataset, row, raw),
        strokes=pen_path(raw) if preprocessor.kind == "strokes" else None,
        length=len(log_p) * step,
        unit="s" if preprocessor.kind == "audio" else "",
        words=[(each["word"], each["start"], each["end"]) for each in transcript["words"]],
        peaks=token_peaks(log_p, preprocessor.tokens, step),
    )


def drawn_features(
    trained: TrainedTranscriber, dataset: TranscribeDataset, row: int, raw: np.ndarray
) -> np.ndarray:
    """What is drawn of a record, [T, F]: the bands of a sound without their slopes, or the raw frames."""
    preprocessor = trained.preprocessor
    values = raw
    if preprocessor.mel is not None:
        values = preprocessor.features(raw, dataset.scale(row)).numpy()[:, : preprocessor.mel.bands]
    every = max(1, len(values) // COLUMNS)
    drawn: np.ndarray = np.asarray(values[::every], dtype=np.float32)
    return drawn


def token_peaks(log_p: Tensor, tokens: list[str], step: float) -> list[tuple[float, str, float]]:
    """Where the network alone sees which token: the most likely step of each run of one token.

    Args:
        log_p: of the network, [S, V].
        tokens: the names of the tokens from 1.
        step: seconds or frames of a step.
    """
    p, best = (part.numpy() for part in log_p.exp().max(1))
    peaks: list[tuple[float, str, float]] = []
    before = BLANK
    for s, token in enumerate(best.tolist()):
        if token != BLANK:
            one = ((s + 0.5) * step, tokens[token - 1], float(p[s]))
            if token != before:
                peaks.append(one)
            elif one[2] > peaks[-1][2]:
                peaks[-1] = one
        before = token
    return peaks


def pen_path(raw: np.ndarray) -> np.ndarray:
    """Where the pen is after each step of strokes [T, 3], in parts with NaN between them, [N, 2]."""
    places: list[np.ndarray] = [np.zeros(2)]
    at = np.zeros(2)
    for dx, dy, up in np.asarray(raw, dtype=float)[:, :3]:
        at = at + np.array([dx, dy])
        if up > 0.5:
            places.append(np.full(2, np.nan))
        places.append(at)
    return np.stack(places)
