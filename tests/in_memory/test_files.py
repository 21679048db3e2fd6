import csv
import json

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.in_memory.files import write_data
from unroll.in_memory.forms import MemoryArrays, MemoryTexts
from unroll.in_memory.tables import MemoryTable


def written(data, folder, task=None, per_line=False):
    wording, _ = write_data(data, folder, task, {"per_line": per_line})
    return wording, wording.path.read_text() if wording.path.suffix != ".npz" else ""


def test_a_table_is_a_csv_whose_rows_are_found_by_line(tmp_path):
    cells = ['a, "b"', "two\r\nlines", "c"]
    wording, text = written(MemoryTable("DataFrame", ("x", "y"), (cells, [1, 2, 3])), tmp_path)
    assert list(csv.reader(text.splitlines(keepends=True)))[2] == ["two\nlines", "2"]
    assert list(wording.starts) == [2, 3, 5]
    assert wording.say(f"{wording.path}, line 5: no label.") == "Row 2 of the DataFrame: no label."


def test_lists_in_cells_make_json_lines(tmp_path):
    wording, text = written(MemoryTable("list", ("x", "y"), (["a"], [["p", "q"]])), tmp_path)
    assert wording.path.suffix == ".jsonl" and json.loads(text) == {"x": "a", "y": ["p", "q"]}


def test_texts_by_task(tmp_path):
    texts = MemoryTexts(["a\nb", "c"])
    assert [json.loads(line)["text"] for line in written(texts, tmp_path)[1].splitlines()] == [
        "a\nb",
        "c",
    ]
    assert written(texts, tmp_path, "music")[1] == "a\nb\n\nc\n\n"
    with pytest.raises(UserError, match="Text 0 of the list has a line end"):
        written(texts, tmp_path, "language", per_line=True)
    assert written(MemoryTexts(["a", "b"]), tmp_path, "language", per_line=True)[1] == "a\nb\n"


def test_words_with_tags_are_columns(tmp_path):
    table = MemoryTable("list", ("tokens", "tags"), ([["a", "b"], ["c"]], [["X", "Y"], ["Z"]]))
    wording, text = written(table, tmp_path, "tag")
    assert text == "a\tX\nb\tY\n\nc\tZ\n\n"
    assert "Sentence 1 of the list" in wording.say(f"{wording.path}, line 4: wrong.")
    ragged = MemoryTable("list", ("tokens", "tags"), ([["a", "b"]], [["X"]]))
    with pytest.raises(UserError, match="Sentence 0 of the list has 2 words and 1 tags"):
        written(ragged, tmp_path, "tag")


def test_pairs_are_below_their_names(tmp_path):
    table = MemoryTable("list", ("source", "target"), (["a", "b\tc"], ["x", "y"]))
    assert written(table, tmp_path, "translate")[1] == "source\ttarget\na\tx\nb c\ty\n"


def test_arrays_are_a_file_of_arrays(tmp_path):
    wording, _ = written(MemoryArrays([np.ones((2, 1))], ["a"]), tmp_path)
    assert wording.path.suffix == ".npz" and wording.name == "the array of 1 sequence"


def test_half_of_a_surrogate_pair_is_refused(tmp_path):
    with pytest.raises(UserError, match="Text 1 of the list has half of a surrogate"):
        written(MemoryTexts(["a", "\ud800"]), tmp_path)
