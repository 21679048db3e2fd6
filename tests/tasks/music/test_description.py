"""What is sentence of tunes before training, and what `unroll data check` reports."""

from pathlib import Path

from unroll.tasks.music.defaults import resolve
from unroll.tasks.music.description import check_report, describe
from unroll.tasks.music.settings import MusicSettings


def test_keys_metres_and_long_tunes_are_described(data):
    text = " ".join(describe(data, resolve(MusicSettings(longest=16), data)))
    assert "Training set: 11 tunes. Validation set: a tenth of the tunes" in text
    assert "Keys: D 3" in text and "metres: 4/4 11." in text
    assert "80% of the tunes are read in another key" in text
    assert "11 tunes are longer than 16 tokens and are split" in text


def test_the_report_counts_what_is_wrong(book, tmp_path):
    file = book(tmp_path / "a.abc", 4)
    with Path(file).open("a") as tunes:
        tunes.write("\nX:9\nM:4/4\nL:1/4\nK:none\nABcd|e|fgab|]\n\nX:10\nT:no key\nABC\n")
    report = check_report(file, MusicSettings())
    assert report["tunes"] == 5 and report["bad"] == 1 and "no K: field" in report["problems"][0]
    assert report["cannot_be_transposed"] == 1 and report["duplicates"] == 0
    assert report["bars"].startswith("11, of which 1 do not have the length of their metre")
