"""Tables of a text and its category: columns by number or name, trouble with its line number."""

import pytest

from unroll.data.table import find_line_columns, line_records
from unroll.data.text import text_source
from unroll.errors import UserError


@pytest.fixture
def table(tmp_path):
    def table(content, name="t.tsv"):
        (tmp_path / name).write_text(content)
        return text_source(tmp_path / name)

    return table


PLAIN = "Anna\tfemale\nBen\tmale\n\nEva\tfemale\n"
NAMED = "id,name,sex\n1,Anna,f\n2,Ben,m\n"


def refusal(source, condition, text=None):
    with pytest.raises(UserError) as error:
        list(line_records(source, find_line_columns(source, condition, text)))
    return str(error.value)


def test_lines_without_columns_are_whole_and_blank_ones_left_out(table):
    assert list(line_records(table("a\tb\n\n \nc\n"), None)) == [("a\tb", None), ("c", None)]


def test_columns_by_number_count_from_one(table):
    source = table(PLAIN)
    expected = [("Anna", "female"), ("Ben", "male"), ("Eva", "female")]
    assert list(line_records(source, find_line_columns(source, "2", None))) == expected
    assert list(line_records(source, find_line_columns(source, "2", "1"))) == expected


def test_columns_by_name_take_the_first_line_as_header(table):
    source = table(NAMED, "t.csv")
    expected = [("Anna", "f"), ("Ben", "m")]
    assert list(line_records(source, find_line_columns(source, "sex", "name"))) == expected
    assert list(line_records(source, find_line_columns(source, "3", "name"))) == expected


@pytest.mark.parametrize(
    ("content", "condition", "text", "said"),
    [
        (PLAIN, "3", None, "--condition got '3'; "),
        (PLAIN, "0", None, "has the columns 1 to 2 (Anna, female)"),
        (NAMED, "age", "name", "--condition got 'age'"),
        (NAMED, "sex", "nom", "--text got 'nom'"),
        (NAMED, "sex", None, "say which one holds the text with --text NUMBER"),
        (NAMED, "sex", "3", "name the same column"),
        ("no columns\nhere\n", "1", None, "has one column"),
    ],
)
def test_columns_that_are_not_there_are_refused(table, content, condition, text, said):
    assert said in refusal(table(content), condition, text)


def test_ragged_lines_are_named_with_their_number(table, tmp_path):
    assert "t.tsv, line 4: 3 columns where the first line has 2" in refusal(
        table("a\tx\nb\ty\n\nc\tx\ty\n"), "2"
    )
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.txt").write_text("a\tx\n")
    (folder / "b.txt").write_text("b\tx\nc\n")
    assert "b.txt, line 2: 1 columns" in refusal(text_source(folder), "2")


def test_a_column_of_free_text_is_no_category(table):
    rows = "".join(f"name{n}\t{'mf'[n % 2]}\n" for n in range(30))
    said = refusal(table(rows), "1")
    assert "30 different values in 30 lines" in said and "did you mean --condition 2?" in said
    source = table(rows)
    assert len(list(line_records(source, find_line_columns(source, "2", None)))) == 30


def test_json_lines_are_no_table(table):
    with pytest.raises(UserError, match="is JSON lines"):
        list(line_records(table('{"text": "a"}\n', "t.jsonl"), None))
