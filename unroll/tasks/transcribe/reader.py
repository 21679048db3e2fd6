"""Recordings with their texts made ready to learn: two parts, the preprocessor learned from the first."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.data.images import BadImage
from unroll.data.media_table import AUDIO, IMAGES, MediaTable, NoPaths, find_media_table
from unroll.data.problems import Problems
from unroll.data.split import validation_rows
from unroll.errors import UserError
from unroll.tasks.transcribe.audio import BadAudio, read_audio
from unroll.tasks.transcribe.batches import Recording, Recordings, frames_of, scale_of
from unroll.tasks.transcribe.line_images import narrowest
from unroll.tasks.transcribe.log_mel import LogMel
from unroll.tasks.transcribe.preprocessor import (
    TranscribePreprocessor,
    load_written,
    steps_needed,
    units_of,
)
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.strokes import BadStrokes

TEXTS = "text words transcript transcription sentence label utterance".split()
SUFFIXES = {"audio": AUDIO, "image": IMAGES, "strokes": (".csv", ".tsv", ".txt")}
BAD = (BadAudio, BadImage, BadStrokes)  # what a file can be; a missing package is none of them
HIGHEST_RATE = 16_000
SUBSAMPLES = (4, 2, 1)
SECONDS = 5.0  # from one word about a long reading to the next


@dataclass(frozen=True)
class Transcribed:
    """What was read. table: where from. train, valid: the two parts. mixed: files with several
    channels. rates: how many files have which. too_short: how many bad records cannot hold their
    text. told: of bad records."""

    table: MediaTable
    preprocessor: TranscribePreprocessor
    train: Recordings
    valid: Recordings
    sha256: str
    validation_set: str
    mixed: int
    rates: dict[int, int]
    too_short: int
    told: tuple[str, ...]


def read_transcribed(
    path: str,
    settings: TranscribeSettings,
    preprocessor: TranscribePreprocessor | None = None,
    problems: Problems | None = None,
    say: Callable[[str], None] | None = None,
) -> Transcribed:
    """Recordings in two parts; tokens and scales are learned from the first alone.

    preprocessor: a run's own, where it is resumed. problems: told of bad records; left out, as the settings
    say. say: told every few seconds how far the first reading is.
    Raises: UserError, in a sentence, for data that cannot be used.
    """
    problems = problems or Problems(settings.skip_bad)
    table = table_of(path, settings)
    survey = surveyed(table, settings, problems, say)
    where = settings.valid or f"a tenth of the records of {Path(path).name}"
    if settings.valid is None:
        apart = validation_rows(len(survey.items))
        if len(apart) > 50_000:
            where = f"a small part of the records of {Path(path).name}"
        train = [item for item, out in zip(survey.items, apart, strict=True) if not out]
        valid = [item for item, out in zip(survey.items, apart, strict=True) if out]
        sha256 = survey.sha256
    else:
        train = survey.items
        other = surveyed(table_of(settings.valid, settings, table), settings, problems, say)
        valid = other.items
        sha256 = hashlib.sha256((survey.sha256 + other.sha256).encode()).hexdigest()
    if not train or not valid:
        few = (
            f"{path} leaves {counted(len(train), 'record')} to learn from and {len(valid)} held "
            f"out ({where}); expected some of each. Give more."
        )
        raise UserError(problems.with_messages(few))
    preprocessor = preprocessor or learned(train, settings)
    fit = [item for item in train if fits(item, preprocessor, problems)]
    if not fit:
        raise UserError(problems.with_messages(f"{path} leaves nothing to learn from."))
    return Transcribed(
        table,
        preprocessor,
        Recordings(fit, preprocessor),
        Recordings(valid, preprocessor),
        sha256,
        where,
        survey.mixed,
        dict(Counter(item.rate for item in survey.items)),
        len(train) - len(fit),
        tuple(problems.messages()),
    )


def table_of(
    path: str,
    settings: TranscribeSettings,
    like: MediaTable | None = None,
    *,
    text: str | None = None,
    labelled: bool = True,
) -> MediaTable:
    """The table at a path, with the columns of the settings, or of the training data."""
    media, value = getattr(settings, settings.kind), text or settings.text
    if like is not None:
        media = media or like.names[like.media]
        value = value or (None if like.value is None else like.names[like.value])
    refuse_media(path, settings.kind)
    try:
        table = find_media_table(
            path,
            media,
            value,
            media_flag=f"--{settings.kind}",
            value_flag="--text",
            values=TEXTS,
            suffixes=SUFFIXES[settings.kind],
            labelled=labelled,
        )
    except NoPaths as error:
        raise UserError(
            f"{error} Images of lines are named by --image COLUMN, strokes by --strokes COLUMN."
        ) from error
    if labelled and settings.speaker is not None and settings.speaker not in table.names:
        raise UserError(
            f"--set speaker={settings.speaker}: {path} has the columns {', '.join(table.names)}. "
            "Name one of them."
        )
    return table


def refuse_media(path: str, kind: str) -> None:
    """Raises: UserError for a folder, or a single sound or image, where a table is expected."""
    alone = kind != "strokes" and Path(path).name.lower().endswith(SUFFIXES[kind])
    if alone or Path(path).is_dir():
        what = f"one {kind} file" if alone else "a folder"
        raise UserError(
            f"{path} is {what}; expected a table (.csv, .tsv or .jsonl) that names a file in each "
            "row and says its text."
        )


@dataclass(frozen=True)
class Survey:
    """What a first reading finds. mixed: how many files have several channels."""

    items: list[Recording]
    sha256: str
    mixed: int


def surveyed(
    table: MediaTable,
    settings: TranscribeSettings,
    problems: Problems,
    say: Callable[[str], None] | None = None,
) -> Survey:
    """Read everything once; every bad record is met here."""
    items: list[Recording] = []
    digest, mixed = hashlib.sha256(), 0
    shown = time.monotonic()
    for row in table.rows(problems):
        if say is not None and time.monotonic() > shown + SECONDS:
            shown = time.monotonic()
            say(f"{table.name}: {counted(len(items), 'file')} read")
        size, rate = 0, 0
        try:
            if settings.kind == "audio":
                sound = read_audio(row.path)
                held, size, rate = sound.samples, len(sound.samples), sound.recorded_rate
                mixed += sound.channels > 1
            else:
                held = load_written(settings.kind, row.path, settings.height)
                size = len(held)
        except BAD as error:
            problems.bad(f"{row.where}: {error}")
            continue
        mark = hashlib.sha256(held.tobytes()).hexdigest()
        speaker = row.cells.get(settings.speaker or "", "")
        items.append(Recording(row.path, row.value or "", speaker, row.where, size, rate, mark))
        digest.update(f"{mark} {row.value} {speaker}\0".encode())
    return Survey(items, digest.hexdigest(), mixed)


def learned(items: list[Recording], settings: TranscribeSettings) -> TranscribePreprocessor:
    """Tokens, rate and scales of the training part."""
    mel = None
    if settings.kind == "audio":
        common = Counter(item.rate for item in items).most_common(1)[0][0]
        rate = settings.rate or min(common, HIGHEST_RATE)
        mel = LogMel(rate, settings.bands, settings.window, settings.hop)
    normalise = settings.normalise
    if normalise == "auto":
        normalise = "corpus" if settings.streaming or mel is None else "utterance"
        normalise = "speaker" if mel is not None and settings.speaker else normalise
    units = units_of([item.text for item in items], settings.units)
    plain = TranscribePreprocessor(
        settings.kind,
        units,
        [],
        settings.lower,
        1,
        mel,
        settings.deltas,
        normalise,
        height=settings.height,
    )
    tokens = sorted({unit for item in items for unit in plain.split(item.text)})
    found: dict[str, Any] = {"tokens": tokens}
    found["subsample"] = settings.subsample or as_many_as_fit(
        items, replace(plain, tokens=tokens), shortest_share(settings)
    )
    if normalise == "corpus" and settings.kind != "image":
        mean, deviation = scale_of(Recordings(items, plain), range(len(items)))
        found |= {"mean": mean.tolist(), "deviation": deviation.tolist()}
    return replace(plain, **found)


def shortest_share(settings: TranscribeSettings) -> float:
    """How short a recording may become in training, of its length."""
    if settings.kind == "image":
        return narrowest(settings.vary)
    return 1 / (1 + settings.speed) if settings.kind == "audio" else 1.0


def as_many_as_fit(
    items: list[Recording], preprocessor: TranscribePreprocessor, share: float
) -> int:
    """Frames a step, as many as all texts allow; those that no steps can hold do not count.

    share: of its frames that a recording keeps in training.
    """
    room = [
        (frames_of(item, preprocessor), steps_needed(preprocessor.encode(item.text)))
        for item in items
    ]
    room = [(frames, needed) for frames, needed in room if frames >= needed]
    fit = (n for n in SUBSAMPLES if all(share * frames // n >= needed for frames, needed in room))
    return next(fit, 1) if room else 1


def fits(item: Recording, preprocessor: TranscribePreprocessor, problems: Problems) -> bool:
    """Whether the steps of a recording can hold its text, as CTC needs; else it is bad."""
    tokens = preprocessor.encode(item.text)
    steps, needed = preprocessor.steps(frames_of(item, preprocessor)), steps_needed(tokens)
    if steps >= max(1, needed):
        return True
    lower = " or a lower --set subsample" if preprocessor.subsample > 1 else ""
    units = counted(len(tokens), preprocessor.units_name[:-1])
    problems.bad(
        f"{item.where}: {item.path.name} is {counted(steps, 'step')} long for the {units} of its "
        f"text, which need {needed}; expected a longer {preprocessor.thing}{lower}."
    )
    return False
