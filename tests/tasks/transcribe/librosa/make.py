"""Makes log_mel.json beside it: pip install librosa==0.11.0; python tests/data/librosa/make.py

The sound is made of sines and a fixed sequence of numbers, so that it need not be stored.
"""

import json
from pathlib import Path

import librosa
import numpy as np


def sound(rate, count):
    t = np.arange(count) / rate
    noise = (np.arange(count) * 7919 % 1009) / 1009 - 0.5
    return 0.4 * np.sin(2 * np.pi * (200 + 900 * t) * t) + 0.05 * noise


made = []
for rate, count, bands, width, size, stride in [
    (8000, 1056, 40, 200, 256, 80),
    (16000, 1152, 64, 400, 512, 160),
    (22050, 2816, 80, 551, 1024, 220),
]:
    y = sound(rate, count)
    mel = librosa.feature.melspectrogram(
        y=y, sr=rate, n_fft=size, hop_length=stride, win_length=width, center=False, n_mels=bands
    )
    x = np.log(np.maximum(mel, 1e-10))
    made.append(
        {
            "rate": rate,
            "samples": count,
            "bands": bands,
            "log_mel": np.round(x.T, 8).tolist(),
            "deltas": np.round(librosa.feature.delta(x, width=5, mode="nearest").T, 8).tolist(),
        }
    )
Path(__file__).with_name("log_mel.json").write_text(json.dumps(made))
