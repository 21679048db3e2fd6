"""Which columns hold sources and targets, and which tables hold none."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.translate.pair_columns import (
    PairNames,
    find_pair_columns,
    find_source_column,
    is_language,
    named_pair,
)

ROWS = [["Run!", "Courez !"], ["Stop!", "Stop !"], ["Wait!", "Attends !"]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("source", "target"), (0, 1)),
        (("tgt", "id", "src"), (2, 0)),
        (("en", "fr"), (0, 1)),
        (("id", "French", "English", "German"), (1, 2)),
        (("en_GB", "zh-Hans"), (0, 1)),
        (("en", "en"), None),
        (("text", "label"), None),
        (("id", "word"), None),
        (("text", "translation"), (0, 1)),
        (("question", "answer"), (0, 1)),
        (("English words/sentences", "French words/sentences"), (0, 1)),
        (("id", "german_text", "English translation (text)"), (1, 2)),
        (("English", "English text", "French"), (0, 2)),
        (("English", "French sentence"), (0, 1)),
        (("English text", "English sentence"), None),
        (("English breakfast", "French toast"), None),
    ],
)
def test_names_that_tell(names, expected):
    assert named_pair(names) == expected


def test_codes_with_more_behind_them_are_words():
    assert is_language("pt-BR")
    assert not is_language("enough")
    assert not is_language("el-ephant")


def test_a_first_row_whose_words_come_back_is_no_header():
    rows = [["he", "el"], ["she", "ella"], ["he", "le"]]
    assert not find_pair_columns(rows, None, "a").header
    assert find_pair_columns([["en", "fr"], *ROWS], None, "a").header


def test_columns_of_numbers_and_of_few_values_are_passed_over():
    rows = [[str(k), "eng", f"text {k}", str(10 * k), "fra", f"texte {k}"] for k in range(9)]
    found = find_pair_columns(rows, None, "a")
    assert (found.source, found.target) == (2, 5)
    assert found.others() == ["1", "2", "4", "5"]


def test_one_column_that_is_given_chooses_the_other():
    for given, expected in (
        ({"source": "2"}, (1, 0)),
        ({"target": "1"}, (1, 0)),
        ({"source": "1"}, (0, 1)),
        ({"source": "fr", "target": "en"}, (1, 0)),
    ):
        found = find_pair_columns(ROWS, ("en", "fr"), "a", **given)
        assert (found.source, found.target) == expected
    with pytest.raises(UserError, match="--target=de is not a column of a; expected one of en, fr"):
        find_pair_columns(ROWS, ("en", "fr"), "a", target="de")
    with pytest.raises(UserError, match="both column 1 of a"):
        find_pair_columns(ROWS, ("en", "fr"), "a", source="1", target="en")


def test_fields_of_an_object_are_columns():
    rows = [["1", json.dumps({"en": a, "fr": b})] for a, b in ROWS]
    found = find_pair_columns(rows, ("id", "translation"), "a")
    assert (found.names, found.nested) == (("en", "fr"), 1)
    assert found.cells(["1", {"fr": "b", "en": "a"}]) == ["a", "b"]
    assert found.cells(["1", None]) == [None, None]


def test_many_columns_without_known_names_are_asked():
    assert find_pair_columns([["a", "b", "c"]] * 3, ("one", "two", "three"), "a") is None
    assert find_pair_columns([["1", "2"]] * 3, None, "a") is None
    assert find_pair_columns([], None, "a") is None


def test_inputs_need_only_a_source():
    assert find_source_column(ROWS, ("en", "fr"), "a", "fr").source == 1
    assert find_source_column([["Run!"], ["Stop!"]], ("words",), "a", "en").source == 0
    assert find_source_column([["1", "Run!"], ["2", "Stop!"]], ("id", "text"), "a").source == 1
    with pytest.raises(UserError, match="name it as in the training set, en"):
        find_source_column([["a", "b", "c"]], ("x", "y", "z"), "a", "en")


TEXTS = [["1", "one dog", "un chien"], ["2", "two cats", "deux chats"], ["3", "a car", "une auto"]]


def test_further_data_is_read_in_the_columns_of_the_run(caplog):
    run = PairNames("en", "fr")
    assert run.of(ROWS, ("fr", "en"), "a") == ("en", "fr")
    assert run.of([["fr", "en"], *ROWS], None, "a") == ("en", "fr")
    assert run.of(ROWS, None, "a") == (None, None)  # no names: by place
    assert PairNames("1", "2").of(ROWS, ("fr", "en"), "a") == ("1", "2")
    assert PairNames().of(ROWS, ("fr", "en"), "a") == (None, None)
    assert not caplog.text
    assert run.of(TEXTS, ("no", "english", "fr"), "a") == ("english", "fr")
    assert "column 'english' is read as the source" in caplog.text
    assert run.of([["english"], ["one dog"]], None, "a", with_target=False)[0] is None


def test_other_columns_than_those_of_the_run_are_no_guess():
    for rows, names in ((TEXTS, ("no", "a", "b")), ([["no", "a", "b"], *TEXTS], None)):
        with pytest.raises(UserError, match="columns no, a, b; the run reads its source in"):
            PairNames("en", "fr").of(rows, names, "new")
    with pytest.raises(UserError, match="the run reads its target in column 'fr'"):
        PairNames("en", "fr", {"target"}).of(TEXTS, ("no", "en", "french"), "new")
    assert (
        PairNames("en", "fr", {"source"}).of(ROWS, None, "new")[0] == "en"
    )  # told when it is read
