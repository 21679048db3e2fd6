"""What is said about tagged sentences, before training and by `unroll data check`."""

import json

from unroll.tasks.tag.description import check_data, describe_data, describe_scheme
from unroll.tasks.tag.reader import read_data
from unroll.tasks.tag.settings import TagSettings


def test_what_is_read_and_guessed_is_said(file):
    file.write_text(file.read_text() + "\n" + "\n".join(["word O"] * 30) + "\n\nrose I-place\n")
    settings = TagSettings(longest=20, batch_size=8, output="crf")
    data = read_data(str(file), settings, [].append)
    description = "\n".join(describe_data(data, settings))
    assert "2 columns, the word in column 1, the tag in column 2" in description
    assert "Training set: " in description and "Validation set: 4 sentences, a tenth" in description
    assert "Spans in BIO, 1 types: place. The network learns them in BIOES" in description
    assert "1 tag breaks BIO" in description
    assert "Split 1 sentence of more than 20 words" in description
    assert "of the validation set are in the training set too" in description


def test_check_counts_everything(file, news):
    file.write_text(news() + "\n" + "\n".join(["word O"] * 30) + "\n")
    found = check_data(str(file), TagSettings(longest=20))
    assert found["labels"] == {"place": 40}
    assert (found["scheme"], found["longest"], found["longer_than_allowed"]) == ("BIO", 30, 1)
    assert found["sentences"] >= 41
    file.write_text(news() + "bad row here\n\nrose I-place\n")
    found = check_data(str(file), TagSettings())
    assert "1 bad record is skipped:" in found["problems"]
    assert found["irregular"] == 1
    json.dumps(found)


def test_tags_that_nearly_are_spans_are_told(tmp_path, news):
    path = tmp_path / "many.conll"
    path.write_text(news().replace(". O", ". 0"))
    data = read_data(str(path), TagSettings(), [].append)
    said = describe_scheme(data)
    assert data.preprocessor.scheme is None
    assert "tags look like spans, and the others do not: 0. Correct them" in said[1]
