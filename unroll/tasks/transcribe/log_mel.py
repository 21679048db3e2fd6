"""Log-mel features of sounds, their slopes over time, and masks of them.

N samples, T frames, M mel bands, F frequencies of the Fourier transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

QUIETEST = 1e-10  # of a power; librosa's amin


@dataclass(frozen=True)
class LogMel:
    """The logarithm of the power in each band of a mel scale, one frame every few milliseconds.

    When to use it: as the input features of every network that reads sounds.

        y_{t,m} = ln max(1e-10, sum_f w_{m,f} |X_{t,f}|^2)

    X is the short-time Fourier transform with a Hann window; w are Slaney's triangles, each of the
    same area. Frame t begins at sample t * stride, so that a stream has the same frames as a file;
    the end is padded with zeros to a whole frame.

    Attributes:
        rate: samples per second.
        bands: M.
        window: length of a frame, in seconds.
        hop: seconds from one frame to the next.
        low: lower edge of the lowest band, in Hz.
        high: upper edge of the highest band, in Hz. Default: half the rate.

    Source: librosa 0.11, whose numbers these are (`feature.melspectrogram(center=False)`); M.
    Slaney, Auditory Toolbox, 1998.

    Examples:
        >>> import torch
        >>> from unroll.tasks.transcribe.log_mel import LogMel
        >>> LogMel(8000, 40)(torch.zeros(8000)).shape
        torch.Size([98, 40])
    """

    rate: int
    bands: int = 40
    window: float = 0.025
    hop: float = 0.01
    low: float = 0.0
    high: float | None = None

    @property
    def width(self) -> int:
        """Samples under the window."""
        return max(2, round(self.window * self.rate))

    @property
    def size(self) -> int:
        """Samples of a frame: the next power of two."""
        return 1 << (self.width - 1).bit_length()

    @property
    def stride(self) -> int:
        """Samples from frame to frame."""
        return max(1, round(self.hop * self.rate))

    @property
    def empty_bands(self) -> int:
        """How many bands lie between two frequencies of the transform and are always silent."""
        high = self.rate / 2 if self.high is None else self.high
        filters = mel_filters(self.rate, self.size, self.bands, self.low, high)
        return int((filters.sum(1) == 0).sum())

    def frames(self, samples: int) -> int:
        """T for this number of samples."""
        return 1 + max(0, -(-(samples - self.size) // self.stride))

    def pad(self, samples: Tensor) -> Tensor:
        """The samples [..., N] with zeros appended, so that every sample is in a frame."""
        whole = self.size + self.stride * (self.frames(samples.shape[-1]) - 1)
        return torch.nn.functional.pad(samples, (0, whole - samples.shape[-1]))

    def __call__(self, samples: Tensor, warp: float = 1.0) -> Tensor:
        """Features of a whole sound.

        Args:
            samples: [..., N], floating point.
            warp: as in `mel_filters`.

        Returns:
            [..., T, M], of the dtype of the samples.
        """
        return self.whole_frames(self.pad(samples), warp)

    def whole_frames(self, samples: Tensor, warp: float = 1.0) -> Tensor:
        """Features [..., T, M] of the whole frames of samples [..., N], for a stream: nothing is padded."""
        return self.log_bands(self.power(samples), warp).to(samples.dtype)

    def power(self, samples: Tensor) -> Tensor:
        """The power |X|^2 of the whole frames of samples [..., N]: float64 [..., T, F]."""
        # in float32 a quiet band beside a loud one would be off by thousandths
        window = torch.hann_window(self.width, dtype=torch.float64)
        spectrum = torch.stft(
            samples.double(),
            self.size,
            self.stride,
            self.width,
            window,
            center=False,
            return_complex=True,
        )
        return (spectrum.real.square() + spectrum.imag.square()).transpose(-1, -2)

    def log_bands(self, power: Tensor, warp: float = 1.0) -> Tensor:
        """The logarithm of the power in each band.

        Args:
            power: as `power` returns it, [..., T, F].
            warp: as in `mel_filters`.

        Returns:
            float64 [..., T, M].
        """
        high = self.rate / 2 if self.high is None else self.high
        filters = mel_filters(self.rate, self.size, self.bands, self.low, high, warp)
        return (power @ filters.T).clamp(min=QUIETEST).log()


@lru_cache(maxsize=512)
def mel_filters(
    rate: int, size: int, bands: int, low: float, high: float, warp: float = 1.0
) -> Tensor:
    """The triangles w of the mel scale, each of area 1 over the frequency.

    Args:
        rate: samples per second.
        size: samples of a frame.
        bands: M.
        low: lower edge of the lowest band, in Hz.
        high: upper edge of the highest band, in Hz.
        warp: factor of the frequencies up to seven eighths of `high`; from there a line leads to
            `high` itself. It acts like a longer (above 1) or shorter vocal tract of the speaker.

    Returns:
        float64 [M, F].

    Source: N. Jaitly, G. Hinton, Vocal tract length perturbation improves speech recognition, 2013.
    """
    edges = from_mel(np.linspace(to_mel(low), to_mel(high), bands + 2))
    if warp != 1.0:
        bend = 0.875 * high * min(1.0, 1 / warp)
        slope = (high - bend * warp) / (high - bend)
        edges = np.where(edges <= bend, edges * warp, high - (high - edges) * slope)
    f = np.linspace(0, rate / 2, size // 2 + 1)
    rising = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - f) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return torch.from_numpy(triangles * (2 / (edges[2:] - edges[:-2]))[:, None])


BREAK, STEP = 1000.0, 200 / 3  # Hz where the scale turns logarithmic; Hz per mel below it
RATIO = np.log(6.4) / 27  # logarithm of the ratio of frequencies per mel above it


def to_mel(f: float | np.ndarray) -> np.ndarray:
    """Slaney's mels of Hz: linear up to 1,000 Hz, then logarithmic."""
    f = np.asarray(f, dtype=np.float64)
    return np.where(f < BREAK, f / STEP, BREAK / STEP + np.log(np.maximum(f, 1.0) / BREAK) / RATIO)


