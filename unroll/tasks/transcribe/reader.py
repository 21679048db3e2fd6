"""Read a table of files with their texts: training set, validation set, and the preprocessor."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from unroll.counting import counted, listed
from unroll.data.files.media_paths import AUDIO, IMAGES
from unroll.data.images import BadImage
from unroll.data.media_table import MediaRow, MediaTable, NoPaths, RunColumns, find_media_table
from unroll.data.problems import Problems
from unroll.data.series import number
from unroll.errors import UserError
from unroll.tasks.base import Log
from unroll.tasks.transcribe.audio import BadAudio, read_audio
from unroll.tasks.transcribe.batches import (
    TranscribeDataset,
    TranscribeRecord,
    feature_scale,
    frame_count,
)
from unroll.tasks.transcribe.floor import ClosedTextModel
from unroll.tasks.transcribe.kaldi import SOUNDS as KALDI_SOUNDS
from unroll.tasks.transcribe.kaldi import open_recordings
from unroll.tasks.transcribe.line_images import smallest_width_ratio
from unroll.tasks.transcribe.log_mel import LogMel
from unroll.tasks.transcribe.people import choose_validation, column_of_people
from unroll.tasks.transcribe.perturbation import FEW_SPEAKERS
from unroll.tasks.transcribe.preprocessor import (
    TranscribePreprocessor,
    choose_units,
    load_writing,
    steps_needed,
)
from unroll.tasks.transcribe.settings import KINDS, TranscribeSettings
from unroll.tasks.transcribe.strokes import BadStrokes

TEXTS = "text words transcript transcription sentence label utterance".split()
SUFFIXES = {"audio": AUDIO, "image": IMAGES, "strokes": (".csv", ".tsv", ".txt")}
# errors of a single file, which may be skipped; a missing package is none of them
BAD_FILE = (BadAudio, BadImage, BadStrokes)
HIGHEST_RATE = 16_000
SUBSAMPLES = (4, 2, 1)
MOST_FRAMES = 100_000  # of a recording with its text: a batch is padded to the longest one
LOG_SECONDS = 5.0  # from one message about a long scan to the next


@dataclass(frozen=True)
class TranscribeData:
    """Training set and validation set.

    Attributes:
        table: where the training set comes from.
        preprocessor: learned from the training set.
        train: the training set.
        valid: the validation set.
        sha256: of both.
        validation_set: what the validation set is, for people.
        mixed: how many files have several channels, which were mixed to one.
        rates: how many files have which sample rate.
        too_short: how many bad records are too short for their text.
        warnings: sentences on bad records that were skipped.
    """

    table: MediaTable
    preprocessor: TranscribePreprocessor
    train: TranscribeDataset
    valid: TranscribeDataset
    sha256: str
    validation_set: str
    mixed: int
    rates: dict[int, int]
    too_short: int
    warnings: tuple[str, ...]

    def with_floor(self, floor: ClosedTextModel) -> TranscribeData:
        """The same data, its preprocessor with a simple model."""
        preprocessor = replace(self.preprocessor, floor=floor)
        return replace(
            self,
            preprocessor=preprocessor,
            train=self.train.with_preprocessor(preprocessor),
            valid=self.valid.with_preprocessor(preprocessor),
        )


def read_data(
    path: str,
    settings: TranscribeSettings,
    preprocessor: TranscribePreprocessor | None = None,
    problems: Problems | None = None,
    log: Log | None = None,
) -> TranscribeData:
    """Read the training set and the validation set.

    Args:
        path: a table.
        settings: what to read, and how.
        preprocessor: that of the run, where it is resumed. Default: tokens and scales are learned
            from the training set.
        problems: collects bad records. Default: as `settings.skip_bad` says.
        log: takes a sentence every few seconds while the files are scanned.

    Raises:
        UserError: where the data cannot be used.
    """
    problems = problems or Problems(settings.skip_bad)
    table = find_table(path, settings)
    scan = scan_files(table, settings, problems, log)
    if settings.valid is None:
        chosen, validation_set = choose_validation(scan.records, settings.by, Path(path).name)
        train = [record for record, out in zip(scan.records, chosen, strict=True) if not out]
        valid = [record for record, out in zip(scan.records, chosen, strict=True) if out]
        sha256 = scan.sha256
    else:
        train, validation_set = scan.records, settings.valid
        other = scan_files(find_table(settings.valid, settings, table), settings, problems, log)
        valid = other.records
        sha256 = hashlib.sha256((scan.sha256 + other.sha256).encode()).hexdigest()
    if not train or not valid:
        sentence = (
            f"{path} gives {counted(len(train), 'record')} for training and {len(valid):,} for "
            f"validation ({validation_set}); expected at least one of each. Add records."
        )
        raise UserError(problems.with_messages(sentence))
    preprocessor = preprocessor or learn_preprocessor(train, settings)
    long_enough = [record for record in train if check_length(record, preprocessor, problems)]
    if not long_enough:
        sentence = f"{path} has no record for training that is long enough for its text."
        raise UserError(problems.with_messages(sentence))
    return TranscribeData(
        table,
        preprocessor,
        TranscribeDataset(long_enough, preprocessor),
        TranscribeDataset(valid, preprocessor),
        sha256,
        validation_set,
        scan.mixed,
        dict(Counter(record.rate for record in scan.records)),
        len(train) - len(long_enough),
        tuple(problems.messages()),
    )


def find_table(
    path: str,
    settings: TranscribeSettings,
    like: MediaTable | None = None,
    *,
    text: str | None = None,
    labelled: bool = True,
    run: RunColumns | None = None,
    media: str | None = None,
) -> MediaTable:
    """The table at a path, with its columns.

    Args:
        path: a .csv, .tsv or .jsonl.
        settings: name the columns, where they are given.
        like: the table of the training set, whose columns are used where the settings name none.
        text: the column of the text, if not that of the settings.
        labelled: whether a column of texts is required.
        run: the columns of a run, for further data; then the settings name none.
        media: the column of paths, if not that of the settings or of the run.

    Raises:
        UserError: where there is no table, or no such column.
    """
    value = text
    if run is None:
        media, value = media or getattr(settings, settings.kind), text or settings.text
    if like is not None:
        media = media or like.names[like.media]
        value = value or (None if like.value is None else like.names[like.value])
    if (Path(path) / KALDI_SOUNDS).is_file():
        path = str(Path(path) / KALDI_SOUNDS)
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
            open_rows=open_recordings,
            run=run,
        )
    except NoPaths as error:
        raise UserError(
            f"{error} For images of lines use --image COLUMN, for strokes --strokes COLUMN."
        ) from error
    by = settings.by if like is None else None  # a validation set is not split
    named = {"--set speaker=": settings.speaker, "--by ": by}
    for flag, column in named.items():
        if labelled and column is not None and column not in table.names:
            raise UserError(
                f"{flag}{column}: {path} has the columns {listed(table.names)}; expected one of them."
            )
    return table


def find_further_table(
    path: str,
    settings: TranscribeSettings,
    kind: str,
    named: Collection[str],
    *,
    media: str | None = None,
    text: str | None = None,
    by: str | None = None,
    labelled: bool = True,
) -> MediaTable:
    """A table other than that of training, in the columns of the run; without names by its content.

    Args:
        path: a .csv, .tsv or .jsonl.
        settings: of the run, with its columns.
        kind: what the run was trained on: "audio".
        named: the settings that the user gave in training.
        media: the column of paths, where it was given for this table.
        text: the column of the text, where it was given for this table.
        by: the column of the groups, where it was given for this table.
        labelled: whether a column of texts is required.

    Raises:
        UserError: where there is no table, or a column of the run or a given one is missing.
    """
    other = next((k for k in KINDS if k != kind and getattr(settings, k) is not None), None)
    if other is not None:
        raise UserError(
            f"--set {other}={getattr(settings, other)} is given, but the run was trained on --{kind}. Name "
            f"the column by --set {kind}=COLUMN."
        )
    run = RunColumns(getattr(settings, kind), settings.text, named)
    settings = settings.model_copy(update={"by": by})
    return find_table(path, settings, run=run, media=media, text=text, labelled=labelled)


def refuse_media(path: str, kind: str) -> None:
    """Check that a path may be a table.

    Raises:
        UserError: where it is a folder, or a single sound or image.
    """
    alone = kind != "strokes" and Path(path).name.lower().endswith(SUFFIXES[kind])
    if alone or Path(path).is_dir():
        what = f"one {kind} file" if alone else "a folder"
        raise UserError(
            f"{path} is {what}; expected a table (.csv, .tsv or .jsonl) with the path of a file and "
            "its text in each row."
        )


@dataclass(frozen=True)
class TranscribeScan:
    """What a first reading of all files finds.

    Attributes:
        records: all that are not bad.
        sha256: of contents, texts and speakers.
        mixed: how many files have several channels.
    """

    records: list[TranscribeRecord]
    sha256: str
    mixed: int


def scan_files(
    table: MediaTable,
    settings: TranscribeSettings,
    problems: Problems,
    log: Log | None = None,
) -> TranscribeScan:
    """Read every file of a table once, so that every bad record is found before training.

    Args:
        table: names the files.
        settings: what the files are.
        problems: collects bad records.
        log: takes a sentence every few seconds.
    """
    records: list[TranscribeRecord] = []
    digest, mixed = hashlib.sha256(), 0
    people = column_of_people(table.names, settings.by or settings.speaker)
    logged = time.monotonic()
    for row in table.rows(problems):
        if log is not None and time.monotonic() > logged + LOG_SECONDS:
            logged = time.monotonic()
            log(f"{table.name}: {counted(len(records), 'file')} read")
        size, rate = 0, 0
        if settings.kind == "audio" and is_segment(row, problems):
            continue
        try:
            if settings.kind == "audio":
                sound = read_audio(row.path)
                content, size, rate = sound.samples, len(sound.samples), sound.recorded_rate
                mixed += sound.channels > 1
                if sound.seconds > MOST_FRAMES * settings.hop:
                    raise BadAudio(
                        f"{row.path.name} lasts {sound.seconds:,.0f} seconds; expected at most "
                        f"{MOST_FRAMES * settings.hop:,.0f}. Split it at pauses."
                    )
            else:
                content = load_writing(settings.kind, row.path, settings.height)
                size = len(content)
        except BAD_FILE as error:
            problems.bad(f"{row.where}: {error}")
            continue
        content_hash = hashlib.sha256(content.tobytes()).hexdigest()
        speaker, person = (row.cells.get(name or "", "") for name in (settings.speaker, people))
        records.append(
            TranscribeRecord(
                row.path, row.value or "", speaker, row.where, size, rate, content_hash, person
            )
        )
        digest.update(f"{content_hash} {row.value} {speaker}\0".encode())
    return TranscribeScan(records, digest.hexdigest(), mixed)


def is_segment(row: MediaRow, problems: Problems) -> bool:
    """Whether a row names a part of a sound, as manifests may; `problems` takes it then."""
    if not number(row.cells.get("offset", "")):
        return False
    problems.bad(
        f"{row.where}: the offset is {row.cells['offset']:.40}; expected whole files, which begin at 0. "
        "Cut the sound into a file for each text."
    )
    return True


def learn_preprocessor(
    records: list[TranscribeRecord], settings: TranscribeSettings
) -> TranscribePreprocessor:
    """The preprocessor with the tokens, the sample rate and the scales of the training set."""
    mel = None
    if settings.kind == "audio":
        most_frequent = Counter(record.rate for record in records).most_common(1)[0][0]
        rate = settings.rate or min(most_frequent, HIGHEST_RATE)
        mel = LogMel(rate, settings.bands, settings.window, settings.hop)
    units = choose_units([record.text for record in records], settings.units)
    plain = TranscribePreprocessor(
        settings.kind,
        units,
        [],
        settings.lower,
        1,
        mel,
        settings.deltas,
        choose_normalisation(settings),
        height=settings.height,
    )
    tokens = sorted({unit for record in records for unit in plain.split(record.text)})
    subsample = settings.subsample or largest_subsample(
        records, replace(plain, tokens=tokens), shortest_share(settings)
    )
    mean, deviation = [], []
    if plain.normalise == "corpus" and settings.kind != "image":
        scale = feature_scale(TranscribeDataset(records, plain), range(len(records)))
        mean, deviation = [each.tolist() for each in scale]
    return replace(plain, tokens=tokens, subsample=subsample, mean=mean, deviation=deviation)


def choose_normalisation(
    settings: TranscribeSettings,
) -> Literal["utterance", "speaker", "corpus"]:
    """Over what features are scaled, as the settings say or by the kind of data."""
    if settings.normalise != "auto":
        return settings.normalise
    if settings.kind == "audio" and settings.speaker:
        return "speaker"
    return "corpus" if settings.streaming or settings.kind != "audio" else "utterance"


def shortest_share(settings: TranscribeSettings) -> float:
    """The share of its frames that a record keeps at least when it is perturbed in training."""
    if settings.kind == "image":
        return smallest_width_ratio(settings.vary)
    speed = FEW_SPEAKERS["speed"] if settings.speed is None else settings.speed
    return 1 / (1 + speed) if settings.kind == "audio" else 1.0


def largest_subsample(
    records: Sequence[TranscribeRecord], preprocessor: TranscribePreprocessor, share: float
) -> int:
    """The most frames per step for which every record has enough steps for its text.

    Args:
        records: the training set; records that are too short even at one frame per step are ignored.
        preprocessor: encodes the texts.
        share: of its frames that a record keeps at least in training.
    """
    sizes = [
        (frame_count(record, preprocessor), steps_needed(preprocessor.encode(record.text)))
        for record in records
    ]
    sizes = [(frames, needed) for frames, needed in sizes if frames >= needed]
    fit = (n for n in SUBSAMPLES if all(share * frames // n >= needed for frames, needed in sizes))
    return next(fit, 1) if sizes else 1


def check_length(
    record: TranscribeRecord, preprocessor: TranscribePreprocessor, problems: Problems
) -> bool:
    """Whether a record has enough steps for its text, as CTC needs; `problems` takes it if not."""
    tokens = preprocessor.encode(record.text)
    steps, needed = preprocessor.steps(frame_count(record, preprocessor)), steps_needed(tokens)
    if steps >= max(1, needed):
        return True
    lower = " or a lower --set subsample" if preprocessor.subsample > 1 else ""
    units = counted(len(tokens), preprocessor.units_name[:-1])
    problems.bad(
        f"{record.where}: {record.path.name} has {counted(steps, 'step')}, but the {units} of its "
        f"text need {needed}; expected a longer {preprocessor.record_name}{lower}."
    )
    return False
