"""Which files and folders look like tunes."""

from pathlib import Path

from unroll.tasks.music.settings import MusicSettings


def test_files_and_folders_are_guessed(tmp_path):
    assert MusicSettings.guess(Path("a.abc.gz"), {}) == "tunes in ABC"
    assert MusicSettings.guess(Path("A.MID"), {}) == "a tune in MIDI"
    assert MusicSettings.guess(Path("a.txt"), {}) is None
    for name in ("a.mid", "b.midi", "c.mid", "notes.txt"):
        (tmp_path / name).touch()
    assert MusicSettings.guess(tmp_path, {}) == "a folder with 3 files of MIDI"
    for name in ("d.txt", "e.txt"):
        (tmp_path / name).touch()
    assert MusicSettings.guess(tmp_path, {}) is None
