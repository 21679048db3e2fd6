"""Recordings with their texts made ready to learn: two parts, the codec learned from the first.

T frames, B batch, F features a frame.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from unroll.data.audio import read_audio
from unroll.data.bucketed import Bucketed
from unroll.data.line_images import narrowest
from unroll.data.log_mel import LogMel
from unroll.data.media_table import AUDIO, IMAGES, MediaTable, find_media_table
from unroll.data.problems import Problems
from unroll.data.series import Scaler
from unroll.data.split import held_out
from unroll.data.transcribe_codec import (
    LEAST,
    Perturbation,
    TranscribeCodec,
    load_written,
    steps_needed,
    units_of,
)
from unroll.errors import UserError
from unroll.settings.transcribe import TranscribeSettings

TEXTS = "text words transcript transcription sentence label utterance".split()
SUFFIXES = {"audio": AUDIO, "image": IMAGES, "strokes": (".csv", ".tsv", ".txt")}
KEPT = 1 << 28  # bytes of sounds that stay in memory once they are read
HIGHEST_RATE = 16_000
SUBSAMPLES = (4, 2, 1)


@dataclass(frozen=True)
class Recording:
    """size: samples at the rate they were recorded with, or frames. rate: that rate, else 0.
    mark: a hash of what is in the file. where: file and line of the table."""

    path: Path
    text: str
    speaker: str
    where: str
    size: int
    rate: int
    mark: str


class Recordings:
    """Recordings whose files are read when they are wanted, and kept while there is room.

    No file is open but in the moment it is read.
    """

    def __init__(
        self, items: Sequence[Recording], codec: TranscribeCodec, by_speaker: bool = False
    ) -> None:
        self.items, self.codec = list(items), codec
        self.tokens = [codec.encode(item.text) for item in self.items]
        self.lengths = np.array([frames_of(item, codec) for item in self.items], dtype=np.int64)
        self._kept: dict[int, np.ndarray] = {}
        self._bytes = 0
        self._scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if by_speaker:
            for name in {item.speaker for item in self.items}:
                own = [k for k, item in enumerate(self.items) if item.speaker == name]
                self._scales[name] = scale_of(self, own)

    def __len__(self) -> int:
        return len(self.items)

    def raw(self, row: int) -> np.ndarray:
        """What the file of a recording holds."""
        found = self._kept.get(row)
        if found is None:
            found = self.codec.load_raw(self.items[row].path)
            if self._bytes + found.nbytes <= KEPT:
                self._kept[row] = found
                self._bytes += found.nbytes
        return found

    def features(
        self,
        row: int,
        perturbation: Perturbation | None = None,
        draw: np.random.Generator | None = None,
    ) -> Tensor:
        """[T, F] of a recording."""
        scale = self._scales.get(self.items[row].speaker)
        return self.codec.features(self.raw(row), scale, perturbation, draw)


@dataclass(frozen=True)
class TranscribeBatch:
    """x: features [T, B, F], zero where padded. lengths: [B]. y: the tokens of all texts, one after
    the other. y_lengths: [B]."""

    x: Tensor
    lengths: Tensor
    y: Tensor
    y_lengths: Tensor
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many characters or words."""
        return len(self.y)

    def to(self, device: torch.device) -> TranscribeBatch:
        """The same batch on a device."""
        return TranscribeBatch(
            self.x.to(device), self.lengths.to(device), self.y.to(device), self.y_lengths.to(device)
        )


def batch_of(
    recordings: Recordings,
    rows: list[int],
    perturbation: Perturbation | None = None,
    draw: np.random.Generator | None = None,
) -> TranscribeBatch:
    """These recordings as one padded batch."""
    x = [recordings.features(row, perturbation, draw) for row in rows]
    y = [recordings.tokens[row] for row in rows]
    return TranscribeBatch(
        pad_sequence(x),
        torch.tensor([len(each) for each in x]),
        torch.tensor([token for each in y for token in each], dtype=torch.int64),
        torch.tensor([len(each) for each in y]),
    )


