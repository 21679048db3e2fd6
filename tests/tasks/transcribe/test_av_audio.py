"""Sounds of phones and browsers, which libsndfile does not read."""

import numpy as np
import pytest

from unroll.tasks.transcribe.audio import BadAudio, read_audio

av = pytest.importorskip("av")
pytest.importorskip("soundfile")

RATE = 16_000


def recorded(path, codec, channels=1, rate=RATE, seconds=1.0, **options):
    """A tone of 440 Hz, of half the amplitude in a second channel."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    samples = np.stack([tone, tone / 2][:channels]).astype(np.float32)
    with av.open(str(path), "w", **options) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "stereo" if channels == 2 else "mono"
        resampler = av.AudioResampler(stream.format, stream.layout, rate)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", stream.layout.name)
        frame.rate = rate
        fifo = av.AudioFifo()
        for each in resampler.resample(frame):
            fifo.write(each)
        size = stream.codec_context.frame_size or 1024
        while (part := fifo.read(size, partial=True)) is not None:
            file.mux(stream.encode(part))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.m4a", "aac", RATE),
        ("a.3gp", "aac", RATE),
        ("a.aac", "aac", RATE),
        ("a.webm", "libopus", 48_000),
        ("a.mka", "pcm_s16le", RATE),
    ],
)
def test_formats_of_phones(tmp_path, name, codec, rate):
    sound = read_audio(recorded(tmp_path / name, codec, rate=rate), 8000)
    assert (sound.recorded_rate, sound.rate, sound.channels) == (rate, 8000, 1)
    assert sound.seconds == pytest.approx(1, abs=0.2)
    middle = sound.samples[2000:6000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert np.abs(np.fft.rfft(middle)).argmax() == 220  # of half a second


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8", "pcm_s32le", "pcm_f32le"])
def test_numbers_of_every_kind_and_two_channels(tmp_path, codec):
    sound = read_audio(recorded(tmp_path / "a.mka", codec, channels=2))
    assert sound.channels == 2 and len(sound.samples) == RATE
    tone = 0.375 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert np.abs(sound.samples - tone).max() < 0.01


def test_a_cut_sound_is_refused(tmp_path):
    path = recorded(tmp_path / "a.m4a", "aac", options={"movflags": "faststart"})
    held = path.read_bytes()
    for k in range(20):
        path.write_bytes(held[: len(held) * k // 20])
        with pytest.raises(BadAudio, match=r"a\.m4a"):
            read_audio(path)


def test_tags_that_are_not_utf8_and_pictures_without_sound(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        file.metadata["title"] = "a title"
        stream = file.add_stream("mpeg4", rate=10, width=16, height=16)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        file.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"a title", b"a \xff\xfe\xfdle"))
    with pytest.raises(BadAudio, match="has no sound; expected one"):
        read_audio(path)
