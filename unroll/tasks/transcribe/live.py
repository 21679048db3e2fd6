"""A sound that is still going on: chunk by chunk to the text so far.

N samples, T frames, S steps, V tokens with the blank.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.tasks.transcribe.ctc import Found, greedy
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.transcript import as_answer


class Live:
    """A recogniser that is handed samples as they come.

    When to use it: a microphone, a telephone line: `live = run.live()` of a run that was trained
    with `--set streaming=true`, then `live(chunk)` for each chunk and `live.finish()`.

    step: log p [S, V] of the steps that further frames [T, F] complete. preprocessor: of the run.
    Attributes: rate: of the samples, a second. log_probabilities: [S, V] of all that was heard; the
    same as of the whole sound at once, whatever the chunks are.
    """

    def __init__(
        self, step: Callable[[Tensor], Tensor], preprocessor: TranscribePreprocessor
    ) -> None:
        if preprocessor.mel is None or preprocessor.normalise != "corpus":
            raise UserError(
                "Only a recogniser of sounds that hears nothing in advance can follow one that is "
                "still going on. Train it by --set streaming=true."
            )
        self._step, self._codec, self._mel = step, preprocessor, preprocessor.mel
        self.rate = preprocessor.mel.rate
        self._waiting = torch.zeros(0)
        self._samples = self._frames = 0
        self._found: list[Tensor] = []

    def __call__(self, samples: np.ndarray | Tensor) -> dict[str, Any]:
        """The text so far, with the times of its words. samples: the next ones [N], -1 to 1."""
        self.hear(samples)
        return self.answer()

    def hear(self, samples: np.ndarray | Tensor) -> None:
        """The same without the text, which takes longer the more was heard."""
        chunk = torch.as_tensor(samples, dtype=torch.float32)
        if chunk.dim() != 1:
            raise UserError(f"A chunk of shape {list(chunk.shape)} came; expected samples [N].")
        self._samples += len(chunk)
        self._waiting = torch.cat([self._waiting, chunk])
        size, stride = self._mel.size, self._mel.stride
        if len(self._waiting) >= size:
            self._hear(1 + (len(self._waiting) - size) // stride)

    def finish(self) -> dict[str, Any]:
        """The whole text: what is left of the samples is filled up to a frame."""
        if self._samples:
            left = self._mel.frames(self._samples) - self._frames
            missing = self._mel.size + self._mel.stride * (left - 1) - len(self._waiting)
            if left > 0:
                self._waiting = torch.nn.functional.pad(self._waiting, (0, max(0, missing)))
                self._hear(left)
        return self.answer()

    @property
    def log_probabilities(self) -> Tensor:
        """[S, V] of all that was heard."""
        if not self._found:
            return torch.zeros(0, len(self._codec.tokens) + 1)
        return torch.cat(self._found)

    def answer(self) -> dict[str, Any]:
        """The text so far."""
        log_p = self.log_probabilities
        found = greedy(log_p[:, None])[0] if len(log_p) else Found([], [], 0.0, 0.0)
        return as_answer(self._codec, found)

    def _hear(self, frames: int) -> None:
        size, stride = self._mel.size, self._mel.stride
        whole = self._waiting[: size + stride * (frames - 1)]
        self._waiting = self._waiting[stride * frames :]
        self._frames += frames
        x = self._codec.scaled_by_corpus(self._mel.of_whole(whole))
        self._found.append(self._step(x).cpu())
