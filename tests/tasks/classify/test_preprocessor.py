"""What was learned from the training set comes back from its files, and checks what it is given."""

import numpy as np
import pytest

from unroll.data.series import Scaler
from unroll.errors import UserError
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor, prepare_text
from unroll.training.files import write_folder


def test_a_preprocessor_comes_back_from_its_files(tmp_path, write_reviews, begin):
    for given in ({}, {"level": "bpe"}, {"level": "char", "lower": False}):
        _, data, _ = begin(write_reviews(tmp_path / "train.csv", 50), **given)
        write_folder(tmp_path / "run", data.preprocessor.files())
        again = ClassifyPreprocessor.load(tmp_path / "run")
        assert again.classes == data.preprocessor.classes
        for text in ("Lovely film!", "never-seen words"):
            assert again.encode(text).tolist() == data.preprocessor.encode(text).tolist()


def test_a_folder_without_classes_is_refused(tmp_path):
    write_folder(tmp_path / "run", {})
    with pytest.raises(UserError, match=r"classes\.json is missing"):
        ClassifyPreprocessor.load(tmp_path / "run")


def test_numbers_are_checked():
    numbers = ClassifyPreprocessor(["a", "b"], scaler=Scaler(["x", "y"], [0, 0], [1, 1]))
    assert numbers.check_input("[[1, 2], [3, 4]]").tolist() == [[1, 2], [3, 4]]
    for wrong in ("[[1], [2]]", "no JSON", [[1, float("nan")]], [], [[1, 2], [3]], None):
        with pytest.raises(UserError, match=r"rows of 2 finite numbers \(x, y\)"):
            numbers.check_input(wrong)
    single = ClassifyPreprocessor(["a", "b"], scaler=Scaler(["x"], [0], [1]))
    assert single.check_input([1, 2]).shape == (2, 1)
    assert (numbers.step_unit, numbers.record_unit, numbers.inputs) == ("rows", "sequences", 2)


def test_classes_that_are_numbers_are_in_numeric_order(tmp_path, begin):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "one,10\ntwo,9\nthree,a\n" * 20)
    assert begin(str(path))[1].preprocessor.classes == ["9", "10", "a"]


def test_words_are_split_as_the_settings_say():
    assert prepare_text("A film, dull.", "word", "punctuation", True) == "a film , dull ."
    assert prepare_text("A  film, dull.", "word", "spaces", False) == "A film, dull."
    assert prepare_text("A  b", "char", "spaces", True) == "a  b"
    assert np.array_equal(ClassifyPreprocessor(["a"]).encode("text"), np.zeros(0))


def test_sequences_of_numbers_are_read_further_than_texts(tmp_path, begin):
    table = tmp_path / "long.csv"
    rows = [f"{n},{n % 2},{(n * k) % 7}" for n in range(1, 9) for k in range(1000)]
    table.write_text("\n".join(["id,label,x", *rows]))
    _, data, _ = begin(str(table), floor="none", id="id", label="label")
    assert data.preprocessor.longest == 4000 and data.train.lengths.max() == 1000
    _, data, _ = begin(str(table), floor="none", id="id", label="label", longest=30)
    assert data.train.lengths.max() == 30
