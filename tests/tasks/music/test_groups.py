"""Whole groups of tunes are held out."""

import pytest

from unroll.errors import UserError
from unroll.tasks.music.abc import Tune
from unroll.tasks.music.groups import tune_groups
from unroll.tasks.music.reader import read_music
from unroll.tasks.music.settings import MusicSettings

COMPOSED = [
    Tune(f"X:{n}\nC:{who}\nK:G\nGAB|\n", f"a.abc, line {n}", f"{who}/a.abc")
    for n, who in enumerate(["Ann", "Bob", "Ann", "Cy"])
]


def test_files_folders_and_fields_group_tunes():
    assert tune_groups(COMPOSED, "C", "abc") == ["C:Ann", "C:Bob", "C:Ann", "C:Cy"]
    assert tune_groups(COMPOSED, "folder", "abc") == ["Ann", "Bob", "Ann", "Cy"]
    assert tune_groups(COMPOSED, "file", "abc")[0] == "Ann/a.abc"
    alone = [*COMPOSED, Tune("X:9\nK:G\nG|\n", "a.abc, line 9")]
    assert tune_groups(alone, "C", "abc")[-1] == "a.abc, line 9"  # of no known composer
    with pytest.raises(UserError, match="a field of ABC, and these tunes are midi"):
        tune_groups(COMPOSED, "C", "midi")
    with pytest.raises(UserError, match="all 4 tunes into one group, 'K:G'"):
        tune_groups(COMPOSED, "K", "abc")


def test_a_group_is_never_in_both_sets(tmp_path, book):
    for n in range(4):
        (tmp_path / str(n)).mkdir()
        book(tmp_path / str(n) / "a.abc", 3)
    data = read_music(str(tmp_path), MusicSettings(by="folder"))
    train, valid = ({tune.file for tune in tunes} for tunes in (data.train, data.valid))
    assert len(train) == 3 and len(valid) == 1 and not train & valid
    assert data.validation_set == f"a tenth of the 4 groups (--by folder) of {tmp_path}"
    with pytest.raises(ValueError, match="expected file, folder, or the letter of a field"):
        MusicSettings(by="composer")
