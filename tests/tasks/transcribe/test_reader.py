"""Reading tables: bad records, rates, units, and what is logged."""

import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.transcribe.reader import find_table, read_data
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.task import TranscribeTask

soundfile = pytest.importorskip("soundfile")


@pytest.fixture
def table(tmp_path, write_speech):
    return write_speech(tmp_path, 12)


def only_last(path):
    """A table of the 12 good rows, and the last row twice."""
    lines = Path(path).read_text().splitlines()
    other = Path(path).with_name("short.csv")
    other.write_text("\n".join([*lines[:13], lines[-1], lines[-1]]) + "\n")
    return str(other)


def test_bad_records_are_one_sentence_or_counted(tmp_path, table):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    content = (tmp_path / "0_1.wav").read_bytes()
    (tmp_path / "truncated.wav").write_bytes(content[:-1000])
    with Path(table).open("a") as file:
        for bad in ["empty.wav,low", "truncated.wav,low", "none.wav,low", "0_1.wav,"]:
            file.write(f"{bad},a\n")
    with pytest.raises(UserError, match=r"line 14: .*zero length.*--skip-bad"):
        unroll.train(table, tmp_path / "run", steps=2, quiet=True)
    data = read_data(table, TranscribeSettings(skip_bad=True))
    assert "4 bad records" in data.warnings[0] and len(data.train) + len(data.valid) == 12
    checked = TranscribeTask().check(table, TranscribeSettings(), print)
    assert checked["bad"] == 4 and checked["rows"] == 16


def test_records_that_are_too_short_for_their_text(table):
    with Path(table).open("a") as file:
        file.write("0_1.wav," + "low " * 100 + ",a\n")
    short = only_last(table)
    with pytest.raises(UserError, match="expected a longer recording"):
        read_data(short, TranscribeSettings())
    data = read_data(short, TranscribeSettings(skip_bad=True))
    assert data.too_short == 2 and data.preprocessor.subsample > 1  # bad ones do not decide it
    checked = TranscribeTask().check(short, TranscribeSettings(), print)
    assert (checked["bad"], checked["too_short"]) == (2, 2)


def test_rates_and_channels_are_counted(tmp_path, table):
    samples, _ = soundfile.read(tmp_path / "0_2.wav")
    soundfile.write(tmp_path / "0_2.wav", np.stack([samples, samples], 1), 16000)
    data = read_data(table, TranscribeSettings(valid=table))
    assert data.rates == {8000: 11, 16000: 1} and data.mixed == 1
    assert data.preprocessor.mel.rate == 8000 and len(data.valid) == 12


def test_a_long_scan_logs_its_progress(table, monkeypatch):
    monkeypatch.setattr("unroll.tasks.transcribe.reader.LOG_SECONDS", -1.0)
    messages = []
    read_data(table, TranscribeSettings(), log=messages.append)
    assert messages[1].endswith("speech.csv: 1 file read") and len(messages) == 12


def test_the_preprocessor_of_a_resumed_run_is_kept(table):
    first = read_data(table, TranscribeSettings())
    again = read_data(table, TranscribeSettings(units="char"), first.preprocessor)
    assert again.preprocessor is first.preprocessor and again.sha256 == first.sha256


def test_what_is_no_table_is_refused(tmp_path, table):
    for path, sentence in (
        (str(tmp_path), "is a folder; expected a table"),
        (str(tmp_path / "0_1.wav"), "is one audio file; expected a table"),
    ):
        with pytest.raises(UserError, match=sentence):
            find_table(path, TranscribeSettings())
    settings = TranscribeSettings(speaker="nobody")
    with pytest.raises(UserError, match="has the columns path, words, who; expected one of them"):
        find_table(table, settings)
    assert len(list(find_table(table, TranscribeSettings()).rows(Problems()))) == 12


def test_images_without_their_flag_are_told_it(tmp_path):
    (tmp_path / "lines.csv").write_text("path,text\na.png,12\nb.png,21\n")
    with pytest.raises(UserError, match="--image COLUMN"):
        read_data(str(tmp_path / "lines.csv"), TranscribeSettings())


def test_ids_of_sounds_without_a_header(tmp_path, write_speech):
    rows = [
        line.split(",") for line in Path(write_speech(tmp_path, 12)).read_text().splitlines()[1:]
    ]
    (tmp_path / "set" / "wavs").mkdir(parents=True)
    for k, (sound, *_) in enumerate(rows):
        (tmp_path / sound).rename(tmp_path / "set" / "wavs" / f"LJ1-{k}.wav")
    texts = [f'"{words}", No. {k}' for k, (_, words, _) in enumerate(rows)]
    path = tmp_path / "set" / "metadata.csv"
    path.write_text("".join(f"LJ1-{k}|{text}|{text}, he said\n" for k, text in enumerate(texts)))
    assert "column 1 names sounds (wavs/*.wav)" in str(TranscribeSettings.guess(path, {}))
    for settings in (TranscribeSettings(), TranscribeSettings(audio="1", text="3")):
        table = find_table(str(path), settings)
        read = [(row.path.name, row.value) for row in table.rows(Problems())]
        assert read == [(f"LJ1-{k}.wav", f"{text}, he said") for k, text in enumerate(texts)]
    assert len(read_data(str(path), TranscribeSettings(skip_bad=True)).train)


def test_manifests_name_sounds_of_another_machine_and_parts_of_sounds(tmp_path, write_speech):
    rows = [
        line.split(",") for line in Path(write_speech(tmp_path, 12)).read_text().splitlines()[1:]
    ]
    manifest = [
        {"audio_filepath": f"/raid/an4/{s}", "duration": 1.0, "text": t} for s, t, _ in rows
    ]
    nested = [{"audio": {"path": f".\\{s}"}, "sentence": text} for s, text, _ in rows]
    for k, each in enumerate([manifest, nested]):
        path = tmp_path / f"{k}.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in each))
        assert TranscribeSettings.guess(path, {}) == "a table that names a sound in each row"
        assert len(read_data(str(path), TranscribeSettings()).train) == 11
    path.write_text("".join(json.dumps({**row, "offset": 0.5}) + "\n" for row in manifest))
    with pytest.raises(UserError, match=r"line 1: the offset is 0.5; expected whole files"):
        read_data(str(path), TranscribeSettings())


def test_recordings_that_are_too_long_for_a_batch(tmp_path, table, monkeypatch):
    monkeypatch.setattr("unroll.tasks.transcribe.reader.MOST_FRAMES", 100)
    soundfile.write(tmp_path / "long.wav", np.zeros(8800), 8000)
    with Path(table).open("a") as file:
        file.write("long.wav,low,a\n")
    data = read_data(table, TranscribeSettings(skip_bad=True))
    assert "long.wav lasts 1 seconds; expected at most 1. Split it at pauses" in data.warnings[1]
