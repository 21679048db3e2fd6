"""Sentences of tables whose rows are words, and of texts without tags."""

from unroll.data.files.rows import Row, TableRows
from unroll.data.problems import Problems
from unroll.tasks.tag.table_form import TableForm
from unroll.tasks.tag.table_sentences import read_table_sentences


def table(*rows):
    return TableRows("t", None, lambda problems: (Row(line, list(cells)) for line, *cells in rows))


def test_line_ends_in_cells_are_no_blank_lines():
    form = TableForm("rows of words", ("word", "tag"), True, 0, 1)
    rows = table((1, "word", "tag"), (2, "a", "X"), (3, "b\nc", "X"), (5, "d", "Y"), (7, "e", "Z"))
    found = list(read_table_sentences(rows, form, Problems()))
    assert [s.words for s in found] == [("a", "b\nc", "d"), ("e",)]
    assert [s.line(len(s.words) - 1) for s in found] == [5, 7]


def test_texts_are_split_as_the_training_set_is():
    form = TableForm("spans", ("text",), False, 0, None)
    rows = table((1, "isn't it?"))
    (found,) = read_table_sentences(rows, form, Problems(), tags=False, known={"is", "n't"})
    assert found.words == ("is", "n't", "it", "?")


def test_short_rows_and_documents():
    form = TableForm("rows of words", ("s", "word", "tag"), False, 1, 2, sentence=0)
    rows = table((1, "1", "-DOCSTART-", "O"), (2, "2", "a", "X"), (3, "2"), (4, "3", "b", "Y"))
    problems = Problems(skip=True)
    found = list(read_table_sentences(rows, form, problems))
    assert [s.words for s in found] == [("b",)]
    assert "line 3: the word in column 'word' is empty" in problems.messages()[1]


def test_a_text_with_another_number_of_tags_is_a_bad_record():
    form = TableForm("lists", ("Sentence", "Tag"), True, 0, 1, split=True)
    rows = table(
        (1, "Sentence", "Tag"), (2, "It rains .", "['O', 'X', 'O']"), (3, "a", "['O', 'X']")
    )
    problems = Problems(skip=True)
    found = list(read_table_sentences(rows, form, problems))
    assert [s.words for s in found] == [("It", "rains", ".")]
    assert "line 3: 1 word and 2 tags; expected one tag a word" in " ".join(problems.messages())
