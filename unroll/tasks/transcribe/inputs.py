"""The files that a recogniser is asked to transcribe: by path, in a folder, or in a table."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unroll.counting import listed
from unroll.data.first_rows import has_columns
from unroll.data.media_table import MediaTable
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, records_and_problems
from unroll.errors import UserError
from unroll.tasks.reporting import warn
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.kaldi import SOUNDS as KALDI_SOUNDS
from unroll.tasks.transcribe.preprocessor import FeatureScale, TranscribePreprocessor
from unroll.tasks.transcribe.reader import SUFFIXES, find_further_table, is_segment, scan_files
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.strokes import BadStrokes


@dataclass(frozen=True)
class TranscribeInput:
    """A file to transcribe.

    Attributes:
        path: of the file.
        where: file and line of the table that names it; None where no table does.
        scale: of the features of its speaker; None where the speaker is unknown.
    """

    path: str
    where: str | None = None
    scale: FeatureScale | None = None


def parse_input(value: object) -> TranscribeInput:
    """An input as users give it: the path of a file, or an object with `path`.

    Raises:
        UserError: where it is neither.
    """
    if isinstance(value, TranscribeInput):
        return value
    path = value.get("path") if isinstance(value, dict) else value
    if not isinstance(path, str):
        raise UserError(f"Got {value!r:.60} to transcribe; expected the path of a file.")
    return TranscribeInput(path)


def read_inputs(
    path: str,
    preprocessor: TranscribePreprocessor,
    settings: TranscribeSettings,
    named: Collection[str] = (),
) -> Iterator[TranscribeInput | SkippedRecord]:
    """The files that a table names, the files in a folder, or the file itself.

    Args:
        path: a table, a folder, a file, or "-" for paths on standard input.
        preprocessor: of the run.
        settings: of the run, which name the columns of a table.
        named: the settings that the user gave in training.

    Raises:
        UserError: where there is no file of the kind that the run reads.
    """
    kind, source = preprocessor.kind, Path(path)
    suffixes = SUFFIXES[kind]
    find = partial(find_further_table, settings=settings, kind=kind, named=named, labelled=False)
    if path == "-":
        yield from (TranscribeInput(line.strip()) for line in sys.stdin if line.strip())
    elif source.name == KALDI_SOUNDS or (source / KALDI_SOUNDS).is_file():
        yield from table_inputs(find(path), preprocessor, settings)
    elif source.is_dir():
        found = sorted(p for p in source.rglob("*") if p.suffix.lower() in suffixes)
        if not found:
            raise UserError(f"{path} has no file that ends in {listed(suffixes)}.")
        yield from (TranscribeInput(str(file)) for file in found)
    elif kind == "strokes":  # a file of strokes is a table too
        try:
            preprocessor.load_raw(source)
        except BadStrokes as error:
            try:
                table = find(path)
            except UserError:
                raise error from None
            yield from table_inputs(table, preprocessor, settings)
        else:
            yield TranscribeInput(path)
    elif not source.name.lower().endswith(suffixes) and has_columns(source):
        yield from table_inputs(find(path), preprocessor, settings)
    else:
        yield TranscribeInput(path)


def table_inputs(
    table: MediaTable, preprocessor: TranscribePreprocessor, settings: TranscribeSettings
) -> Iterator[TranscribeInput | SkippedRecord]:
    """The files that a table names, with the scale of their speakers where a column names them."""
    problems = Problems(settings.skip_bad)
    if preprocessor.normalise == "speaker" and settings.speaker in table.names:
        records = scan_files(table, settings, problems).records
        dataset = TranscribeDataset(records, preprocessor)
        for row, record in enumerate(records):
            yield TranscribeInput(str(record.path), record.where, dataset.scale(row))
    else:

        def read_rows(problems: Problems) -> Iterator[TranscribeInput]:
            for found in table.rows(problems):
                if preprocessor.kind != "audio" or not is_segment(found, problems):
                    yield TranscribeInput(str(found.path), found.where)

        yield from records_and_problems(read_rows, settings.skip_bad)
    for sentence in problems.messages():
        warn(sentence)
