"""Sounds of every kind that is read, and the errors of bad files."""

import os

import numpy as np
import pytest

from unroll.tasks.transcribe.audio import BadAudio, read_audio

soundfile = pytest.importorskip("soundfile")


def sine(rate, seconds=0.5, pitch=440.0):
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(16000), 16000)
    sound = read_audio(path)
    assert sound.rate == 16000 and sound.seconds == pytest.approx(0.5, abs=0.1)
    # compressed ones may be shifted, so loudness is compared
    assert np.sqrt(np.mean(sound.samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_stereo_is_mixed_and_rates_are_resampled(tmp_path):
    path = tmp_path / "a.wav"
    left, right = sine(44100), np.zeros(22050)
    soundfile.write(path, np.stack([left, right], 1), 44100, subtype="FLOAT")
    sound = read_audio(path, 8000)
    assert (sound.channels, sound.recorded_rate, sound.rate) == (2, 44100, 8000)
    assert np.allclose(sound.samples[100:-100], sine(8000)[100:-100] / 2, atol=1e-3)


def test_bad_sounds_are_one_sentence(tmp_path):
    whole, path = tmp_path / "whole.wav", tmp_path / "bad.wav"
    soundfile.write(whole, sine(8000), 8000)
    held = whole.read_bytes()
    for content, sentence in [
        (b"", "empty"),
        (held[:-100], "truncated: 100 bytes"),
        (held[:30], "not a readable sound"),
        (b"RIFF of nonsense" * 9, "not a readable sound"),
    ]:
        path.write_bytes(content)
        with pytest.raises(BadAudio, match=sentence) as caught:
            read_audio(path)
        assert "bad.wav" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(BadAudio, match="There is no file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(BadAudio, match="is a folder, not a regular file; expected a sound"):
        read_audio(tmp_path)
    soundfile.write(path, np.zeros(0), 8000)
    with pytest.raises(BadAudio, match="zero length"):
        read_audio(path)
    soundfile.write(path, np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(BadAudio, match="not finite"):
        read_audio(path)
    flac = tmp_path / "bad.flac"
    soundfile.write(flac, np.random.default_rng(0).uniform(-1, 1, 40000), 8000)
    flac.write_bytes(flac.read_bytes()[:20000])
    with pytest.raises(BadAudio, match=r"bad\.flac"):
        read_audio(flac)


@pytest.mark.parametrize(
    ("suffix", "sentence"),
    [
        ("wav", "truncated"),
        ("aiff", "truncated"),
        ("au", "truncated"),
        ("mp3", "truncated|not a readable sound"),
        ("ogg", "truncated|not a readable sound"),
    ],
)
def test_a_truncated_file_is_never_read_as_if_it_were_whole(tmp_path, suffix, sentence):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 8000), 8000)
    held = path.read_bytes()
    assert len(read_audio(held).samples) == 8000
    with pytest.raises(BadAudio, match=sentence):
        read_audio(held[: len(held) * 6 // 10])


def test_a_sound_of_any_length_has_a_sample_at_any_rate(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(1, 0.25), 44100, subtype="FLOAT")
    assert read_audio(path, 8000).samples.tolist() == [0.25]
    for rate in (1, 999, 1_000_001):  # a header that lies
        soundfile.write(path, np.zeros(40), rate)
        with pytest.raises(BadAudio, match=f"has {rate:,} samples per second; expected 1,000 to"):
            read_audio(path, 8000)
    soundfile.write(path, np.zeros(40_000), 1000)
    monkeypatch.setattr("unroll.tasks.transcribe.audio.MOST_SAMPLES", 300_000)
    with pytest.raises(BadAudio, match="would have more than"):
        read_audio(path, 8000)


def test_a_missing_package_is_a_sentence_with_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(Exception, match=r"pip install 'unroll-rnn\[audio\]'"):
        read_audio(tmp_path / "a.wav")


def test_what_is_no_file_is_refused_without_being_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for path in ("/dev/zero", tmp_path / "pipe.wav"):
        with pytest.raises(
            BadAudio, match=r"is (a named pipe|a device), not a regular file; expected a sound"
        ):
            read_audio(path)


def test_the_samples_of_all_channels_are_counted_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "eight.flac"
    soundfile.write(path, np.zeros((10_000, 8), np.int16), 8000)
    monkeypatch.setattr("unroll.tasks.transcribe.audio.BLOCK", 100)
    assert len(read_audio(path).samples) == 10_000  # in many blocks
    monkeypatch.setattr("unroll.tasks.transcribe.audio.MOST_VALUES", 79_999)
    with pytest.raises(BadAudio, match="10,000 samples in each of 8 channels; expected at most"):
        read_audio(path)
