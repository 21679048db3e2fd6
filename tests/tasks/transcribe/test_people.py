"""Whole speakers are held out, and found by the name of their column."""

from pathlib import Path

import pytest

from unroll.errors import UserError
from unroll.tasks.transcribe.batches import TranscribeRecord
from unroll.tasks.transcribe.people import are_known, choose_validation, column_of_people


def test_the_column_of_people():
    assert column_of_people(["path", "who"], "who") == "who"
    assert column_of_people(["path", "client_id"], None) == "client_id"
    assert column_of_people(["path", "who"], None) is None


def test_a_person_is_in_one_set():
    records = [TranscribeRecord(Path(), "a", "", "", 1, 1, "", f"p{k % 20}") for k in range(100)]
    chosen, where = choose_validation(records, "who", "x.csv")
    held = {record.person for record, out in zip(records, chosen, strict=True) if out}
    assert len(held) == 2 and chosen.sum() == 10
    assert where == "those of 2 of 20 in column who of x.csv"
    chosen, where = choose_validation(records, None, "x.csv")
    assert chosen.sum() == 10 and where == "a tenth of the records of x.csv"


def test_one_person_is_no_validation_set():
    records = [TranscribeRecord(Path(), "a", "", "", 1, 1, "", "p")] * 3
    with pytest.raises(UserError, match="several groups"):
        choose_validation(records, "who", "x.csv")
    assert len(choose_validation([], "who", "x.csv")[0]) == 0


def test_known_people():
    assert are_known(["a", "b"]) and not are_known(["a", "a"]) and not are_known(["a", ""])
