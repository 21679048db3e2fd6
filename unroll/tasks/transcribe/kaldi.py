"""Data as Kaldi keeps it: wav.scp names the sound of each utterance, text says it, utt2spk the speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unroll.data.files.lines import numbered_lines
from unroll.data.files.rows import Row, TableRows
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError

SOUNDS = "wav.scp"
BESIDE = {"text": "text", "utt2spk": "speaker"}  # files, and the columns that they become


def open_recordings(path: Path, name: str) -> TableRows:
    """A table of recordings in any form; a wav.scp with the files beside it.

    Args:
        path: the file.
        name: what the user called it, for errors.

    Raises:
        UserError: where it is no table, or its utterances are parts of sounds.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.problems import Problems
        >>> from unroll.tasks.transcribe.kaldi import open_recordings
        >>> _ = Path("wav.scp").write_text("u1 a.wav\\n"), Path("text").write_text("u1 HELLO YOU\\n")
        >>> table = open_recordings(Path("wav.scp"), "wav.scp")
        >>> table.names, [row.cells for row in table.rows(Problems())]
        (('utterance', 'path', 'text'), [['u1', 'a.wav', 'HELLO YOU']])
    """
    if path.name != SOUNDS:
        return open_table(path, name)
    if path.with_name("segments").is_file():
        raise UserError(
            f"{path.with_name('segments')} cuts the sounds of {name} into utterances; expected a sound "
            "for each utterance. Cut the sounds into files first."
        )
    beside = {column: path.with_name(file) for file, column in BESIDE.items()}
    values = {column: read_map(file) for column, file in beside.items() if file.is_file()}

    def read(problems: Problems) -> Iterator[Row]:
        for line, text in numbered_lines(path, name, problems):
            utterance, _, source = text.strip().partition(" ")
            if source.endswith("|"):
                problems.bad(
                    f"{name}, line {line}: a command, {source[:40]!r}, which is not run; expected the "
                    "path of a sound."
                )
            elif utterance:
                yield Row(
                    line,
                    [utterance, source.strip(), *(each.get(utterance) for each in values.values())],
                )

    said = ("form: Kaldi",)
    return TableRows(name, ("utterance", "path", *values), read, path.parent, said)


def read_map(path: Path) -> dict[str, str]:
    """The value of each utterance, from lines of an utterance, a space and its value."""
    lines = (text.strip() for _, text in numbered_lines(path, str(path), Problems(may_skip=False)))
    parts = (text.partition(" ") for text in lines if text)
    return {utterance: value.strip() for utterance, _, value in parts}
