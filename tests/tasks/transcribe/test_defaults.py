"""What is left open gets a value; a language model that does not fit is refused before training."""

import pytest

import unroll
from unroll.errors import UserError


def test_columns_and_units_are_those_that_were_found(speech_data):
    data, settings = speech_data()
    assert (settings.audio, settings.text, settings.units) == ("path", "words", "char")
    assert settings.rate == 8000 and settings.subsample == data.preprocessor.subsample
    assert settings.dropout == 0.3 and settings.learning_rate == 3e-3 and settings.epochs == 40
    assert (settings.speed, settings.vocal_tract, settings.noise) == (0.15, 0.2, 0.5)
    given = speech_data(speed=0.0, noise=0.2)[1]
    assert (given.speed, given.noise, given.masks) == (0.0, 0.2, 0.2)
    assert speech_data(dropout=0.1, steps=5, optimizer="sgd")[1].epochs is None


def test_a_language_model_that_does_not_fit_is_refused_before_training(tmp_path, write_speech):
    (tmp_path / "text.txt").write_text("low top high\n" * 200)
    language = {"steps": 1, "hidden": 8, "embedding": 8, "threads": 1, "quiet": True}
    bpe = unroll.train(
        tmp_path / "text.txt", tmp_path / "bpe", level="bpe", task="language", **language
    )
    path = write_speech(tmp_path, 12)
    for model, given, sentence in [
        (bpe.path, {}, "beam=16"),
        (bpe.path, {"beam": 4}, "characters or words"),
        (tmp_path, {"beam": 4}, "not a run folder"),
    ]:
        with pytest.raises(UserError, match=sentence):
            unroll.train(
                path, tmp_path / "run", language_model=str(model), hidden=8, quiet=True, **given
            )
    assert not (tmp_path / "run").exists()
