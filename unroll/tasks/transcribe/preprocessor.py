"""The preprocessor: files to features, texts to tokens, and tokens to texts.

T frames, F features per frame, M mel bands.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from unroll.saved_files import STRICT, are_unique, read_record, refuse_unless
from unroll.tasks.transcribe.audio import read_audio
from unroll.tasks.transcribe.floor import ClosedTextModel
from unroll.tasks.transcribe.line_images import distort_line, read_line
from unroll.tasks.transcribe.log_mel import LogMel, deltas, mask_stripes
from unroll.tasks.transcribe.perturbation import Perturbation, draw_pitch, perturb, played, slowed
from unroll.tasks.transcribe.strokes import read_strokes

FILE = "transcribe.json"
# of a band, in nats: a band that hardly changes is not scaled up
SMALLEST_DEVIATION = 0.1
# words are the units where a word occurs so often on average, and there are at most so many
FREQUENT, FEW_WORDS = 10, 500

FeatureScale = tuple[np.ndarray, np.ndarray]  # mean and deviation of each feature, [F] each


@dataclass
class MelRecord:
    """What the file holds of how features are made; the attributes are those of `LogMel`.

    Attributes:
        rate: samples per second.
        bands: of the mel scale.
        window: seconds of a frame.
        hop: seconds from frame to frame.
        low: lower edge of the bands.
        high: upper edge of the bands.
    """

    __pydantic_config__ = STRICT

    rate: Annotated[int, Field(ge=100, le=1_000_000)]
    bands: Annotated[int, Field(ge=1, le=1000)]
    window: Annotated[float, Field(gt=0, le=10)]
    hop: Annotated[float, Field(gt=0, le=10)]
    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(gt=0)] | None = None


@dataclass
class SavedTranscribe:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        kind: audio, image or strokes.
        units: char or word.
        tokens: the units.
        lower: whether texts are converted to lower case.
        subsample: frames per step of the network.
        mel: how features of sounds are made.
        deltas: how many orders of slopes are added.
        normalise: over what features are scaled.
        mean: of each feature over the corpus.
        deviation: of each feature over the corpus.
        height: of images of lines.
    """

    __pydantic_config__ = STRICT

    kind: Literal["audio", "image", "strokes"]
    units: Literal["char", "word"]
    tokens: list[str]
    lower: bool = False
    subsample: Annotated[int, Field(ge=1, le=1000)] = 1
    mel: MelRecord | None = None
    deltas: Annotated[int, Field(ge=0, le=10)] = 0
    normalise: Literal["utterance", "speaker", "corpus"] = "utterance"
    mean: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)
    height: Annotated[int, Field(ge=1, le=10_000)] = 32


