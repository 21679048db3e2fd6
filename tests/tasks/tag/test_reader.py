"""Which sentences are the training set and which the validation set."""

import pytest

from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.reader import read_data, split_long, tell_unseen_tags
from unroll.tasks.tag.settings import TagSettings


def test_a_tenth_is_the_validation_set(file):
    data = read_data(str(file), TagSettings(), [].append)
    assert (len(data.train), len(data.valid)) == (36, 4)
    assert data.words == sum(len(s.words) for s in data.train)
    again = read_data(str(file), TagSettings(), [].append, data.preprocessor)
    assert again.sha256 == data.sha256 and again.preprocessor is data.preprocessor


def test_a_span_across_a_border_becomes_two():
    sentence = Sentence(("a", "b", "c"), ("B-x", "I-x", "I-x"), rows=(0, 1, 2))
    pieces, count = split_long([sentence, Sentence(("d",), ("O",))], 2, "BIO")
    assert [(s.words, s.tags) for s in pieces] == [
        (("a", "b"), ("B-x", "I-x")),
        (("c",), ("B-x",)),
        (("d",), ("O",)),
    ]
    assert count == 1 and pieces[1].line(0) == 3
    assert split_long([sentence], None, "BIO") == ([sentence], 0)


def test_unseen_types_are_told(file):
    preprocessor = read_data(str(file), TagSettings(), [].append).preprocessor
    sentences = [Sentence(("a",), ("I-place",)), Sentence(("a", "b"), ("B-person", "O"))]
    told = []
    tell_unseen_tags(sentences[:1], "new.conll", preprocessor, told.append)
    assert told == []
    tell_unseen_tags(sentences, "new.conll", preprocessor, told.append)
    assert told == [
        "new.conll: 1 word has a tag that the training set does not have (B-person); they count as wrong."
    ]


def test_the_validation_file_has_the_columns_of_the_training_file(tmp_path):
    train, valid = tmp_path / "train.conll", tmp_path / "valid.conll"
    train.write_text("N a x\n\nV b x\n")
    valid.write_text("V a y\n")
    data = read_data(str(train), TagSettings(word=2, tag="1", valid=str(valid)), [].append)
    assert data.valid[0].words == ("a",) and data.valid[0].tags == ("V",)
    assert data.validation_set == str(valid)
    valid.write_text("a\n")
    with pytest.raises(UserError, match="has 1 columns; expected the word in column 2"):
        read_data(str(train), TagSettings(word=2, tag="1", valid=str(valid)), [].append)


def test_one_odd_tag_is_a_bad_record_of_the_scheme_of_the_others(tmp_path, news):
    path = tmp_path / "odd.conll"
    rows = news().split("\n")
    rows[1] = rows[1].removesuffix("O") + "0"
    path.write_text("\n".join(rows))
    with pytest.raises(UserError, match=r"line 2: the tag '0' of '\w+' is not of BIO") as caught:
        read_data(str(path), TagSettings(), print)
    assert len(str(caught.value)) < 300 + len(str(path))
    told = []
    data = read_data(str(path), TagSettings(skip_bad=True), told.append)
    assert (data.scheme.name, len(data.train) + len(data.valid)) == ("BIO", 39)
    assert "line 2: the tag '0'" in told[1]
    data = read_data(str(path), TagSettings(scheme="none"), print)
    assert data.preprocessor.scheme is None
    assert "0" in data.preprocessor.labels
    # a run that learned the tags as they stand is resumed with all sentences
    again = read_data(str(path), TagSettings(), print, data.preprocessor)
    assert len(again.train) + len(again.valid) == 40
