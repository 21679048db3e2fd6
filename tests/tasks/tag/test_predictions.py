"""What a file holds to tag, and how predictions are written."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.predictions import (
    TagInput,
    TagPrediction,
    check_input,
    format_prediction,
    is_prose,
)
from unroll.tasks.tag.preprocessor import TagPreprocessor

PREPROCESSOR = TagPreprocessor.learn([Sentence(("Rome", "fell"), ("N", "V"))], ["N", "V"])


def test_a_prediction_is_json_and_can_be_written_after_it():
    input = TagInput(Sentence(("New", "York", "fell")))
    prediction = TagPrediction(input, ["B-x", "I-x", "O"], [0.9, 0.8, 0.7], are_spans=True)
    assert prediction["spans"] == [{"type": "x", "text": "New York", "start": 0, "end": 2}]
    again = json.loads(json.dumps(prediction))
    assert (
        format_prediction(again)
        == format_prediction(prediction)
        == ("New\tB-x\nYork\tI-x\nfell\tO\n")
    )
    assert "spans" not in TagPrediction(input, ["N", "N", "V"], [1, 1, 1], are_spans=False)


def test_prose_is_told_from_columns():
    assert is_prose(["She left San Marino.", "", "He saw Oslo, too."])
    assert not is_prose(["She O", "left O", "", "He O", "left O"])
    assert not is_prose(["She", "left"]) and not is_prose([""])


def test_a_text_is_split_and_one_without_words_is_refused():
    assert check_input("Rome fell.", PREPROCESSOR).sentence.words == ("Rome", "fell", ".")
    input = TagInput(Sentence(("Rome",)))
    assert check_input(input, PREPROCESSOR) is input
    with pytest.raises(UserError, match="has no word; expected a sentence"):
        check_input("  ", PREPROCESSOR)
