"""Features against librosa's numbers (tests/data/librosa/make.py), and what is done to them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.tasks.transcribe.log_mel import LogMel, deltas, mask_stripes, mel_filters

CASES = json.loads((Path(__file__).parent / "librosa" / "log_mel.json").read_text())


def sound(rate, count):
    t = np.arange(count) / rate
    noise = (np.arange(count) * 7919 % 1009) / 1009 - 0.5
    return 0.4 * np.sin(2 * np.pi * (200 + 900 * t) * t) + 0.05 * noise


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["rate"]))
def test_as_librosa(case):
    mel = LogMel(case["rate"], case["bands"])
    samples = torch.from_numpy(sound(case["rate"], case["samples"]))
    expected = torch.tensor(case["log_mel"], dtype=torch.float64)
    x = mel(samples)
    # a last frame that is filled up with zeros is ours alone
    assert mel.frames(case["samples"]) == len(x) and len(x) - len(expected) in (0, 1)
    x = x[: len(expected)]
    assert torch.allclose(x, expected, rtol=0, atol=1e-5)
    # of samples in float32 it is the sum of what they hold, not less exact than that
    single = samples.float()
    assert torch.allclose(mel(single).double(), mel(single.double()), rtol=0, atol=1e-5)
    slopes = torch.tensor(case["deltas"], dtype=torch.float64)
    assert torch.allclose(deltas(x), slopes, rtol=0, atol=1e-5)


def test_bands_that_hear_nothing_are_known():
    assert LogMel(8000, 40).empty_bands == 0 < LogMel(8000, 400).empty_bands < 400


def test_frames_do_not_depend_on_what_follows():
    mel = LogMel(8000)
    samples = torch.from_numpy(sound(8000, 3000))
    whole = mel(samples)
    for count in (1, 255, 256, 257, 336, 337, 1000):
        part = mel(samples[:count])
        assert len(part) == mel.frames(count)
        same = max(0, 1 + (count - mel.size) // mel.stride)
        assert torch.allclose(part[:same], whole[:same])


def test_a_warped_scale_moves_a_sine_to_another_band():
    power = torch.zeros(129, dtype=torch.float64)
    power[40] = 1.0
    loudest = [
        int((mel_filters(8000, 256, 40, 0.0, 4000.0, warp) @ power).argmax())
        for warp in (0.8, 1.0, 1.2)
    ]
    assert loudest[0] > loudest[1] > loudest[2]
    for warp in (0.8, 1.2):
        filters = mel_filters(8000, 256, 40, 0.0, 4000.0, warp)
        assert bool((filters >= 0).all()) and bool(filters.isfinite().all())


def test_masks_hide_stripes():
    x = torch.ones(50, 40)
    hidden = mask_stripes(x, np.random.default_rng(3), 8, 0.2)
    assert x.min() == 1 and 0 < float((hidden == 0).float().mean()) < 0.8
    assert (
        hidden.shape == x.shape
        and mask_stripes(x[:1], np.random.default_rng(0), 8, 0.2).shape[0] == 1
    )
