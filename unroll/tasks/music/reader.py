"""Read tunes into a training set and a validation set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.split import validation_groups, validation_rows
from unroll.errors import UserError
from unroll.tasks.music.abc import Tune, abc_tunes
from unroll.tasks.music.groups import tune_groups
from unroll.tasks.music.midi import midi_tunes
from unroll.tasks.music.preprocessor import ABC, MIDI, MusicPreprocessor
from unroll.tasks.music.settings import ABC_FILES, MIDI_FILES, MusicSettings


@dataclass(frozen=True)
class MusicData:
    """The tunes of a run.

    Attributes:
        train: the training set.
        valid: the validation set.
        preprocessor: learned from the training set.
        sha256: of the training set.
        validation_set: what the validation set is, for people.
        messages: on skipped records.
        untransposable: how many tunes of the training set cannot be written in another key.
        multitrack: how many MIDI files of the training set have more than one track.
    """

    train: list[Tune]
    valid: list[Tune]
    preprocessor: MusicPreprocessor
    sha256: str
    validation_set: str
    messages: list[str]
    untransposable: int
    multitrack: int


def read_music(
    path: str, settings: MusicSettings, preprocessor: MusicPreprocessor | None = None
) -> MusicData:
    """Read the tunes at a path, and those of the validation set.

    Args:
        path: a file or a folder.
        settings: where the validation set is, and which pieces become tokens.
        preprocessor: the run's own where a run is resumed. Default: learned from the training set.

    Raises:
        UserError: where there are too few tunes or groups of tunes, or the two sets are in different
            notations.
    """
    problems = Problems(settings.skip_bad)
    notation, tunes = read_tunes(path, problems)
    if settings.valid is None:
        if len(tunes) < 2:
            sentence = (
                f"{path} holds {counted(len(tunes), 'tune')} that can be used. Expected two or more, for "
                "a training set and a validation set (--valid)."
            )
            raise UserError(problems.with_messages(sentence))
        rows, validation_set = validation_rows(len(tunes)), f"a tenth of the tunes of {path}"
        if settings.by is not None:
            rows, count = validation_groups(tune_groups(tunes, settings.by, notation))
            validation_set = f"a tenth of the {count} groups (--by {settings.by}) of {path}"
        train = [tune for tune, is_valid in zip(tunes, rows, strict=True) if not is_valid]
        valid = [tune for tune, is_valid in zip(tunes, rows, strict=True) if is_valid]
    else:
        other, valid = read_tunes(settings.valid, problems)
        train, validation_set = tunes, settings.valid
        if other != notation:
            raise UserError(
                f"{path} is {notation} and {settings.valid} is {other}; expected one notation."
            )
    if not train or not valid:
        empty = path if not train else settings.valid
        raise UserError(problems.with_messages(f"{empty} holds no tune that can be used."))
    texts = [tune.text for tune in train]
    if preprocessor is None:
        preprocessor = MusicPreprocessor.learn(texts, notation, settings.min_count)
    return MusicData(
        train,
        valid,
        preprocessor,
        hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest(),
        validation_set,
        problems.messages(),
        count_untransposable(texts, preprocessor) if settings.transpose else 0,
        count_multitrack(texts) if notation == MIDI else 0,
    )


def count_untransposable(texts: list[str], preprocessor: MusicPreprocessor) -> int:
    """How many tunes cannot be written in a key that is drawn for them."""
    draw = np.random.default_rng(0)
    return sum(
        preprocessor.transpose(text, preprocessor.draw_key(text, draw)) is None for text in texts
    )


def count_multitrack(texts: list[str]) -> int:
    """How many tunes in words of MIDI have more than one track."""
    return sum(text.count("\n") > 2 for text in texts)


def read_tunes(path: str, problems: Problems) -> tuple[str, list[Tune]]:
    """The notation of a file or folder, and its tunes in the order of the names of files."""
    notation, files = tune_files(path)
    return notation, list(tunes_of_files(files, notation, problems))


def tune_files(path: str) -> tuple[str, list[Path]]:
    """The notation of a file or folder, and the files with its tunes in the order of their names.

    Raises:
        UserError: where there are no such files, or files of both notations.
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
    notations = {MIDI if file.name.lower().endswith(MIDI_FILES) else ABC for file in files}
    if len(notations) != 1:
        held = "files of ABC and of MIDI" if notations else "no .abc and no .mid"
        raise UserError(f"{path} holds {held}; expected files of one of the two notations.")
    return notations.pop(), files


def tunes_of_files(files: list[Path], notation: str, problems: Problems) -> Iterator[Tune]:
    """The tunes of files, one file after another."""
    read = midi_tunes if notation == MIDI else abc_tunes
    for file in files:
        yield from read(file, str(file), problems)
