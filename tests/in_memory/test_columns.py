import pytest
from PIL import Image

from unroll.errors import UserError
from unroll.in_memory.columns import (
    decided_task,
    fit_to_task,
    in_columns_of,
    labelled_columns,
    renamed_like,
    sentence_starts,
    tagged_columns,
    tagged_in,
)
from unroll.in_memory.forms import MemoryTexts, recognise
from unroll.in_memory.tables import checked_table, read_columns

PAIRS = read_columns({"id": [1, 2], "en": ["a", "b"], "de": ["x", "y"]})


def test_the_form_decides_the_task_where_it_does():
    assert decided_task(MemoryTexts(["a"]))[0] == "language"
    assert decided_task(read_columns({"body": ["a", "b"]}))[0] == "language"
    assert decided_task(read_columns({"en": ["a", "b"], "de": ["x", "y"]}))[0] == "translate"
    assert decided_task(read_columns({"a": ["a", "b"], "label": ["x", "y"]})) is None
    assert decided_task(recognise(([[1.0], [2.0]], ["a", "b"])))[0] == "classify"
    assert decided_task(recognise(([[1.0], [2.0]], [["a"], ["b"]])))[0] == "frames"
    assert decided_task(read_columns({"words": [["a"]], "ner_tags": [["X"]]}))[0] == "tag"


def test_pairs_by_the_settings_by_name_or_the_first_two_texts():
    assert fit_to_task(PAIRS, "translate", {}).data.names == ("en", "de")
    fitted = fit_to_task(PAIRS, "translate", {"source": "de", "target": "en"})
    assert fitted.settings == {"source": "de", "target": "en"}
    named = read_columns({"target": ["x"], "note": ["n"], "source": ["a"]})
    assert fit_to_task(named, "translate", {}).data.names == ("source", "target")
    with pytest.raises(UserError, match="target='spam' is no column"):
        fit_to_task(PAIRS, "translate", {"target": "spam"})
    with pytest.raises(UserError, match="expected two of texts"):
        fit_to_task(read_columns({"a": [1], "b": ["x"]}), "translate", {})


def test_rows_of_words_become_sentences():
    table = read_columns(
        {"Sentence #": ["s1", None, "s2"], "Word": ["a", "b", "c"], "Tag": ["X", "Y", "Z"]}
    )
    fitted = fit_to_task(table, "tag", {})
    assert fitted.data.columns == ([["a", "b"], ["c"]], [["X", "Y"], ["Z"]])
    assert sentence_starts([1, 1, 2, 1]) == [0, 2, 3]
    assert tagged_columns(read_columns({"sentence": [1], "word": ["a"]})) is None
    assert tagged_columns(read_columns({"sentence": [1], "word": ["a"]}), with_tags=False) == (
        1,
        1,
        0,
    )


def test_texts_for_a_language_model():
    table = read_columns({"id": ["1", "2"], "body": ["a long text", None], "kind": ["x", "y"]})
    fitted = fit_to_task(table, "language", {})
    assert fitted.data.texts == ["a long text", ""] and "Text: column body" in fitted.messages[0]
    fitted = fit_to_task(table, "language", {"condition": "kind", "per_line": True})
    assert fitted.data.names == ("body", "kind")
    with pytest.raises(UserError, match="no column of texts"):
        fit_to_task(read_columns({"id": [1]}), "language", {})


def test_columns_of_a_small_table_need_no_proof():
    table = read_columns({"a": ["one two", "three"], "b": ["u", "u"]})
    assert labelled_columns(table, {"label": "b"}) == {"text": "a", "label": "b"}
    assert labelled_columns(table, {"id": "a"}) == {}


def test_media_get_the_names_of_training():
    table = recognise(([Image.new("L", (2, 2))], ["a dot"]))
    assert table.names == ("image", "caption")
    assert renamed_like(table, {"image": "photo", "text": "words"}).names == ("photo", "words")
    assert renamed_like(table, {"image": "image"}).names == ("image", "caption")
    assert renamed_like(PAIRS, {"image": "photo"}) is PAIRS


def test_a_series_without_times_is_told():
    for task, values in (("forecast", {}), (None, {"horizon": 2})):
        with pytest.raises(UserError, match="the column y alone; expected times beside it"):
            fit_to_task(read_columns({"y": [1.0, 2.0]}), task, values)


def test_further_tables_have_the_columns_of_a_run(caplog):
    run = {"source": "en", "target": "fr"}
    both = checked_table("DataFrame", ["fr", "en"], [["un", "deux"], ["one", "two"]])
    assert in_columns_of(both, run, ("source", "target"), ()) == run
    one = checked_table("DataFrame", ["no", "words"], [[1, 2], ["one", "two"]])
    assert in_columns_of(one, run, ("source",), ()) == {"source": "words"}
    assert "The DataFrame has no column 'en'; column 'words' is read as the source" in caplog.text
    other = checked_table("DataFrame", ["a", "b"], [["un", "deux"], ["one", "two"]])
    for table, named in ((one, {"source"}), (other, ())):
        with pytest.raises(UserError, match="the run reads its source in column 'en'"):
            in_columns_of(table, run, ("source", "target"), named)
    assert in_columns_of(other, {"source": "2"}, ("source",), ()) == {}
    run |= {"cell_options": {}, "valid": [other]}  # settings of any type
    assert in_columns_of(one, run, ("source",), ()) == {"source": "words"}


def test_words_and_tags_stand_alone():
    words, tags = [["a", "b"], ["c"]], [["X", "Y"], ["X"]]
    table = checked_table("DataFrame", ["tokens", "forms", "ner"], [tags, words, tags])
    found = tagged_in(table, "forms", "ner")
    assert found.names == ("tokens", "tags") and found.columns == (words, tags)
    rows = checked_table("DataFrame", ["sentence", "w", "t"], [[1, 1], ["a", "b"], ["X", "Y"]])
    assert tagged_in(rows, "w", "t").names == ("word", "tag", "sentence")
    assert tagged_in(rows, "w", None).names == ("word", "sentence")
    texts = checked_table("DataFrame", ["id", "body"], [[1], ["a b"]])
    assert tagged_in(texts, "body", None) is texts


def test_pairs_keep_the_column_of_the_group():
    table = read_columns({"en": ["a", "b"], "book": [1, None], "fr": ["c", "d"]})
    fitted = fit_to_task(table, "translate", {"source": "en", "target": "fr", "by": "book"}).data
    assert fitted.names == ("en", "fr", "book") and list(fitted.columns[2]) == ["1", ""]
