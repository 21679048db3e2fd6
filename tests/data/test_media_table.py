"""Which column names the file and which says what it holds: headers, guesses, flags, bad rows."""

import json
import os

import pytest

from unroll.data.files.media_paths import IMAGES
from unroll.data.media_table import RunColumns, find_media_table
from unroll.data.problems import Problems
from unroll.errors import UserError

VALUES = ["caption", "text"]


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.PNG", "c.jpg"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def found(folder, text, media=None, value=None, name="t.csv", **options):
    path = folder / name
    path.write_text(text)
    options = {"suffixes": IMAGES, **options}
    return find_media_table(
        path, media, value, media_flag="--image", value_flag="--text", values=VALUES, **options
    )


def rows(table, skip=False):
    problems = Problems(skip=skip)
    read = [(row.path.name, row.value) for row in table.rows(problems)]
    return (read, problems) if skip else read


TWO = [("a.png", "A cat."), ("b.PNG", "A dog.")]


def test_with_a_header(folder):
    table = found(folder, "id,path,caption\n1,a.png,A cat.\n2,b.PNG,A dog.\n")
    assert rows(table) == TWO
    assert table.guesses == (
        "path: column path (change by --image)",
        "text: column caption (change by --text)",
    )


def test_without_a_header(folder):
    table = found(folder, "a.png,A cat.\nb.PNG,A dog.\n")
    assert table.names == ("1", "2") and rows(table) == TWO
    assert rows(found(folder, "a.png,A cat.\nb.PNG,A dog.\n", "1", "2")) == TWO
    assert [row.where for row in table.rows(Problems())] == [
        f"{folder}/t.csv, line 1", f"{folder}/t.csv, line 2"
    ]  # fmt: skip


def test_tabs_and_lines_of_json(folder):
    assert (
        rows(found(folder, "caption\timage\nA cat.\ta.png\nA dog.\tb.PNG\n", name="t.tsv")) == TWO
    )
    lines = [{"image": a, "caption": b} for a, b in TWO]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    assert rows(found(folder, text, name="t.jsonl")) == TWO


def test_the_longest_cells_are_the_text_where_no_name_says_so(folder):
    table = found(folder, "n,said,file\n1,A cat that sits.,a.png\n2,A dog.,b.PNG\n")
    assert table.names[table.value] == "said"


def test_flags_win(folder):
    text = "image,other,caption,note\na.png,c.jpg,A cat.,first\n"
    table = found(folder, text, "other", "note")
    assert rows(table) == [("c.jpg", "first")] and not table.guesses
    assert rows(found(folder, text, "2", "4")) == [("c.jpg", "first")]


def test_a_path_of_any_ending_where_it_is_named(folder):
    (folder / "frames").mkdir()
    table = found(folder, "where,caption\nframes,A cat.\n", "where", folders=True)
    assert rows(table) == [("frames", "A cat.")]


def test_without_what_is_said(folder):
    table = found(folder, "path\na.png\n", labelled=False)
    assert rows(table) == [("a.png", None)]


def test_every_cell_by_its_name(folder):
    table = found(folder, 'path,caption,speaker\na.png,"A cat, red.",ann\n')
    (row,) = table.rows(Problems())
    assert row.cells == {"path": "a.png", "caption": "A cat, red.", "speaker": "ann"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("none.png,A cat.", "there is no file none.png in"),
        ("x" * 300 + ".png,A cat.", "there is no file xxx"),
        (",A cat.", "no path; expected one in column path"),
        ("a.png,", "column caption is empty; expected a value for a.png"),
        ("a.png", "1 column where 2 are expected"),
        ("a.png,A cat.,more", "3 columns where 2 are expected"),
    ],
)
def test_bad_rows_stop_or_are_counted(folder, line, sentence):
    table = found(folder, f"path,caption\na.png,A cat.\n{line}\nb.PNG,A dog.\n")
    with pytest.raises(UserError, match=f"line 3: .*{sentence}"):
        rows(table)
    read, problems = rows(table, skip=True)
    assert read == TWO and problems.count == 1 and sentence in problems.messages()[1]


def test_lines_of_json_that_lack_something(folder):
    lines = ['{"image": "a.png", "caption": "A cat."}', '{"image": "b.PNG"}', "{", "[1]"]
    table = found(folder, "\n".join(lines) + "\n", name="t.jsonl")
    read, problems = rows(table, skip=True)
    assert read == TWO[:1] and problems.count == 3


