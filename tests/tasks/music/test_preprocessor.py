"""Tunes as token ids: nothing is lost, and keys are drawn as often as they occur."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.errors import UserError
from unroll.tasks.music.abc import field_value
from unroll.tasks.music.keys import parse_key
from unroll.tasks.music.preprocessor import MusicPreprocessor
from unroll.training.files import write_folder


@settings(max_examples=60)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back(text, abc):
    assert abc.decode(abc.encode(text)) == text


def test_a_tune_of_known_pieces_is_short_and_comes_back(data, tmp_path):
    assert len(data.train) == 11 and len(data.valid) == 1 and not data.untransposable
    for tune in data.train + data.valid:
        ids = data.preprocessor.encode(tune.text)
        assert data.preprocessor.decode(ids) == tune.text and len(ids) < 0.8 * len(tune.text)
    write_folder(tmp_path / "run", data.preprocessor.files())
    assert MusicPreprocessor.load(tmp_path / "run") == data.preprocessor


def test_keys_are_drawn_as_often_as_they_occur(data):
    draw, tune = np.random.default_rng(1), data.train[0].text
    drawn = [data.preprocessor.draw_key(tune, draw) for _ in range(300)]
    assert set(drawn) == {"G", "D", "A"}  # the minor key is for minor tunes
    for target in set(drawn):
        transposed = data.preprocessor.transpose(tune, target)
        key = field_value(transposed, "K")
        assert parse_key(target).fifths == parse_key(key).fifths


def test_a_damaged_file_is_named(tmp_path):
    write_folder(tmp_path / "run", {"tokens.json": b'{"notation": "abc"'})
    with pytest.raises(UserError, match=r"tokens\.json is incomplete"):
        MusicPreprocessor.load(tmp_path / "run")


def test_a_tune_is_encoded_once_and_stays_known_with_other_n_grams(abc, monkeypatch):
    tune = "X:5\nK:G\nG2B|\n"
    ids = abc.encode(tune)
    monkeypatch.setattr(type(abc), "_encode", None)
    other = abc.with_floor(abc.floor)
    assert other == abc and other.encode(tune) is ids and not ids.flags.writeable
