"""Where records come from, and in which columns."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.source import find_source, new_source, validation_source


def texts(source):
    from unroll.data.problems import Problems

    return [(record.value, record.labels) for record in source.read(Problems())]


def test_a_table_can_be_read_twice(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("review,stars\ngood,5\nbad,1\n")
    source = find_source(path, ClassifySettings())
    assert texts(source) == texts(source) == [("good", ("5",)), ("bad", ("1",))]
    assert (source.text, source.label, source.number_columns) == ("review", "stars", None)


def test_a_folder_for_each_class(tmp_path):
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(f"a {name} film")
    source = find_source(tmp_path, ClassifySettings())
    assert texts(source) == [("a bad film", ("bad",)), ("a good film", ("good",))]


def test_numbers_in_one_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,x,y,kind\na,1,2,up\na,3,4,up\nb,5,6,down\n")
    settings = ClassifySettings(id="name", label="kind")
    source = find_source(path, settings)
    assert source.number_columns == ("x", "y") and len(texts(source)) == 2
    with pytest.raises(UserError, match="column kind does not hold numbers"):
        find_source(path, settings.model_copy(update={"columns": "x, kind", "label": "y"}))
    rows = [("a", 1, 2, "up"), ("a", 3, 4, "up"), ("b", 5, 6, "down")]
    objects = [dict(zip(("name", "x", "y", "kind"), row, strict=True)) for row in rows]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, objects)))
    assert str(texts(find_source(tmp_path / "t.jsonl", settings))) == str(texts(source))


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no file or folder"):
        find_source(tmp_path / "nowhere.csv", ClassifySettings())
    (tmp_path / "t.pdf").write_text("x")
    with pytest.raises(UserError, match="is not a table; expected"):
        find_source(tmp_path / "t.pdf", ClassifySettings())


def test_new_data_may_have_other_columns_unless_they_are_given(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("id,text\n1,one film\n2,two songs\n")
    settings = ClassifySettings(text="review", label="stars")
    source = new_source(str(path), settings, labelled=False)
    assert [value for value, _ in texts(source)] == ["one film", "two songs"]
    with pytest.raises(UserError, match="nowhere"):
        new_source(str(path), settings, labelled=False, text="nowhere")


def test_another_column_is_no_guess_where_the_run_named_one(tmp_path, caplog):
    path = tmp_path / "new.csv"
    path.write_text("text,label\none film,1\ntwo songs,0\none film,1\ntwo songs,0\n")
    settings = ClassifySettings(text="comment", label="label")
    with pytest.raises(UserError, match="no column 'comment', which the run reads as its text"):
        new_source(str(path), settings, labelled=True, named={"text"})
    assert new_source(str(path), settings, labelled=True).text == "text"
    assert "column 'text' is read as the text" in caplog.text
    with pytest.raises(UserError, match="no column 'comment'"):
        path.write_text("city,label\nRome,1\nOslo,0\n")
        new_source(str(path), settings, labelled=True)
    path.write_text("one film\ntwo songs\n")
    assert len(texts(new_source(str(path), settings, labelled=False, named={"text"}))) == 2


def test_the_validation_file_has_the_columns_of_the_training_data(tmp_path):
    for name in ("train.csv", "valid.csv"):
        (tmp_path / name).write_text("one,two,stars\na b,c d,5\ne f,g h,1\n")
    settings = ClassifySettings(valid=str(tmp_path / "valid.csv"), text="two")
    training = find_source(tmp_path / "train.csv", settings)
    assert validation_source(settings.model_copy(update={"text": None}), training).text == "two"


def test_a_long_table_of_sensors_with_a_clock(tmp_path):
    path = tmp_path / "t.csv"
    lines = [
        f"rec{n},{1000 * n + k},2024-01-01 10:00:{k:02},{k % 3},{'ab'[n % 2]}"
        for n in range(4)
        for k in range(20)
    ]
    path.write_text("rec,timestamp,clock,x,kind\n" + "\n".join(lines))
    settings = ClassifySettings(id="rec", label="kind")
    source = find_source(path, settings)
    assert source.number_columns == ("x",)
    assert any("left out: timestamp, clock" in said for said in source.guesses)
    back = find_source(path, settings.model_copy(update={"columns": "x,timestamp"}))
    assert back.number_columns == ("x", "timestamp")
    assert not any("left out" in said for said in back.guesses)


def test_names_that_are_no_usual_ones_are_no_text(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("no,opinion_txt\n1,one film\n2,two songs\n")
    settings = ClassifySettings(text="review", label="stars")
    with pytest.raises(UserError, match="columns no, opinion_txt; the run reads its text in"):
        new_source(str(path), settings, labelled=False)
    path.write_text("one film\ntwo songs\n")
    assert [text for text, _ in texts(new_source(str(path), settings, labelled=False))] == [
        "one film", "two songs"
    ]  # fmt: skip
