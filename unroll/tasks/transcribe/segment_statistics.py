"""A recording of any length as a fixed number of statistics, for a model of whole texts.

T frames, M features per frame, C coefficients, K segments, P statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from unroll.tasks.transcribe.floor import SEGMENTS, Parts
from unroll.tasks.transcribe.line_images import distort_line
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor

COEFFICIENTS = 13
QUIET = 5.0  # nats below the loudest frame, where a sound is trimmed
RANGE = 8.0  # nats below the loudest band, where all bands of a sound are levelled off
# how copies of a training sound are changed
WARPS = tuple(round(0.85 + 0.05 * k, 2) for k in range(7))  # of the vocal tract
LEAST_QUIET, MOST_QUIET = 3.5, 7.0
TILT = 2.0  # nats at both ends of the spectrum


@dataclass(frozen=True)
class Variation:
    """How a copy of a recording differs from it, as if another speaker or microphone had made it.

    Attributes:
        warp: factor of the frequencies, of the vocal tract.
        tilt: nats that the highest band gains and the lowest band loses.
        quiet: nats below the loudest frame, where the ends are trimmed.
        seed: of the distortion of a line of handwriting; None: not distorted.
    """

    warp: float = 1.0
    tilt: float = 0.0
    quiet: float = QUIET
    seed: int | None = None

    @classmethod
    def draw(cls, draw: np.random.Generator) -> Variation:
        """A random one."""
        return cls(
            float(draw.choice(WARPS)),
            float(draw.uniform(-TILT, TILT)),
            float(draw.uniform(LEAST_QUIET, MOST_QUIET)),
            int(draw.integers(1 << 31)),
        )


PLAIN = Variation()


def recording_statistics(
    preprocessor: TranscribePreprocessor,
    raw: np.ndarray,
    variations: Sequence[Variation] = (PLAIN,),
) -> np.ndarray:
    """The statistics of a recording in each of these variations, float32 [V, P].

    A sound is trimmed at its quiet ends and levelled off 8 nats below its loudest band, so that noise
    of a room counts little; its coefficients are centred over the recording, so that the
    frequency response of a microphone cancels out. A line of writing is trimmed to its ink.

    Args:
        preprocessor: of the run.
        raw: the contents of the file, as `TranscribePreprocessor.load_raw` returns them.
        variations: how it is changed, V of them. Default: not at all.
    """
    if preprocessor.mel is not None:
        mel = preprocessor.mel
        power = mel.power(mel.pad(torch.from_numpy(raw)))  # which all variations share
        found = []
        for variation in variations:
            x = mel.log_bands(power, variation.warp).numpy()
            x = x + variation.tilt * np.linspace(-1, 1, x.shape[1])
            strength = np.exp(x)
            strength = trim(strength, strength.mean(1), np.exp(-variation.quiet))
            x = cepstrum(np.log(strength + np.exp(-RANGE) * strength.max()))
            found.append(segment_statistics(x - x.mean(0)))
        return np.stack(found)
    if preprocessor.kind == "image":
        lines = [distorted(raw, variation.seed) for variation in variations]
        return np.stack(
            [segment_statistics(cepstrum(trim(line, line.max(1), 0.5))) for line in lines]
        )
    # where the pen is tells more than how it moves
    places = segment_statistics(np.concatenate([raw, np.cumsum(raw[:, :2], 0)], 1))
    return np.repeat(places[None], len(variations), 0)


def distorted(line: np.ndarray, seed: int | None) -> np.ndarray:
    """A line of handwriting [T, H] as another hand would write it. seed: None: as it is."""
    if seed is None:
        return line
    hand = torch.Generator().manual_seed(seed)
    changed: np.ndarray = distort_line(torch.from_numpy(line).T[None], hand, 1.0)[0].T.numpy()
    return changed


def statistics_size(preprocessor: TranscribePreprocessor, parts: Parts) -> int:
    """P: how many statistics of a recording a model reads; parts: as for `chosen_statistics`."""
    features, height = preprocessor.shape
    C = features + 2 if preprocessor.kind == "strokes" else min(COEFFICIENTS, height)
    return (3 if parts == "all" else 1) * SEGMENTS * C + 1


def trim(x: np.ndarray, strength: np.ndarray, share: float) -> np.ndarray:
    """The frames x [T, M] from the first to the last with a share of the greatest strength [T]."""
    kept = np.flatnonzero(strength >= share * strength.max())
    return x[kept[0] : kept[-1] + 1]


def cepstrum(x: np.ndarray) -> np.ndarray:
    """The first coefficients of the cosine transform of each frame, [T, C], orthonormal (type 2)."""
    found: np.ndarray = x @ cosine_waves(x.shape[1])
    return found


@lru_cache(maxsize=8)
def cosine_waves(bands: int) -> np.ndarray:
    """The first waves of the cosine transform of so many bands, [M, C]."""
    count = np.arange(min(COEFFICIENTS, bands))
    waves: np.ndarray = np.cos(np.pi / bands * (np.arange(bands)[:, None] + 0.5) * count)
    waves *= np.sqrt(2 / bands)
    waves[:, 0] /= np.sqrt(2)
    return waves


def segment_statistics(x: np.ndarray, segments: int = SEGMENTS) -> np.ndarray:
    """Means, deviations and slopes of each feature in equal segments, and the log of the length.

    When to use it: to classify sequences of different lengths by a linear or kernel model.

    Args:
        x: features [T, C], T at least 1.
        segments: K. A segment has at least one frame, which it may share with its neighbours.

    Returns:
        float32 [P], P = 3 K C + 1.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.segment_statistics import segment_statistics
        >>> found = segment_statistics(np.array([[0.0], [2.0], [5.0], [5.0]]), segments=2)
        >>> found.astype(float).round(2).tolist()
        [1.0, 1.0, 2.25, 5.0, 0.0, 0.75, 1.39]
    """
    T, k = len(x), np.arange(segments)
    first = np.minimum(k * T // segments, T - 1)
    end = np.maximum(first + 1, -(-(k + 1) * T // segments))
    slope = np.gradient(x, axis=0) if T > 1 else np.zeros_like(x)
    # sums of segments are differences of sums from the start, here around the mean for precision
    middle = x.mean(0)
    moments = np.concatenate([x - middle, (x - middle) ** 2, slope], 1)
    sums = np.zeros((T + 1, moments.shape[1]))
    moments.cumsum(0, out=sums[1:])
    mean, square, slopes = np.split((sums[end] - sums[first]) / (end - first)[:, None], 3, axis=1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    parts = np.stack([mean + middle, deviation, slopes], 1)
    return np.append(parts, np.log(T)).astype(np.float32)