@dataclass(frozen=True)
class TranscribePreprocessor:
    """Makes features of files and tokens of texts, and texts of tokens.

    Attributes:
        kind: audio, image or strokes.
        units: char or word.
        tokens: the units, numbered from 1; 0 is the blank.
        lower: whether texts are converted to lower case.
        subsample: frames per step of the network.
        mel: makes features of sounds; None for images and strokes.
        deltas: how many orders of slopes are added.
        normalise: over what features are scaled: utterance, speaker or corpus.
        mean: of each feature over the corpus, where it is scaled by that.
        deviation: of each feature over the corpus, where it is scaled by that.
        height: of images of lines, in pixels.
        floor: the simple model of closed texts; None where there is none.
        number: of each token.
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
    floor: ClosedTextModel | None = field(default=None, repr=False, compare=False)
    number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = {token: k for k, token in enumerate(self.tokens, 1)}
        object.__setattr__(self, "number", numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """(C, H): a frame's F = C * H features as C channels of a column of height H."""
        if self.mel is not None:
            return 1 + self.deltas, self.mel.bands
        return (1, self.height) if self.kind == "image" else (len(self.mean), 1)

    @property
    def record_name(self) -> str:
        """What a record is called: recording or line."""
        return "recording" if self.kind == "audio" else "line"

    @property
    def units_name(self) -> str:
        """What its tokens are called: words or characters."""
        return "words" if self.units == "word" else "characters"

    @property
    def seconds(self) -> float | None:
        """Seconds per step of the network; None where frames are not time."""
        return None if self.mel is None else self.mel.hop * self.subsample

    @property
    def varies(self) -> bool:
        """Whether copies of a record can be changed as if somebody else had made it."""
        return self.kind != "strokes"

    def steps(self, frames: int) -> int:
        """Steps of the network for this number of frames."""
        return frames // self.subsample

    def normalise_text(self, text: str) -> str:
        """A text with single spaces between words, in lower case where that is set."""
        text = " ".join(text.split())
        return text.lower() if self.lower else text

    def split(self, text: str) -> list[str]:
        """The units of a text."""
        text = self.normalise_text(text)
        return text.split(" ") if self.units == "word" else list(text)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text's units; unknown units are skipped."""
        return [self.number[unit] for unit in self.split(text) if unit in self.number]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of these tokens."""
        return (" " if self.units == "word" else "").join(self.tokens[k - 1] for k in tokens)

    def load_raw(self, path: Path) -> np.ndarray:
        """The contents of a file: samples [N], columns of a line [T, H], or strokes [T, F].

        Raises:
            UserError: where the file cannot be read.
        """
        if self.mel is not None:
            return read_audio(path, self.mel.rate).samples
        return load_writing(self.kind, path, self.height)

    def features(
        self,
        raw: np.ndarray,
        scale: FeatureScale | None = None,
        perturbation: Perturbation | None = None,
        draw: np.random.Generator | None = None,
    ) -> Tensor:
        """Features of a file.

        Args:
            raw: the contents, as `load_raw` returns them.
            scale: of the speaker. Default: over the file itself, or over the corpus.
            perturbation: how far it is changed for training. Default: not at all.
            draw: where the random numbers of the perturbation come from.

        Returns:
            float32 [T, F].
        """
        if self.kind == "image":
            line = torch.from_numpy(raw)
            if draw is not None and perturbation is not None and perturbation.vary:
                hand = torch.Generator().manual_seed(int(draw.integers(1 << 62)))
                line = distort_line(line.T[None], hand, perturbation.vary)[0].T
            return line
        if self.mel is None:
            return self.scale_by_corpus(torch.from_numpy(raw))
        warp = pitch = 1.0
        if draw is not None and perturbation is not None:
            pitch = draw_pitch(perturbation, draw)
            raw = perturb(raw if pitch == 1 else played(raw, pitch), perturbation, draw)
            if perturbation.vocal_tract:
                # few different values, so that their filters stay in the cache
                reach = perturbation.vocal_tract
                warp = 1 + reach * float(draw.integers(-10, 11)) / 10
        # a sound that is played faster gets its vocal tract and its pace back
        x = self._log_mel(raw, warp * pitch)
        x = self._scale(x if pitch == 1 else slowed(x, pitch), scale)
        if draw is not None and perturbation is not None and perturbation.masks:
            x = mask_stripes(x, draw, int(perturbation.masks * x.shape[1]), perturbation.masks)
        return x

    def unscaled(self, raw: np.ndarray) -> Tensor:
        """Features [T, F] before they are scaled, to measure their scale."""
        return torch.from_numpy(raw) if self.mel is None else self._log_mel(raw)

    def _log_mel(self, samples: np.ndarray, warp: float = 1.0) -> Tensor:
        if self.mel is None:
            raise ValueError("Only sounds have log-mel features.")
        x = self.mel(torch.from_numpy(samples), warp)
        orders = [x]
        for _ in range(self.deltas):
            orders.append(deltas(orders[-1]))
        return torch.cat(orders, 1) if self.deltas else x

    def _scale(self, x: Tensor, scale: FeatureScale | None) -> Tensor:
        if self.normalise == "corpus":
            return self.scale_by_corpus(x)
        if scale is None:
            return (x - x.mean(0)) / x.std(0, correction=0).clamp(min=SMALLEST_DEVIATION)
        mean, deviation = (torch.from_numpy(part).to(x.dtype) for part in scale)
        return (x - mean) / deviation

    def scale_by_corpus(self, x: Tensor) -> Tensor:
        """Features [T, F] scaled by the mean and deviation of the corpus."""
        return (x - torch.tensor(self.mean)) / torch.tensor(self.deviation)

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record = asdict(replace(self, floor=None))
        del record["number"], record["floor"]
        text = json.dumps(record, ensure_ascii=False, indent=0)
        floor = {} if self.floor is None else self.floor.files()
        return {FILE: text.encode("utf-8", "surrogatepass"), **floor}

    @classmethod
    def load(cls, folder: Path) -> TranscribePreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where a file of it is missing.
        """
        path = folder / FILE
        record = read_record(folder, FILE, SavedTranscribe)
        refuse_unless(record.tokens and are_unique(record.tokens), path, "tokens, each once")
        refuse_unless((record.kind == "audio") == (record.mel is not None), path, "mel of sounds")
        fits = len(record.mean) == len(record.deviation) and min(record.deviation, default=1) > 0
        refuse_unless(fits, path, "a mean and a deviation above 0 for each feature")
        kept = vars(record)
        mel = kept.pop("mel")
        if mel is not None:
            top = mel.rate / 2 if mel.high is None else mel.high
            refuse_unless(mel.low < top <= mel.rate / 2, path, "bands below half the rate")
        found = cls(**kept, mel=None if mel is None else LogMel(**vars(mel)))
        # the columns of an image are ink, from 0 to 1
        scaled = found.kind != "image" and (found.normalise == "corpus" or found.kind == "strokes")
        features = found.shape[0] * found.shape[1]
        refuse_unless(
            not scaled or features == len(found.mean) > 0, path, "a scale of each feature"
        )
        return replace(found, floor=ClosedTextModel.load(folder))


def load_writing(kind: str, path: Path, height: int) -> np.ndarray:
    """The columns of an image of a line [T, H], or strokes [T, F]. kind: image or strokes."""
    if kind == "strokes":
        return read_strokes(path).numpy()
    return read_line(path, height)[0].T.contiguous().numpy()


def choose_units(texts: Sequence[str], setting: str) -> str:
    """char or word: for "auto", word where there are few different words and each is frequent."""
    if setting != "auto":
        return setting
    counts = Counter(word for text in texts for word in text.split())
    few = len(counts) <= FEW_WORDS
    return "word" if few and counts.total() >= FREQUENT * len(counts) else "char"


def steps_needed(tokens: Sequence[int]) -> int:
    """The fewest steps for these tokens: one per token, and a blank between equal tokens."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))
