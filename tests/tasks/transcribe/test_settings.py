"""Which settings fit together, and which tables look like data of the task."""

from pathlib import Path

import pytest

from unroll.tasks import guess_task
from unroll.tasks.transcribe.settings import TranscribeSettings


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"deltas": 1, "streaming": True}, "deltas use future frames"),
        ({"normalise": "speaker"}, "needs speaker"),
        ({"audio": "a", "image": "b"}, "expected one of them"),
        ({"streaming": True, "image": "b"}, "streaming is for sounds"),
        ({"streaming": True, "normalise": "utterance"}, "needs the whole recording"),
    ],
)
def test_settings_that_do_not_fit_together(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        TranscribeSettings(**given)


def test_a_streaming_model_reads_forwards():
    assert TranscribeSettings().both_ways and not TranscribeSettings(streaming=True).both_ways
    assert TranscribeSettings(strokes="path").kind == "strokes"


def test_which_tables_are_its_own(tmp_path):
    path = tmp_path / "speech.csv"
    path.write_text("path,words\na.wav,low\nb.wav,high\nc.wav,top\n")
    assert guess_task(str(path), {})[0] == "transcribe"
    assert guess_task(str(path), {"audio": "path", "text": "words"})[0] == "transcribe"
    assert TranscribeSettings.guess(path, {"image": "path"}) is None
    with path.open("a") as file:
        file.write("one column\n,no path\n")  # bad rows do not hide what the table is
    assert guess_task(str(path), {})[0] == "transcribe"
    other = tmp_path / "other.csv"
    other.write_text("text,label\na film,good\n")
    assert TranscribeSettings.guess(Path(other), {}) is None


def test_labels_that_are_also_names_of_sounds_beside_the_table_are_no_recordings(tmp_path):
    for name in "15":
        (tmp_path / f"{name}.wav").write_bytes(b"")
    table = tmp_path / "reviews.csv"
    table.write_text("review,stars\n" + "lovely film,5\ndull film,1\n" * 10)
    assert TranscribeSettings.guess(table, {}) is None
