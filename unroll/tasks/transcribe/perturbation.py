"""How training changes sounds: speed, pitch, the vocal tract, noise and masks, fitted to the data.

N samples, T frames, F features per frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# how far sounds are changed where a training set has so few speakers, or so many; with few, a changed
# pitch did not help speakers who were held out, nor did all changes further
FEW, FEW_SPEAKERS = 5, {"speed": 0.15, "pitch": 0.0, "vocal_tract": 0.2, "noise": 0.5, "masks": 0.2}
MANY, MANY_SPEAKERS = (
    100,
    {"speed": 0.1, "pitch": 0.0, "vocal_tract": 0.1, "noise": 0.3, "masks": 0.2},
)
HOURS_OF_A_SPEAKER = 0.2  # as many speakers as this makes are assumed where they are unknown
STEPS = 5  # different pitches above and below that of a recording: their filters stay in the cache


@dataclass(frozen=True)
class Perturbation:
    """How far sounds and lines are changed for training.

    Attributes:
        speed: sounds are played faster or slower by up to this share.
        vocal_tract: the mel scale is stretched by up to this share.
        noise: share of the sounds that get noise.
        masks: widest masked stripe of bands and of time, as a share.
        vary: strength of the distortion of lines of handwriting.
        pitch: voices are made higher or lower by up to this share, at the same pace.
    """

    speed: float
    vocal_tract: float
    noise: float
    masks: float
    vary: float
    pitch: float = 0.0


def fitted_strengths(speakers: int | None, hours: float) -> dict[str, float]:
    """How far training changes sounds, by the name of the setting: the more, the fewer the speakers.

    What few speakers do not show the network, changes of their voices have to; hundreds of them show it
    themselves. Between 5 and 100 speakers strengths fall with the logarithm of the number.

    Args:
        speakers: of the training set. None: unknown, one for each 12 minutes.
        hours: of sound in the training set.

    Examples:
        >>> from unroll.tasks.transcribe.perturbation import fitted_strengths
        >>> fitted_strengths(3, 0.2)["vocal_tract"], fitted_strengths(None, 960)["vocal_tract"]
        (0.2, 0.1)
    """
    count = max(FEW, speakers if speakers is not None else hours / HOURS_OF_A_SPEAKER)
    share = min(1.0, math.log(count / FEW) / math.log(MANY / FEW))
    return {
        name: round(few + share * (MANY_SPEAKERS[name] - few), 3)
        for name, few in FEW_SPEAKERS.items()
    }


def perturb(
    samples: np.ndarray, perturbation: Perturbation, draw: np.random.Generator
) -> np.ndarray:
    """A sound [N] played faster or slower, with noise in some cases.

    Source: T. Ko et al., Audio augmentation for speech recognition, 2015.
    """
    if perturbation.speed:
        samples = played(samples, draw.uniform(1 - perturbation.speed, 1 + perturbation.speed))
    if draw.random() < perturbation.noise:
        tilt, decibels = draw.uniform(0, 1), draw.uniform(5, 40)
        # the length is a power of two, whose transform is fast
        spectrum = np.fft.rfft(draw.standard_normal(1 << len(samples).bit_length()))
        spectrum *= np.arange(1, len(spectrum) + 1) ** -tilt
        noise = np.fft.irfft(spectrum)[: len(samples)]
        loudness = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        scale = loudness * 10 ** (-decibels / 20) / max(1e-12, float(noise.std()))
        samples = (samples + scale * noise).astype(np.float32)
    return samples


def draw_pitch(perturbation: Perturbation, draw: np.random.Generator) -> float:
    """The factor of the pitch of a voice, one of few; nothing is drawn where pitch stays."""
    if not perturbation.pitch:
        return 1.0
    return 1 + perturbation.pitch * float(draw.integers(-STEPS, STEPS + 1)) / STEPS


def played(samples: np.ndarray, factor: float) -> np.ndarray:
    """A sound [N] played this much faster, which raises all of its frequencies."""
    at = np.arange(0, len(samples) - 1, factor)
    if not len(at):
        return samples
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def slowed(x: Tensor, factor: float) -> Tensor:
    """Features [T, F] over this many times as many frames, by straight lines between them."""
    frames = max(1, round(factor * len(x)))
    return torch.nn.functional.interpolate(
        x.T[None], size=frames, mode="linear", align_corners=True
    )[0].T
