"""The sound of a score."""

import io
import wave
from fractions import Fraction

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.score import Note, Score
from unroll.tasks.music.synthesiser import RATE, score_to_wav, synthesise, synthesise_note

TUNE = "X:1\nT:A & B\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nA2c2|e4|]\n"


def loudest(samples):
    """The frequency of the strongest partial, in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * RATE / len(samples)


def test_notes_have_their_pitches_and_times():
    y = synthesise(abc_score(TUNE))
    assert len(y) == pytest.approx(4 * RATE, rel=0.05)
    for start, hertz in ((0, 440), (1, 523.25), (2, 659.26)):
        assert loudest(y[int((start + 0.1) * RATE) : int((start + 0.9) * RATE)]) == pytest.approx(
            hertz, abs=3
        )
    assert np.abs(y).max() == pytest.approx(0.9)
    assert abs(y[0]) < 1e-6 and abs(synthesise_note(440, 1.0)[-1]) < 1e-3  # no clicks


def test_the_file_is_a_wav_of_sixteen_bits():
    with wave.open(io.BytesIO(score_to_wav(abc_score(TUNE)))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() == pytest.approx(4 * RATE, rel=0.05)


def test_silence_and_hours():
    assert not synthesise(Score("", (), length=Fraction(1))).any()
    with pytest.raises(UserError, match="minutes"):
        synthesise(Score("", (Note(Fraction(0), Fraction(9000), 60),)))
