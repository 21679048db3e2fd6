import numpy as np
import pytest
import soundfile
from PIL import Image

from unroll.errors import UserError
from unroll.in_memory.media import write_media


def test_an_image_is_the_same_pixels(tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    names = write_media([Image.fromarray(pixels), None], "image", "image", tmp_path)
    assert names == ["image-0.png", ""]
    assert np.array_equal(np.asarray(Image.open(tmp_path / names[0])), pixels)


def test_a_sound_is_the_same_samples(tmp_path):
    samples = np.random.default_rng(0).normal(size=100).astype(np.float32) / 4
    sounds = [(samples, 8000), {"array": samples, "sampling_rate": 16000}]
    names = write_media(sounds, "sound", "audio", tmp_path)
    read, rate = soundfile.read(tmp_path / names[0], dtype="float32")
    assert rate == 8000 and np.array_equal(read, samples)
    assert soundfile.info(tmp_path / names[1]).samplerate == 16000


def test_whole_numbers_are_scaled(tmp_path):
    sounds = [
        (np.array([-32768, 16384], dtype=np.int16), 8000),
        (np.array([0, 192], dtype=np.uint8), 8000),
    ]
    names = write_media(sounds, "sound", "audio", tmp_path)
    assert soundfile.read(tmp_path / names[0])[0].tolist() == [-1.0, 0.5]
    assert soundfile.read(tmp_path / names[1])[0].tolist() == [-1.0, 0.5]


def test_a_sound_without_samples_is_refused(tmp_path):
    with pytest.raises(UserError, match="Column audio, row 0: a sound"):
        write_media([(np.zeros(0), 8000)], "sound", "audio", tmp_path)
