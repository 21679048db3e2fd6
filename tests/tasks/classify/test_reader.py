"""Which records are the training set and which the validation set, and which data is refused."""

import pytest

from unroll.errors import UserError
from unroll.tasks.classify.description import describe_data


def test_a_label_that_is_nowhere_else_stays_in_the_training_set(tmp_path, begin):
    path = tmp_path / "rare.csv"
    rows = [f"{'w ' * (k % 9)}film {k % 30},{'ab'[k % 2]}" for k in range(100)]
    path.write_text("\n".join(["text,label", *rows, *(f"lone {k},r{k}" for k in range(30))]))
    _, data, _ = begin(str(path), label="label")
    assert data.kept_in_training > 0
    rare = {data.preprocessor.class_numbers[f"r{k}"] for k in range(30)}
    assert not rare & set(data.valid.targets.tolist())
    assert len(data.train) + len(data.valid) == 130


def test_an_unseen_label_in_the_validation_file_counts_as_wrong(tmp_path, write_reviews, begin):
    path = write_reviews(tmp_path / "train.csv", 40)
    other = tmp_path / "valid.csv"
    other.write_text("review,stars\nfilm,fine\nfilm,odd\n")
    settings, data, _ = begin(path, valid=str(other))
    assert data.valid.unseen_labels == ["odd"] and data.valid.targets.tolist() == [0, -1]
    told = " ".join(describe_data(data, settings))
    assert "1 record of the validation set with a label that the training set does not have" in told
    other.write_text("review,stars\nfilm,odd\n")
    with pytest.raises(UserError, match="expected some of each"):
        begin(path, valid=str(other))


def test_long_records_are_refused_where_asked(tmp_path, write_reviews, begin):
    with pytest.raises(UserError, match="expected at most 2"):
        begin(write_reviews(tmp_path / "train.csv", 40), longest=2, too_long="refuse")


@pytest.mark.parametrize(
    "content,expected",
    [
        ("text,label\n" + "one,a\n" * 9, "1 different labels; expected at least 2"),
        ("text,label\n" + "one,1\ntwo,1.0\n" * 9, "1 different labels; expected at least 2"),
        ("text,label\n", "0 records"),
        (
            "text,label\n" + "".join(f"one,{k}\n" for k in range(30)),
            "30 different labels in column label in 30 records",
        ),
    ],
)
def test_too_little_is_refused(tmp_path, begin, content, expected):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=expected):
        begin(str(path))


def test_counts_are_added_for_words_and_pieces_of_words(tmp_path, write_reviews, begin):
    path = write_reviews(tmp_path / "train.csv", 40)
    assert begin(path)[1].preprocessor.counts is not None
    assert begin(path, level="char")[1].preprocessor.counts is None
    assert begin(path, counts=False)[1].preprocessor.counts is None
    assert begin(path, readout="ridge")[1].preprocessor.counts is None


def test_whole_groups_are_held_out(tmp_path, begin):
    rows = [f"word{k} {'good bad'.split()[k % 2]},{k % 2},speaker{k % 5}" for k in range(100)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label,who", *rows]))
    _, data, _ = begin(str(path), by="who")
    spoken = [{text.split()[0] for text in each.texts} for each in (data.train, data.valid)]
    speakers = [{int(word[4:]) % 5 for word in each} for each in spoken]
    assert len(speakers[1]) == 1 and not speakers[0] & speakers[1]
    assert data.validation_set == "those of 1 of 5 in column who of t.csv"
    with pytest.raises(UserError, match="--by got 'nobody'"):
        begin(str(path), by="nobody")
    (tmp_path / "one.csv").write_text("text,label,who\n" + "good,1,a\nbad,0,a\n" * 9)
    with pytest.raises(UserError, match="expected several groups"):
        begin(str(tmp_path / "one.csv"), by="who")


def test_whole_groups_of_sequences_are_held_out(tmp_path, begin):
    rows = [f"s{k},{t},{(-1) ** k * t},{k % 2},{k % 4}" for k in range(24) for t in range(3)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["name,x,y,kind,person", *rows]))
    _, data, _ = begin(str(path), id="name", label="kind", by="person", columns="x,y")
    assert len(data.valid) == 6 and data.preprocessor.scaler.names == ["x", "y"]
