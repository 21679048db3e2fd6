"""How training changes sounds, and how far."""

import numpy as np
import pytest
import torch

from unroll.tasks.transcribe.log_mel import LogMel
from unroll.tasks.transcribe.perturbation import (
    FEW_SPEAKERS,
    MANY_SPEAKERS,
    Perturbation,
    draw_pitch,
    fitted_strengths,
    perturb,
    played,
    slowed,
)
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor

RATE = 8000
NOTHING = Perturbation(0.0, 0.0, 0.0, 0.0, 0.0)


def tone(frequency, seconds=0.5):
    return np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)


def loudest_frequency(samples):
    return np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)


def test_the_fewer_the_speakers_the_further_sounds_are_changed():
    assert fitted_strengths(2, 1.0) == fitted_strengths(5, 1.0) == FEW_SPEAKERS
    assert fitted_strengths(100, 1.0) == fitted_strengths(2000, 1.0) == MANY_SPEAKERS
    between = [fitted_strengths(count, 1.0)["vocal_tract"] for count in (5, 10, 30, 100)]
    assert between == sorted(between, reverse=True) and len(set(between)) == 4
    # unknown ones: as many as the hours may have
    assert fitted_strengths(None, 0.5) == FEW_SPEAKERS
    assert fitted_strengths(None, 20.0) == fitted_strengths(100, 0.0)


def test_a_sound_that_is_played_faster_is_higher_and_shorter():
    fast = played(tone(400), 1.25)
    assert len(fast) == pytest.approx(0.8 * RATE / 2, abs=1)
    assert loudest_frequency(fast) == pytest.approx(500, abs=3)
    assert len(played(np.zeros(1, dtype=np.float32), 2.0)) == 1


def test_features_over_more_frames_keep_their_ends():
    x = torch.tensor([[0.0, 5.0], [2.0, 1.0], [4.0, 9.0]])
    assert slowed(x, 5 / 3)[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(slowed(x, 2.0)[[0, -1]], x[[0, -1]]) and len(slowed(x, 0.1)) == 1


def test_a_changed_pitch_keeps_the_pace_and_the_vocal_tract():
    """A voice of 100 Hz with a formant near 1,000 Hz: its bands stay, its harmonics move."""
    harmonics = np.arange(1, 30) * 100
    strength = np.exp(-(((harmonics - 1000) / 200) ** 2))
    voice = sum(s * tone(f) for s, f in zip(strength, harmonics, strict=True))
    mel = LogMel(RATE, 20)
    plain = mel(torch.from_numpy(voice))
    high = slowed(mel(torch.from_numpy(played(voice, 1.2)), 1.2), 1.2)
    assert abs(len(high) - len(plain)) <= 2
    assert int(high.mean(0).argmax()) == int(plain.mean(0).argmax())
    only_played = mel(torch.from_numpy(played(voice, 1.2)))
    assert int(only_played.mean(0).argmax()) > int(plain.mean(0).argmax())


def test_no_pitch_draws_nothing():
    draw = np.random.default_rng(3)
    assert draw_pitch(NOTHING, draw) == 1
    assert draw.random() == np.random.default_rng(3).random()
    some = Perturbation(0.0, 0.0, 0.0, 0.0, 0.0, pitch=0.2)
    found = {round(draw_pitch(some, draw), 6) for _ in range(300)}
    assert len(found) == 11 and min(found) == 0.8 and max(found) == 1.2


def test_features_are_a_function_of_the_draw():
    preprocessor = TranscribePreprocessor("audio", "word", ["a"], mel=LogMel(RATE, 20))
    some = Perturbation(0.1, 0.2, 0.5, 0.2, 0.0, pitch=0.3)
    first, again, other = (
        preprocessor.features(tone(300), None, some, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and first.shape[1] == 20 and bool(first.isfinite().all())
    assert first.shape != other.shape or not torch.equal(first, other)
    plain = preprocessor.features(tone(300))
    same = preprocessor.features(tone(300), None, NOTHING, np.random.default_rng(1))
    assert torch.equal(plain, same)


def test_noise_is_added_where_it_is_drawn():
    noisy = perturb(tone(300), Perturbation(0.0, 0.0, 1.0, 0.0, 0.0), np.random.default_rng(0))
    assert noisy.shape == tone(300).shape and not np.allclose(noisy, tone(300))
    quiet = perturb(tone(300), NOTHING, np.random.default_rng(0))
    assert (quiet == tone(300)).all()
