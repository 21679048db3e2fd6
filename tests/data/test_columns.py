"""Which column is what: by flag, by name, by content."""

import pytest

from unroll.data.columns import find_columns, holds_names, lacks_column
from unroll.data.records import find_table
from unroll.errors import UserError
from unroll.tasks.classify.settings import ClassifySettings

LONG = [[f"a text with words, number {k}", "yes" if k % 3 else "no", str(k)] for k in range(30)]


@pytest.mark.parametrize(
    "rows,given,expected",
    [
        ([["text", "category"], ["a b", "c"]], {}, (0, 1, True)),
        ([["stars", "review"], ["5", "good one"]], {}, (1, 0, True)),
        ([["Label", "Sentence", "x"], ["5", "good one", "y"]], {}, (1, 0, True)),
        (LONG, {}, (0, 1, False)),
        ([["what", "how", "id"], *LONG], {}, (0, 1, True)),
        ([["what", "how", "id"], *LONG], {"label": "how"}, (0, 1, True)),
        (LONG, {"label": "2", "text": "1"}, (0, 1, False)),
    ],
)
def test_columns_are_found(rows, given, expected):
    found = find_columns(rows, "t.csv", **given)
    assert (found.text, found.label, found.header) == expected


def test_what_is_guessed_is_said_with_its_flag():
    said = find_columns(LONG, "t.csv").said
    assert said == ("text: column 1 (change by --text)", "label: column 2 (change by --label)")
    assert find_columns(LONG, "t.csv", "1", "2").said == ()


def test_a_label_need_not_be_there_for_questions():
    found = find_columns([["text", "x"], ["a b c", "d"]], "t.csv", labelled=False)
    assert (found.text, found.label) == (0, None)


def test_the_number_of_a_sequence_is_no_label():
    rows = [["id", "x", "kind"], *([str(k // 10), str(k), "ab"[k // 50]] for k in range(100))]
    assert find_columns(rows, "t.csv", id="id").label == 2
    with pytest.raises(UserError, match="--label"):
        find_columns([row[:2] for row in rows], "t.csv", id="id")


FILES = {
    "reviews.csv": ("review,stars\ngreat fun,5\nso dull,1\n", "column review"),
    "reviews.tsv": ("great fun\t5\nso dull\t1\n" * 3, "column 1"),
    "data.jsonl": ('{"text": "great fun", "label": "good"}\n', "column text"),
    "texts.jsonl": ('{"text": "great fun"}\n{"text": "so dull"}\n', None),
    "wiki.jsonl": ('{"text": "great fun", "source": "wiki"}\n' * 4, None),
    "news.jsonl": (
        "".join(f'{{"text": "a b", "source": "{k % 2}"}}\n' for k in range(9)),
        None,
    ),
    "pairs.tsv": ("".join(f"the word {k}\tdas Wort {k}\n" for k in range(9)), None),
    "series.csv": ("date,value\n" + "".join(f"2020-01-{k:02},{k}\n" for k in range(1, 30)), None),
    "poem.txt": ("text,label\n", None),
    "broken.csv": (b"\xff\xfe\0", None),
    "empty.csv": ("", None),
}


@pytest.mark.parametrize("name", FILES)
def test_which_files_look_like_texts_with_labels(tmp_path, name):
    content, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    why = ClassifySettings.guess(path, {})
    assert (why is None) if expected is None else expected in why


def test_a_folder_of_folders_looks_like_classes(tmp_path):
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
    assert ClassifySettings.guess(tmp_path, {}) is None
    for name in ("good/1.txt", "good/2.txt", "bad/1.txt", "bad/2.txt"):
        (tmp_path / name).write_text("words")
    assert ClassifySettings.guess(tmp_path, {}) == "a folder for each of 2 classes"
    (tmp_path / "a.txt").touch()
    assert ClassifySettings.guess(tmp_path, {}) is None
    assert ClassifySettings.guess(tmp_path, {"label": "x"}) is not None


def test_a_first_label_that_comes_back_is_no_name_of_a_column():
    acts = ("question", "statement", "command")
    rows = [[acts[k % 3], f"a text with words, number {k}"] for k in range(60)]
    found = find_columns(rows, "t.csv")
    assert (found.text, found.label, found.header) == (1, 0, False)
    # tables that were put together: the header comes back as a whole
    rows = [["topic", "text"], *LONG[:9], ["topic", "text"], *LONG[9:]]
    assert find_columns([row[:2] for row in rows], "t.csv").header


def test_a_table_that_is_sorted_by_its_label(tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"words and more number {k},{k % 7},{'ab'[k // 3000]}" for k in range(6000)]
    path.write_text("\n".join(lines))
    columns = find_table(path).columns
    assert (columns.text, columns.label) == (0, 2)
    assert "a label (column 3, 2 different" in ClassifySettings.guess(path, {})


def test_times_and_numbers_are_no_texts():
    time = "Mon Apr 06 22:19:45 PDT 2009"
    rows = [[str(k % 2 * 4), str(1467810369 + k), time, f"film {k}"] for k in range(40)]
    assert find_columns(rows, "a.csv").text == 3
    with pytest.raises(UserError, match="no column for the text"):
        find_columns([[str(k % 2), str(k)] for k in range(40)], "a.csv")


def test_names_below_a_title_are_told():
    rows = [["My reviews", "", ""], ["text", "label", ""], *[["good", "1", ""]] * 9]
    with pytest.raises(UserError, match="below other rows"):
        find_columns(rows, "a.csv")


def test_a_first_row_that_plainly_holds_names():
    above_numbers = [["no", "body"], ["1", "one film"], ["2", "two songs"]]
    above_texts = [["greek_txt", "Reply"], ["one film", "a b"], ["two songs", "c d"]]
    assert holds_names(above_numbers) and holds_names(above_texts)
    for rows in (
        [["Hello", "Bonjour"], ["Stop it.", "Stop !"], ["Go on.", "Va !"]],
        [["a", "b"], ["c", "d"], ["e", "f"]],
        [["no", "body"], ["no", "one film"], ["2", "two songs"]],
        [["1", "one"], ["2", "two"], ["3", "three"]],
        [["no", "body"]],
        [],
    ):
        assert not holds_names(rows), rows


def test_the_error_of_a_missing_column_says_what_to_do():
    told = str(lacks_column("new.csv", ["id", "body"], "text", "review"))
    assert "has the columns id, body; the run reads its text in column 'review'" in told
    assert "--set text=COLUMN" in told and len(told) < 300
