"""Tunes to learn from and held-out ones, and batches of them, anew in other keys each epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import Bucketed
from unroll.data.problems import Problems
from unroll.data.split import validation_rows
from unroll.data.stream import TokenBatch
from unroll.errors import UserError
from unroll.tasks.music.abc import Found, abc_tunes
from unroll.tasks.music.midi import midi_tunes
from unroll.tasks.music.preprocessor import ABC, BOUNDARY, MIDI, MusicPreprocessor
from unroll.tasks.music.settings import ABC_FILES, MIDI_FILES, MusicSettings


@dataclass(frozen=True)
class Tunes:
    """Tunes to learn from and held-out ones, with their preprocessor.

    notation: of both. stay: how many of those to learn from cannot be moved to another key.
    sha256: of those to learn from. told: of bad records. several: how many MIDI files have more
    than one track.
    """

    train: list[Found]
    valid: list[Found]
    preprocessor: MusicPreprocessor
    sha256: str
    validation_set: str
    told: list[str]
    stay: int
    several: int


def read_tunes(
    path: str, settings: MusicSettings, preprocessor: MusicPreprocessor | None = None
) -> Tunes:
    """The tunes at a path, cut into two parts. preprocessor: the run's own, where a run is resumed.

    Raises: UserError where there are too few.
    """
    problems = Problems(settings.skip_bad)
    notation, found = all_tunes(path, problems)
    if settings.valid is None:
        if len(found) < 2:
            words = " ".join(
                [
                    f"{path} holds {counted(len(found), 'tune')} that can be used.",
                    *problems.messages(),
                ]
            )
            raise UserError(f"{words} Expected two or more: to learn from, and held out (--valid).")
        out = validation_rows(len(found))
        train = [tune for tune, held in zip(found, out, strict=True) if not held]
        valid = [tune for tune, held in zip(found, out, strict=True) if held]
        said = f"a tenth of the tunes of {path}"
    else:
        other, valid = all_tunes(settings.valid, problems)
        train, said = found, settings.valid
        if other != notation:
            raise UserError(
                f"{path} is {notation} and {settings.valid} is {other}; expected the same."
            )
    if not train or not valid:
        empty = path if not train else settings.valid
        raise UserError(problems.with_messages(f"{empty} holds no tune that can be used."))
    texts = [tune.text for tune in train]
    if preprocessor is None:
        preprocessor = MusicPreprocessor.learn(texts, notation, settings.min_count)
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    stay = 0
    if settings.transpose:
        draw = np.random.default_rng(0)
        stay = sum(
            preprocessor.moved(text, preprocessor.target(text, draw)) is None for text in texts
        )
    several = sum(text.count("\n") > 2 for text in texts) if notation == MIDI else 0
    return Tunes(train, valid, preprocessor, digest, said, problems.messages(), stay, several)


def all_tunes(path: str, problems: Problems) -> tuple[str, list[Found]]:
    """The notation of a file or folder, and its tunes in order of the files' names."""
    notation, files = tune_files(path)
    return notation, list(tunes_in(files, notation, problems))


def tune_files(path: str) -> tuple[str, list[Path]]:
    """The notation of a file or folder, and the files that hold its tunes, in order of their names.

    Raises: UserError where there are none, or of both notations.
    """
    place = Path(path)
    if not place.exists():
        raise UserError(
            f"There is no file or folder {path}; expected tunes (.abc, .mid). Check the path, from "
            f"{Path.cwd()}."
        )
    files = [place]
    if place.is_dir():
        suffixes = (*ABC_FILES, *MIDI_FILES)
        found = sorted(place.rglob("*"))
        files = [p for p in found if p.name.lower().endswith(suffixes) and not p.is_dir()]
    kinds = {notation_of(file) for file in files}
    if len(kinds) != 1:
        held = "files of ABC and of MIDI" if kinds else "no .abc and no .mid"
        raise UserError(f"{path} holds {held}; expected one of the two kinds.")
    return kinds.pop(), files


def tunes_in(files: list[Path], notation: str, problems: Problems) -> Iterator[Found]:
    """The tunes of these files, one after the other."""
    read = midi_tunes if notation == MIDI else abc_tunes
    for file in files:
        yield from read(file, str(file), problems)


def notation_of(path: Path) -> str:
    return MIDI if path.name.lower().endswith(MIDI_FILES) else ABC


class TuneBatches:
    """Whole tunes side by side, from boundary to boundary; some of them in another key.

    Which tune comes when, and in which key, is a function of the seed and the number of the batch.
    Tunes of more than `longest` tokens are read in parts, each from a fresh state.
    """

    def __init__(
        self, tunes: list[str], preprocessor: MusicPreprocessor, settings: MusicSettings
    ) -> None:
        self.preprocessor, self.seed, self.share = preprocessor, settings.seed, settings.transpose
        self.longest = settings.longest
        self.texts = tunes
        lengths = [len(preprocessor.encode(tune)) + 1 for tune in tunes]
        # a part: the tune, and which of its parts
        self.parts = [
            (n, k) for n, size in enumerate(lengths) for k in range(-(-size // self.longest))
        ]
        sizes = [min(self.longest, lengths[n] - k * self.longest) for n, k in self.parts]
        self.order = Bucketed(sizes, settings.batch_size or 1, settings.seed)
        self.per_epoch = self.order.per_epoch
        self.cut = sum(size > self.longest for size in lengths)
        self._ids = lru_cache(maxsize=KEPT)(self._encoded)

    def batch(self, number: int) -> TokenBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        draw = np.random.default_rng((self.seed, 1, number))
        rows = []
        for part in self.order.rows(number):
            n, k = self.parts[part]
            moves = draw.random() < self.share
            target = self.preprocessor.target(self.texts[n], draw) if moves else None
            ids = self._ids(n, target)
            rows.append(ids[k * self.longest : (k + 1) * self.longest + 1])
        # in another key a tune may be a few tokens shorter, and have a part less
        return side_by_side([ids for ids in rows if len(ids) > 1] or [bounded(ids)])

    def _encoded(self, n: int, target: str | int | None) -> np.ndarray:
        text = self.texts[n]
        moved = None if target is None else self.preprocessor.moved(text, target)
        return bounded(self.preprocessor.encode(moved or text))


KEPT = 20_000  # encoded tunes


def bounded(ids: np.ndarray) -> np.ndarray:
    """A tune's tokens between two boundaries."""
    return np.concatenate([[BOUNDARY], ids, [BOUNDARY]])


def side_by_side(rows: list[np.ndarray]) -> TokenBatch:
    """Sequences as a padded batch, each token to be told from those before it."""
    lengths = torch.tensor([len(ids) - 1 for ids in rows])
    ids = torch.full((int(lengths.max()) + 1, len(rows)), BOUNDARY)
    for b, row in enumerate(rows):
        ids[: len(row), b] = torch.from_numpy(row)
    weight: Tensor = torch.arange(len(ids) - 1)[:, None] < lengths
    return TokenBatch(ids[:-1], ids[1:], True, lengths, None, weight)