def from_mel(m: np.ndarray) -> np.ndarray:
    """Hz of Slaney's mels."""
    return np.where(m < BREAK / STEP, m * STEP, BREAK * np.exp(RATIO * (m - BREAK / STEP)))


def deltas(x: Tensor, reach: int = 2) -> Tensor:
    """The slope of each feature per frame, from a line through 2 * reach + 1 frames.

        d_t = sum_n n (x_{t+n} - x_{t-n}) / (2 sum_n n^2),   n = 1 .. reach

    The first and the last frame are repeated beyond the ends.

    Args:
        x: features [T, M].
        reach: frames on each side.

    Returns:
        [T, M].

    Source: S. Young et al., The HTK book, 2006, equation 5.16.
    """
    T = len(x)
    at = torch.arange(T)
    total = torch.zeros_like(x)
    for n in range(1, reach + 1):
        total += n * (x[(at + n).clamp(max=T - 1)] - x[(at - n).clamp(min=0)])
    return total / (2 * sum(n * n for n in range(1, reach + 1)))


def mask_stripes(x: Tensor, draw: np.random.Generator, bands: int, frames: float) -> Tensor:
    """Features with two stripes of bands and two stripes of time set to zero, their mean.

    Args:
        x: features [T, M].
        draw: where the random numbers come from.
        bands: the widest stripe of bands.
        frames: the longest stripe of time, as a share of T.

    Returns:
        A copy [T, M].

    Source: D. Park et al., SpecAugment, 2019 (https://arxiv.org/abs/1904.08779).
    """
    x = x.clone()
    T, M = x.shape
    for _ in range(2):
        wide, long = draw.integers(0, bands + 1), draw.integers(0, int(frames * T) + 1)
        band, frame = draw.integers(0, M - wide + 1), draw.integers(0, T - long + 1)
        x[:, band : band + wide] = 0
        x[frame : frame + long] = 0
    return x
