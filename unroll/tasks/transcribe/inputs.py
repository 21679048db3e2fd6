"""The sounds, lines or strokes that a recogniser is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.media_table import MediaTable
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.transcribe.batches import Recordings
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.reader import SUFFIXES, surveyed, table_of
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.strokes import BadStrokes


def files_at(
    path: str, preprocessor: TranscribePreprocessor, settings: TranscribeSettings
) -> Iterator[Any]:
    """The files that a table names, those of a folder, or the one that it is: paths, or of a table
    as `named_in` gives them."""
    kind, source = preprocessor.kind, Path(path)
    suffixes = SUFFIXES[kind]
    if path == "-":
        yield from (line.strip() for line in sys.stdin if line.strip())
    elif source.is_dir():
        found = sorted(p for p in source.rglob("*") if p.suffix.lower() in suffixes)
        if not found:
            raise UserError(f"{path} holds no file that ends in {', '.join(suffixes)}.")
        yield from map(str, found)
    elif kind != "strokes" and not source.name.endswith((".csv", ".tsv", ".jsonl", ".gz")):
        yield path
    elif kind == "strokes":  # tables themselves
        try:
            preprocessor.load_raw(source)
        except BadStrokes as error:
            try:
                table = table_of(path, settings, labelled=False)
            except UserError:
                raise error from None
            yield from named_in(table, preprocessor, settings)
        else:
            yield path
    else:
        yield from named_in(table_of(path, settings, labelled=False), preprocessor, settings)


def named_in(
    table: MediaTable, preprocessor: TranscribePreprocessor, settings: TranscribeSettings
) -> Iterator[dict[str, Any]]:
    """The files that a table names: `path`, `where` in the table and, if known, the speaker's
    `scale`."""
    problems = Problems(settings.skip_bad)
    if preprocessor.normalise == "speaker" and settings.speaker in table.names:
        recordings = Recordings(surveyed(table, settings, problems).items, preprocessor)
        for row, item in enumerate(recordings.items):
            yield {"path": str(item.path), "where": item.where, "scale": recordings.scale(row)}
    else:
        for found in table.rows(problems):
            yield {"path": str(found.path), "where": found.where}
    for sentence in problems.messages():
        sys.stderr.write(f"unroll: {sentence}\n")
