"""wav.scp with text and utt2spk beside it is a table of recordings."""

from pathlib import Path

import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.transcribe.kaldi import open_recordings
from unroll.tasks.transcribe.reader import find_table, read_data
from unroll.tasks.transcribe.settings import TranscribeSettings


def test_a_folder_of_kaldi_is_trained_on(tmp_path, write_speech):
    lines = Path(write_speech(tmp_path, 12)).read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    (tmp_path / "wav.scp").write_text("".join(f"u{k} {row[0]}\n" for k, row in enumerate(rows)))
    (tmp_path / "text").write_text("".join(f"u{k} {row[1]}\n" for k, row in enumerate(rows)))
    (tmp_path / "utt2spk").write_text("".join(f"u{k} {row[2]}\n" for k, row in enumerate(rows)))
    assert TranscribeSettings.guess(tmp_path, {}) == "a folder of Kaldi, with its wav.scp"
    data = read_data(str(tmp_path), TranscribeSettings(speaker="speaker"))
    read = {record.path.name: (record.text, record.speaker) for record in data.train.records}
    assert len(read) == 11 and read.items() <= {row[0]: (row[1], row[2]) for row in rows}.items()
    plain = read_data(str(tmp_path / "speech.csv"), TranscribeSettings(speaker="who"))
    assert plain.sha256 == data.sha256


def test_commands_are_not_run_and_segments_are_refused(tmp_path):
    path = tmp_path / "wav.scp"
    path.write_text("u1 touch hacked |\nu2 a.wav\n\nu3\n")
    problems = Problems(skip=True)
    rows = [row.cells for row in open_recordings(path, "wav.scp").rows(problems)]
    assert rows == [["u2", "a.wav"], ["u3", ""]] and not (tmp_path / "hacked").exists()
    assert "line 1: a command, 'touch hacked |', which is not run" in problems.messages()[1]
    (tmp_path / "segments").write_text("u1 r1 0 1\n")
    with pytest.raises(UserError, match="cuts the sounds of"):
        find_table(str(path), TranscribeSettings())