@pytest.mark.parametrize(
    ("text", "flags", "sentence"),
    [
        ("", {}, "has no record"),
        ("path,caption\n", {}, "has no record"),
        ("name,caption\nx,A cat.\n", {}, "none whose cells end in .png.*--image COLUMN"),
        ("path\na.png\n", {}, "has one column"),
        ("path,caption\na.png,A cat.\n", {"media": "file"}, "--image"),
        ("path,caption\na.png,A cat.\n", {"value": "9"}, "--text"),
        ("path,caption\na.png,A cat.\n", {"value": "path"}, "name the same column"),
    ],
)
def test_tables_that_cannot_be_used(folder, text, flags, sentence):
    with pytest.raises(UserError, match=sentence):
        found(folder, text, **flags)


def test_a_table_that_is_not_there(folder):
    with pytest.raises(UserError, match=r"There is no file .*expected a table"):
        find_media_table(
            folder / "none.csv", media_flag="--image", value_flag="--text", values=VALUES
        )


def test_lists_of_texts_and_objects_that_stand_for_a_file(folder):
    lines = [
        {"image": {"path": "a.png"}, "captions": ["One.", {"raw": "Two."}]},
        {"image": "b.PNG", "captions": "Three."},
        {"image": "c.jpg", "captions": []},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    table = found(folder, text, name="t.jsonl", several=True)
    read, problems = rows(table, skip=True)
    assert read == [("a.png", "One."), ("a.png", "Two."), ("b.PNG", "Three.")]
    assert "line 3: column captions is empty" in problems.messages()[1]


def test_a_header_is_no_id_and_an_id_is_no_header(folder):
    text = "name|caption\na|A cat.\nb|A dog.\n"
    (folder / "b.png").write_bytes(b"")
    table = found(folder, text)
    assert table.header and rows(table) == [("a.png", "A cat."), ("b.png", "A dog.")]
    table = found(folder, text.removeprefix("name|caption\n"))
    assert not table.header and len(rows(table)) == 2


def test_pipes_devices_and_folders_are_bad_rows(folder):
    os.mkfifo(folder / "pipe.png")
    (folder / "empty.png").mkdir()
    table = found(folder, "path,caption\na.png,A\npipe.png,B\n/dev/zero,C\nempty.png,D\n")
    read, problems = rows(table, skip=True)
    assert read == [("a.png", "A")]
    told = "".join(problems.messages())
    for kind in ("is a named pipe", "is a device", "is a folder"):
        assert f"{kind}; expected the path of a file" in told


RUN = RunColumns("image", "caption")


def columns(table):
    return table.names[table.media], None if table.value is None else table.names[table.value]


def test_further_data_is_read_in_the_columns_of_a_run(folder, caplog):
    swapped = "thumb,image,note,caption\nb.PNG,a.png,x,A cat.\n"
    assert columns(found(folder, swapped, run=RUN)) == ("image", "caption")
    assert rows(found(folder, "a.png,A cat.\nb.PNG,A dog.\n", run=RUN)) == TWO
    assert not caplog.text
    renamed = "no,file,what\n1,a.png,A cat.\n"
    assert columns(found(folder, renamed, run=RUN, labelled=False)) == ("file", None)
    assert "column 'file' is read as the image (change by --set image=COLUMN)" in caplog.text
    assert columns(found(folder, renamed, "file", "what", run=RUN)) == ("file", "what")
    assert columns(found(folder, "photo\na.png\n", run=RUN, labelled=False)) == ("photo", None)


def test_another_column_than_that_of_the_run_is_no_guess(folder):
    two = "photo,thumb,what\na.png,b.PNG,A cat.\n"
    with pytest.raises(UserError, match="columns photo, thumb, what; the run reads its image in"):
        found(folder, two, run=RUN, labelled=False)
    with pytest.raises(UserError, match=r"reads its text in column 'caption'\. Rename the"):
        found(folder, "no,image,what\n1,a.png,A cat.\n", run=RUN)
    given = RunColumns("image", "caption", {"image"})
    with pytest.raises(UserError, match="reads its image in column 'image'"):
        found(folder, "file,caption\na.png,A cat.\n", run=given)