class TranscribeBatches:
    """Batches of about equal lengths, each perturbed in its own way: a function of seed and
    number."""

    def __init__(
        self, recordings: Recordings, batch_size: int, seed: int, perturbation: Perturbation | None
    ) -> None:
        self._recordings, self._perturbation, self._seed = recordings, perturbation, seed
        self.order = Bucketed(recordings.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> TranscribeBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        draw = np.random.default_rng((self._seed, number, 1))
        return batch_of(self._recordings, self.order.rows(number), self._perturbation, draw)


@dataclass(frozen=True)
class Transcribed:
    """What was read. table: where from. train, valid: the two parts. mixed: files with several
    channels. rates: how many files have which. told: of bad records."""

    table: MediaTable
    codec: TranscribeCodec
    train: Recordings
    valid: Recordings
    sha256: str
    held_out: str
    mixed: int
    rates: dict[int, int]
    told: tuple[str, ...]


def read_transcribed(
    path: str, settings: TranscribeSettings, codec: TranscribeCodec | None = None
) -> Transcribed:
    """Recordings in two parts; tokens and scales are learned from the first alone.

    Raises: UserError, in a sentence, for data that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    table = table_of(path, settings)
    survey = surveyed(table, settings, problems)
    where = settings.valid or f"a tenth of the records of {Path(path).name}"
    if settings.valid is None:
        apart = held_out(len(survey.items))
        if len(apart) > 50_000:
            where = f"a small part of the records of {Path(path).name}"
        train = [item for item, out in zip(survey.items, apart, strict=True) if not out]
        valid = [item for item, out in zip(survey.items, apart, strict=True) if out]
        sha256 = survey.sha256
    else:
        train = survey.items
        other = surveyed(table_of(settings.valid, settings, table), settings, problems)
        valid = other.items
        sha256 = hashlib.sha256((survey.sha256 + other.sha256).encode()).hexdigest()
    if not train or not valid:
        raise UserError(
            " ".join(
                [
                    f"{path} leaves {len(train)} recordings to learn from and {len(valid)} held out "
                    f"({where}); expected some of each. Give more.",
                    *problems.told(),
                ]
            )
        )
    codec = codec or learned(train, settings)
    train = [item for item in train if fits(item, codec, problems)]
    if not train:
        raise UserError(" ".join([f"{path} leaves nothing to learn from.", *problems.told()]))
    by_speaker = codec.normalise == "speaker"
    return Transcribed(
        table,
        codec,
        Recordings(train, codec, by_speaker),
        Recordings(valid, codec, by_speaker),
        sha256,
        where,
        survey.mixed,
        dict(Counter(item.rate for item in survey.items)),
        tuple(problems.told()),
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
    except UserError as error:
        if media is not None or settings.kind != "audio" or not Path(path).is_file():
            raise
        raise UserError(
            f"{error} Images of lines are named by --image COLUMN, strokes by --strokes COLUMN."
        ) from error
    if settings.speaker is not None and settings.speaker not in table.names:
        raise UserError(
            f"--set speaker={settings.speaker}: {path} has the columns {', '.join(table.names)}. "
            "Name one of them."
        )
    return table


@dataclass(frozen=True)
class Survey:
    """What a first reading finds. mixed: how many files have several channels."""

    items: list[Recording]
    sha256: str
    mixed: int


def surveyed(table: MediaTable, settings: TranscribeSettings, problems: Problems) -> Survey:
    """Read everything once; every bad record is met here."""
    digest, items, mixed = hashlib.sha256(), [], 0
    for row in table.rows(problems):
        size, rate = 0, 0
        try:
            if settings.kind == "audio":
                sound = read_audio(row.path)
                held, size, rate = sound.samples, len(sound.samples), sound.recorded_rate
                mixed += sound.channels > 1
            else:
                held = load_written(settings.kind, row.path, settings.height)
                size = len(held)
        except UserError as error:
            if type(error) is UserError:  # not of this file: a package that is missing
                raise
            problems.bad(f"{row.where}: {error}")
            continue
        mark = hashlib.sha256(held.tobytes()).hexdigest()
        speaker = row.cells.get(settings.speaker or "", "")
        items.append(Recording(row.path, row.value or "", speaker, row.where, size, rate, mark))
        digest.update(f"{mark} {row.value} {speaker}\0".encode())
    return Survey(items, digest.hexdigest(), mixed)


def frames_of(item: Recording, codec: TranscribeCodec) -> int:
    """T of a recording, without reading it."""
    if codec.mel is None:
        return item.size
    return codec.mel.frames(-(-item.size * codec.mel.rate // item.rate))


def learned(items: list[Recording], settings: TranscribeSettings) -> TranscribeCodec:
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
    plain = TranscribeCodec(
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
    record = {**vars(plain), "tokens": tokens, "subsample": settings.subsample}
    del record["number"]
    if not settings.subsample:
        # as short as a recording may become in training
        faster = 1 + settings.speed if mel is not None else 1.0
        if settings.kind == "image":
            faster = 1 / narrowest(settings.vary)
        known = TranscribeCodec(**{**record, "subsample": 1})
        room = [
            (frames_of(item, known) / faster, steps_needed(known.encode(item.text)))
            for item in items
        ]
        record["subsample"] = next(
            (n for n in SUBSAMPLES if all(frames // n >= needed for frames, needed in room)), 1
        )
    if normalise == "corpus" and settings.kind != "image":
        mean, deviation = scale_of(Recordings(items, plain), range(len(items)))
        record |= {"mean": mean.tolist(), "deviation": deviation.tolist()}
    return TranscribeCodec(**record)


def scale_of(recordings: Recordings, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over these recordings, [F] each."""
    first = recordings.codec.unscaled(recordings.raw(rows[0]))
    scaler = Scaler.learn(
        [""] * first.shape[1],
        (recordings.codec.unscaled(recordings.raw(row)).numpy() for row in rows),
    )
    deviation = np.maximum(np.array(scaler.deviation), LEAST if recordings.codec.mel else 1e-6)
    return np.array(scaler.mean), deviation


def fits(item: Recording, codec: TranscribeCodec, problems: Problems) -> bool:
    """Whether the steps of a recording can hold its text, as CTC needs; else it is bad."""
    tokens = codec.encode(item.text)
    steps, needed = codec.steps(frames_of(item, codec)), steps_needed(tokens)
    if steps >= max(1, needed):
        return True
    lower = " or a lower --set subsample" if codec.subsample > 1 else ""
    problems.bad(
        f"{item.where}: {item.path.name} is {steps} steps long for the {len(tokens)} "
        f"{'words' if codec.units == 'word' else 'characters'} of its text, which need {needed}; "
        f"expected a longer recording{lower}."
    )
    return False
