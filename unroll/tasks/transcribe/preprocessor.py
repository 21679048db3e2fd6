"""From sounds, lines and strokes to features, from texts to tokens, and back.

T frames, F features a frame, M mel bands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.tasks.transcribe.audio import read_audio
from unroll.tasks.transcribe.line_images import read_line, varied
from unroll.tasks.transcribe.log_mel import LogMel, deltas, masked
from unroll.tasks.transcribe.strokes import read_strokes

BLANK = 0
FILE = "transcribe.json"
LEAST = 0.1  # deviation of a band, in nats: one that hardly changes is not blown up
SEVERAL, FEW = 10, 500  # how often a word comes on average, and how many, to be units


@dataclass(frozen=True)
class Perturbation:
    """How far sounds, and lines, are changed for training; see `TranscribeSettings` for each."""

    speed: float
    vocal_tract: float
    noise: float
    masks: float
    vary: float


@dataclass(frozen=True)
class TranscribePreprocessor:
    """What a recogniser reads and writes.

    kind: audio, image or strokes. units: char or word. tokens: from number 1 on; 0 is the blank.
    subsample: frames that one step of the network reads. mel: of sounds. deltas: how many orders.
    normalise: utterance, speaker or corpus. mean, deviation: of each feature, over the corpus.
    height: of images. lower: case is dropped.
    """

    kind: str
    units: str
    tokens: list[str]
    lower: bool = False
    subsample: int = 1
    mel: LogMel | None = None
    deltas: int = 0
    normalise: str = "utterance"
    mean: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)
    height: int = 32
    number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = {token: k for k, token in enumerate(self.tokens, 1)}
        object.__setattr__(self, "number", numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """(C, H): what a frame's F = C * H features are: channels of a column."""
        if self.mel is not None:
            return 1 + self.deltas, self.mel.bands
        return (1, self.height) if self.kind == "image" else (len(self.mean), 1)

    @property
    def thing(self) -> str:
        """What a record is, for people."""
        return "recording" if self.kind == "audio" else "line"

    @property
    def units_name(self) -> str:
        """What its tokens are, for people."""
        return "words" if self.units == "word" else "characters"

    @property
    def seconds(self) -> float | None:
        """From step to step of the network; None where frames are no time."""
        return None if self.mel is None else self.mel.hop * self.subsample

    def steps(self, frames: int) -> int:
        """Steps of the network of so many frames."""
        return frames // self.subsample

    def prepared(self, text: str) -> str:
        """A text as it is learned: one space between words, case dropped where asked."""
        text = " ".join(text.split())
        return text.lower() if self.lower else text

    def split(self, text: str) -> list[str]:
        """The units of a text."""
        text = self.prepared(text)
        return text.split(" ") if self.units == "word" else list(text)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's units; units that are not known are left out."""
        return [self.number[unit] for unit in self.split(text) if unit in self.number]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of such numbers."""
        return (" " if self.units == "word" else "").join(self.tokens[k - 1] for k in tokens)

    def load_raw(self, path: Path) -> np.ndarray:
        """What a file holds: samples [N], columns of a line [T, H], or rows of strokes [T, F].

        Raises: UserError, in a sentence with the file, for one that cannot be read.
        """
        if self.mel is not None:
            return read_audio(path, self.mel.rate).samples
        return load_written(self.kind, path, self.height)

    def features(
        self,
        raw: np.ndarray,
        scale: tuple[np.ndarray, np.ndarray] | None = None,
        perturbation: Perturbation | None = None,
        draw: np.random.Generator | None = None,
    ) -> Tensor:
        """[T, F] of what `load_raw` gave. scale: mean and deviation of its speaker [F]."""
        if self.kind == "image":
            line = torch.from_numpy(raw)
            if draw is not None and perturbation is not None and perturbation.vary:
                hand = torch.Generator().manual_seed(int(draw.integers(1 << 62)))
                line = varied(line.T[None], hand, perturbation.vary)[0].T
            return line
        if self.mel is None:
            return self.scaled_by_corpus(torch.from_numpy(raw))
        warp = 1.0
        if draw is not None and perturbation is not None:
            raw = perturbed(raw, perturbation, draw)
            if perturbation.vocal_tract:
                # few different ones, so that their filters are kept
                reach = perturbation.vocal_tract
                warp = 1 + reach * float(draw.integers(-10, 11)) / 10
        x = self._scaled(self._heard(raw, warp), scale)
        if draw is not None and perturbation is not None and perturbation.masks:
            x = masked(x, draw, int(perturbation.masks * x.shape[1]), perturbation.masks)
        return x

    def unscaled(self, raw: np.ndarray) -> Tensor:
        """Features before they are normalised, to measure their scale."""
        return torch.from_numpy(raw) if self.mel is None else self._heard(raw, 1.0)

    def _heard(self, samples: np.ndarray, warp: float) -> Tensor:
        if self.mel is None:
            raise ValueError("Only sounds are heard.")
        x = self.mel(torch.from_numpy(samples), warp)
        orders = [x]
        for _ in range(self.deltas):
            orders.append(deltas(orders[-1]))
        return torch.cat(orders, 1) if self.deltas else x

    def _scaled(self, x: Tensor, scale: tuple[np.ndarray, np.ndarray] | None) -> Tensor:
        if self.normalise == "corpus":
            return self.scaled_by_corpus(x)
        if scale is None:
            return (x - x.mean(0)) / x.std(0, correction=0).clamp(min=LEAST)
        mean, deviation = (torch.from_numpy(part).to(x.dtype) for part in scale)
        return (x - mean) / deviation

    def scaled_by_corpus(self, x: Tensor) -> Tensor:
        """Features by the mean and deviation of the corpus."""
        return (x - torch.tensor(self.mean)) / torch.tensor(self.deviation)

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record = asdict(self)
        del record["number"]
        text = json.dumps(record, ensure_ascii=False, indent=0)
        return {FILE: text.encode("utf-8", "surrogatepass")}

    @classmethod
    def load(cls, folder: Path) -> TranscribePreprocessor:
        """The preprocessor of a run folder.

        Raises: UserError where it is not whole.
        """
        path = folder / FILE
        if not path.exists():
            raise UserError(f"{folder} holds no {FILE}; expected the run of a recogniser.")
        record: dict[str, Any] = json.loads(
            path.read_text(encoding="utf-8", errors="surrogatepass")
        )
        mel = record.pop("mel")
        return cls(**record, mel=None if mel is None else LogMel(**mel))


def load_written(kind: str, path: Path, height: int) -> np.ndarray:
    """The columns of an image of a line [T, H], or the rows of strokes [T, F]."""
    if kind == "strokes":
        return read_strokes(path).numpy()
    return read_line(path, height)[0].T.contiguous().numpy()


def perturbed(
    samples: np.ndarray, perturbation: Perturbation, draw: np.random.Generator
) -> np.ndarray:
    """A sound played faster or slower, perhaps in noise.

    Source: T. Ko et al., Audio augmentation for speech recognition, 2015.
    """
    if perturbation.speed:
        factor = draw.uniform(1 - perturbation.speed, 1 + perturbation.speed)
        at = np.arange(0, len(samples) - 1, factor)
        if len(at):
            samples = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    if draw.random() < perturbation.noise:
        tilt, decibels = draw.uniform(0, 1), draw.uniform(5, 40)
        # of a power of two, whose transform is fast
        hiss = np.fft.rfft(draw.standard_normal(1 << len(samples).bit_length()))
        hiss *= np.arange(1, len(hiss) + 1) ** -tilt
        noise = np.fft.irfft(hiss)[: len(samples)]
        loud = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        scale = loud * 10 ** (-decibels / 20) / max(1e-12, float(noise.std()))
        samples = (samples + scale * noise).astype(np.float32)
    return samples


def units_of(texts: Sequence[str], asked: str) -> str:
    """Characters or words: words where there are few different ones that come often."""
    if asked != "auto":
        return asked
    counts = Counter(word for text in texts for word in text.split())
    return "word" if len(counts) <= FEW and counts.total() >= SEVERAL * len(counts) else "char"


def steps_needed(tokens: Sequence[int]) -> int:
    """The fewest steps that hold these tokens: one each, and a blank between equal ones."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))
