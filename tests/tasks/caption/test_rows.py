"""The rows of a caption table."""

import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.caption.rows import find_captions, find_further_captions, read_rows
from unroll.tasks.caption.settings import CaptionSettings


def test_rows_share_their_images(write_table):
    rows = read_rows(find_captions(write_table(4), None, None), Problems())
    assert rows.which == [0, 0, 1, 2, 3, 3] and len(rows.paths) == len(rows.where) == 4
    assert rows.texts[:3] == ["A picture number 0.", "It is 0!", "A picture number 1."]
    assert rows.where[1] == "captions.csv, line 4"


def test_further_tables_are_read_in_the_columns_of_the_run(folder, write_table, caplog):
    settings = CaptionSettings(image="image", text="caption")
    text = (folder / write_table(4)).read_text()
    (folder / "other.csv").write_text(text.replace("image,caption", "file,what"))
    table = find_further_captions("other.csv", settings, labelled=True)
    assert (table.names[table.media], table.names[table.value]) == ("file", "what")
    assert "no column 'image'; column 'file' is read as the image" in caplog.text
    with pytest.raises(UserError, match="columns file, what; the run reads its image in column"):
        find_further_captions("other.csv", settings, labelled=True, named={"image"})
    named = find_further_captions(
        "other.csv", settings, "file", "what", labelled=True, named={"image"}
    )
    assert named.names == table.names
    (folder / "bare.csv").write_text(text.split("\n", 1)[1])
    bare = find_further_captions("bare.csv", settings, labelled=True, named={"image"})
    assert (bare.media, bare.value) == (0, 1)
    with pytest.raises(UserError, match=r"no file none\.csv"):
        find_further_captions("none.csv", settings, labelled=True)
