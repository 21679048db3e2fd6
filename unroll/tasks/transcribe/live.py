"""Transcribe live sound: chunks of samples to the text so far.

N samples, T frames, S steps, V tokens with the blank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.tasks.transcribe.ctc import Labelling, greedy
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.transcript import Transcript, make_transcript


class LiveTranscriber:
    """A recogniser that reads samples as they arrive.

    When to use it: for a microphone or a telephone line: `live = run.live()` of a run that was
    trained with `--set streaming=true`, then `live(chunk)` for each chunk and `live.finish()`. The
    result does not depend on the sizes of the chunks.

    Args:
        step: takes the next frames [T, F], returns log p [S, V] of the steps that they complete.
        preprocessor: of the run.

    Attributes:
        rate: samples per second that it expects.

    Raises:
        UserError: where the preprocessor is not that of a streaming run.
    """

    def __init__(
        self, step: Callable[[Tensor], Tensor], preprocessor: TranscribePreprocessor
    ) -> None:
        if preprocessor.mel is None or preprocessor.normalise != "corpus":
            raise UserError(
                "This run cannot transcribe live sound: that needs sounds whose features are scaled "
                "over the training set. Train a run with --set streaming=true."
            )
        self._step, self._preprocessor, self._mel = step, preprocessor, preprocessor.mel
        self.rate = preprocessor.mel.rate
        self._waiting = torch.zeros(0)
        self._samples = self._frames = 0
        self._log_p: list[Tensor] = []

    def __call__(self, samples: np.ndarray | Tensor) -> Transcript:
        """Read the next samples, and return the text so far.

        Args:
            samples: [N], from -1 to 1.

        Raises:
            UserError: where the samples have another shape.
        """
        self.read(samples)
        return self.transcript()

    def read(self, samples: np.ndarray | Tensor) -> None:
        """Read the next samples without decoding, which takes longer the longer the sound is.

        Args:
            samples: [N], from -1 to 1.

        Raises:
            UserError: where the samples have another shape.
        """
        chunk = torch.as_tensor(samples, dtype=torch.float32)
        if chunk.dim() != 1:
            raise UserError(f"Got a chunk of shape {list(chunk.shape)}; expected samples [N].")
        self._samples += len(chunk)
        self._waiting = torch.cat([self._waiting, chunk])
        size, stride = self._mel.size, self._mel.stride
        if len(self._waiting) >= size:
            self._read_frames(1 + (len(self._waiting) - size) // stride)

    def finish(self) -> Transcript:
        """The whole text; the remaining samples are padded to a whole frame."""
        if self._samples:
            left = self._mel.frames(self._samples) - self._frames
            missing = self._mel.size + self._mel.stride * (left - 1) - len(self._waiting)
            if left > 0:
                self._waiting = torch.nn.functional.pad(self._waiting, (0, max(0, missing)))
                self._read_frames(left)
        return self.transcript()

    @property
    def log_probabilities(self) -> Tensor:
        """log p [S, V] of all samples that were read."""
        if not self._log_p:
            return torch.zeros(0, len(self._preprocessor.tokens) + 1)
        return torch.cat(self._log_p)

    def transcript(self) -> Transcript:
        """The text so far."""
        log_p = self.log_probabilities
        labelling = greedy(log_p[:, None])[0] if len(log_p) else Labelling([], [], 0.0, 0.0)
        return make_transcript(self._preprocessor, labelling)

    def _read_frames(self, frames: int) -> None:
        size, stride = self._mel.size, self._mel.stride
        whole = self._waiting[: size + stride * (frames - 1)]
        self._waiting = self._waiting[stride * frames :]
        self._frames += frames
        x = self._preprocessor.scale_by_corpus(self._mel.whole_frames(whole))
        self._log_p.append(self._step(x).cpu())
