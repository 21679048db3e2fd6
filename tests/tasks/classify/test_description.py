"""What is expected about data, before training and by `unroll data check`."""

import json
from pathlib import Path

from unroll.tasks.classify.description import check_data, describe_data, describe_spellings
from unroll.tasks.classify.settings import ClassifySettings


def test_what_is_truncated_and_repeated_is_said(tmp_path, begin):
    path = tmp_path / "data.csv"
    rows = [f"{'w ' * (k % 9)}film {k % 30},{'ab'[k % 2]}" for k in range(100)]
    path.write_text("\n".join(["text,label", *rows]))
    settings, data, _ = begin(str(path), longest=5)
    description = "\n".join(describe_data(data, settings))
    assert "Training set: 90 texts. Validation set: 10 texts, a tenth of the" in description
    assert "are truncated to their first 5 words (--set longest=N)" in description
    assert "texts of the validation set are in the training set too" in description
    assert "2 classes: " in description and "Small data: 16 epochs" in description


def test_records_that_stay_in_the_training_set_are_said(tmp_path, begin):
    path = tmp_path / "rare.csv"
    rows = [f"film {k},{'ab'[k % 2]}" for k in range(100)]
    path.write_text("\n".join(["text,label", *rows, *(f"lone {k},r{k}" for k in range(30))]))
    settings, data, _ = begin(str(path), label="label")
    description = "\n".join(describe_data(data, settings))
    assert "because no other record has their label" in description
    assert "class_weights=balanced gives all classes the same weight" in description


def test_check_counts_bad_records_and_stops_at_none(tmp_path, write_reviews):
    path = write_reviews(tmp_path / "train.csv", 40)
    with Path(path).open("a") as file:
        file.write("lonely\nfilm,\n")
    found = check_data(path, ClassifySettings())
    assert found["rows"] == 40 and found["labels"] == {"poor": 20, "fine": 20}
    assert found["bad"] == 2 and "line 42" in found["problems"][0]
    json.dumps(found)


def test_classes_that_differ_only_in_case_are_told():
    assert describe_spellings(["pos", "neg"]) == []
    (told,) = describe_spellings(["Pos", "pos", "neg", "new  york", "New York"])
    assert "Pos/pos" in told and "new  york/New York" in told
