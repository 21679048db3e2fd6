"""Files and folders of tunes: two sets, and paths that cannot be read."""

import pytest

from unroll.errors import UserError
from unroll.tasks.music.reader import read_music
from unroll.tasks.music.settings import MusicSettings


def test_a_tenth_is_the_validation_set_unless_it_is_named(book, tmp_path):
    file = book(tmp_path / "a.abc")
    data = read_music(file, MusicSettings())
    assert (len(data.train), len(data.valid)) == (11, 1)
    assert data.validation_set == f"a tenth of the tunes of {file}"
    other = book(tmp_path / "b.abc", 3)
    named = read_music(file, MusicSettings(valid=other))
    assert (len(named.train), len(named.valid), named.validation_set) == (12, 3, other)
    assert named.sha256 != data.sha256


def test_what_cannot_be_read(book, tmp_path):
    with pytest.raises(UserError, match="no file or folder"):
        read_music(str(tmp_path / "none.abc"), MusicSettings())
    with pytest.raises(UserError, match="Expected two or more"):
        read_music(book(tmp_path / "one.abc", 1), MusicSettings())
    (tmp_path / "x.mid").write_bytes(b"MThd")
    with pytest.raises(UserError, match="one of the two notations"):
        read_music(str(tmp_path), MusicSettings())
