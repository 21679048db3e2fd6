"""Where clips are found, and how their labels are read."""

from pathlib import Path

import pytest

from unroll.data.media_table import RunColumns
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.frames.sources import find_clips, name_label, read_frame_labels, read_names


def test_a_table_of_paths():
    for name in ("a.mp4", "b.mp4"):
        Path(name).write_bytes(b"")
    Path("clips.csv").write_text("file,action,way,who\na.mp4,walk,left,x\nb.mp4,run,right,y\n")
    source = find_clips("clips.csv", label="action,way", by="who")
    rows = list(source.rows(Problems()))
    assert [(row.label, row.group) for row in rows] == [("walk left", "x"), ("run right", "y")]
    assert (source.video, source.label, source.numbers) == ("file", "action,way", False)
    with pytest.raises(UserError, match="--label got 'how'"):
        find_clips("clips.csv", label="action,how")


def test_other_files_in_a_folder_of_classes_are_reported():
    for name in ("walk/1.mp4", "run/1.mp4", "run/notes.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"")
    source = find_clips(".")
    assert [row.label for row in source.rows(Problems())] == ["run", "walk"]
    with pytest.raises(UserError, match=r"--by got 'who'; \. is a folder"):
        find_clips(".", by="who")
    assert source.guesses == (
        "1 file is ignored as its name is not that of a clip, such as run/notes.txt",
    )


def test_names_of_labels():
    Path("names.txt").write_text("down\nup\n\n")
    names, problems = read_names("names.txt"), Problems(skip=True)
    assert names == ["down", "up"]
    assert name_label("1", names, "a.csv, line 1", problems) == "up"
    assert name_label("down", names, "a.csv, line 1", problems) == "down"
    assert name_label("7", names, "a.csv, line 2", problems) is None and problems.count == 1
    with pytest.raises(UserError, match=r"There is no file none\.txt"):
        read_names("none.txt")


def test_a_file_with_one_label_per_frame():
    Path("labels.txt").write_text("low\n\nhigh\n")
    assert [label for _, label in read_frame_labels(Path("labels.txt"))] == ["low", "high"]
    Path("labels.csv").write_text("time,label\n0,low\n1,\n")
    with pytest.raises(UserError, match=r"labels.csv, line 3: no label; expected one per frame"):
        list(read_frame_labels(Path("labels.csv")))


def test_further_clips_are_read_in_the_columns_of_the_run(caplog):
    Path("a.csv").write_text("0,1\n2,3\n")
    run = RunColumns("clip", "action")
    Path("t.csv").write_text("other,clip,note,action\nb.csv,a.csv,x,walk\n")
    found = find_clips("t.csv", run=run)
    assert (found.video, found.label) == ("clip", "action")
    Path("t.csv").write_text("file,kind\na.csv,walk\n")
    assert find_clips("t.csv", run=run).video == "file" and "as the video" in caplog.text
    with pytest.raises(UserError, match="columns file, kind; the run reads its video in column"):
        find_clips("t.csv", run=RunColumns("clip", "action", {"video"}))
    Path("t.csv").write_text("file,more,kind\na.csv,a.csv,walk\n")
    with pytest.raises(UserError, match="the run reads its video in column 'clip'"):
        find_clips("t.csv", run=run, labelled=False)
    with pytest.raises(UserError, match="--label got 'way'"):
        find_clips("t.csv", run=RunColumns("file", "way,speed"))


def test_the_label_of_a_wide_table_is_that_of_the_run():
    names = [f"{axis}{k}" for k in range(5) for axis in "xy"]
    body = [[str(k % 2), *[f"{k}.{n}" for n in range(10)], str(k % 3)] for k in range(6)]

    def write(first, last):
        Path("w.csv").write_text("\n".join(map(",".join, [[first, *names, last], *body])))

    write("way", "z")
    assert find_clips("w.csv", run=RunColumns(None, "z")).label == "z"
    assert find_clips("w.csv", run=RunColumns(None, "way")).label == "way"
    with pytest.raises(UserError, match="the run reads its label in column 'kind'"):
        find_clips("w.csv", run=RunColumns(None, "kind"))
    assert find_clips("w.csv", run=RunColumns(None, "kind"), label="z").label == "z"
