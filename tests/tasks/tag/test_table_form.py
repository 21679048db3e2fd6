"""Which columns of tables hold words and tags, and which tables are others."""

import pytest

from unroll.errors import UserError
from unroll.tasks.tag.table_form import find_table_form


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([["good", "1"], ["bad", "0"]], ("text", "label")),
        ([["good film", '["x", "y", "z"]'], ["bad", '["x", "z"]']], ("text", "labels")),
        ([["[1, 2]", "a"], ["[3]", "b"]], ("values", "label")),
        ([["Run!", "Courez !"]], None),
        ([["1", "2"], ["3", "4"]], None),
        ([], ("a",)),
        ([[]], None),
    ],
)
def test_other_tables(rows, names):
    assert find_table_form(rows, names) is None


def test_the_first_known_name_that_fits_is_chosen():
    rows = [["[1, 2]", '["a", "b"]', "[3, 4, 5]", '["X", "Y"]', "id"]] * 3
    form = find_table_form(rows, ("numbers", "tokens", "tags", "pos_tags", "text"))
    assert form.settings() == ("tokens", "pos_tags")
    form = find_table_form(rows, ("numbers", "tokens", "tags", "pos_tags", "text"), tag="numbers")
    assert form.settings() == ("tokens", "numbers")
    with pytest.raises(UserError, match="a number from 1 to 5"):
        find_table_form(rows, ("numbers", "tokens", "tags", "pos_tags", "text"), word="7")


def test_a_sentence_may_have_no_span():
    rows = [["a b", "[]"], ["a b", '[[0, 1, "x"]]'], ["c", ""]]
    assert find_table_form(rows, ("text", "label")).kind == "spans"


def test_inputs_need_no_tags():
    form = find_table_form([["1", "She left."], ["2", "He left."]], ("id", "text"), tagged=False)
    assert (form.kind, form.settings()) == ("spans", ("text", None))
    assert form.description() == "texts in 'text', no tags"
    form = find_table_form([['["She", "left"]']], ("tokens",), tagged=False)
    assert (form.kind, form.tag) == ("lists", None)


NAMES = ("Sentence #", "Sentence", "POS", "Tag")
SENTENCES = [
    ["Sentence: 1", "She saw Acme .", "['PRP', 'VBD', 'NNP', '.']", "['O', 'O', 'B-ORG', 'O']"],
    ["Sentence: 2", "It rains", "['PRP', 'VBZ', '.']", "['O', 'O', 'O']"],
]


def test_words_are_the_text_where_both_lists_are_tags():
    for names, places in ((NAMES, (0, 1, 2, 3)), ((*NAMES[:2], "Tag", "POS"), (0, 1, 3, 2))):
        rows = [[row[k] for k in places] for row in SENTENCES]
        form = find_table_form(rows, names)
        assert form.settings() == ("Sentence", "Tag") and form.split
    for given, expected in (
        ({"tag": "POS"}, ("Sentence", "POS")),
        ({"word": "POS"}, ("POS", "Tag")),
        ({"word": "POS", "tag": "Tag"}, ("POS", "Tag")),
    ):
        assert find_table_form(SENTENCES, NAMES, **given).settings() == expected
    without = [row[2:] for row in SENTENCES]
    assert find_table_form(without, NAMES[2:]).settings() == ("POS", "Tag")
