"""From a file to a labelling: the network's probabilities, then the search that the settings ask for.

S steps, V tokens with the blank.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.saved_files import refuse_unless
from unroll.tasks.base import Trained
from unroll.tasks.transcribe.combination import ClosedTexts, CombinationWeights
from unroll.tasks.transcribe.ctc import Labelling, beam_search, greedy
from unroll.tasks.transcribe.floor import ARRAYS
from unroll.tasks.transcribe.language_scorer import load_language_scorer
from unroll.tasks.transcribe.live import LiveTranscriber
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.preprocessor import FeatureScale, TranscribePreprocessor
from unroll.tasks.transcribe.segment_statistics import statistics_size
from unroll.tasks.transcribe.settings import TranscribeSettings

TrainedTranscriber = Trained[TranscribeSettings, TranscribePreprocessor, Transcriber]


def check_search(settings: TranscribeSettings) -> None:
    """Check that the settings of the search fit together.

    Raises:
        UserError: where they do not.
    """
    if settings.language_model is not None and settings.beam == 1:
        raise UserError(
            "language_model needs a beam search, and got beam=1, the most likely token of each step. "
            "Give the beam a width: --set beam=16."
        )
    if settings.chunk and not settings.streaming:
        raise UserError(
            "chunk is for a run that streams, and this run reads a whole recording at once. Leave "
            "chunk out, or train a run with --set streaming=true."
        )


class Decoder:
    """The search of a run: greedy, or a beam search with or without a language model.

    When to use it: once for many files, as making it loads the language model.

    Raises:
        UserError: where the settings of the search do not fit together, or the language model does
            not fit the run.
    """

    def __init__(self, trained: TrainedTranscriber) -> None:
        check_search(trained.settings)
        self._beam = trained.settings.beam
        self._scorer = load_language_scorer(trained.settings, trained.preprocessor, trained.device)

    def __call__(self, log_p: Tensor) -> Labelling:
        """The best labelling that the search finds for log p [S, V]."""
        if self._beam == 1:
            return greedy(log_p[:, None])[0]
        return beam_search(log_p, self._beam, self._scorer, best=1)[0]


class Recogniser:
    """What a run reads in a recording: its search, and the simple model where texts are closed.

    When to use it: once for many files.

    Args:
        trained: the run.

    Attributes:
        decode: the search, with the network alone.
        closed: the closed texts; None where the run has none.
        weights: of network and simple model.

    Raises:
        UserError: as from `Decoder`; where the file of the simple model is damaged.
    """

    def __init__(self, trained: TrainedTranscriber) -> None:
        self.decode = Decoder(trained)
        floor = trained.preprocessor.floor
        if floor is not None:
            size = statistics_size(trained.preprocessor, floor.parts)
            fits = len(floor.mean) == size
            refuse_unless(fits, trained.path / ARRAYS, f"{size:,} statistics of a recording")
        self.closed = None if floor is None else ClosedTexts(floor, trained.preprocessor)
        self.weights = combination_weights(trained.model)

    def __call__(self, log_p: Tensor, raw: np.ndarray) -> Labelling:
        """The labelling of a recording.

        Args:
            log_p: the network's output [S, V].
            raw: the contents of the file.
        """
        reading = self.decode(log_p)
        if self.closed is None:
            return reading
        return self.closed.choose(log_p, self.closed.floor_scores(raw), reading, self.weights)


def combination_weights(network: Transcriber) -> CombinationWeights:
    """The weights that a network keeps; the network alone where it keeps none."""
    kept = getattr(network, "combination", None)
    if not isinstance(kept, Tensor):
        return CombinationWeights(1.0, 0.0, 0.0)
    alone, floor, margin = kept.tolist()
    return CombinationWeights(alone, floor, margin)


@torch.no_grad()
def log_probabilities(
    trained: TrainedTranscriber, raw: np.ndarray, scale: FeatureScale | None
) -> Tensor:
    """The network's output for the contents of a file; with `chunk` piece by piece, as if live.

    Args:
        trained: the model, in eval mode.
        raw: the contents, as `TranscribePreprocessor.load_raw` returns them.
        scale: of the speaker; None where it is unknown.

    Returns:
        log p [S, V], on the CPU.
    """
    preprocessor = trained.preprocessor
    if trained.settings.chunk:
        live = LiveTranscriber(trained.model.stream(), preprocessor)
        size = max(1, round(trained.settings.chunk * live.rate))
        for start in range(0, len(raw), size):
            live.read(raw[start : start + size])
        live.finish()
        return live.log_probabilities
    x = preprocessor.features(raw, scale)[:, None].to(trained.device)
    log_p, _ = trained.model(x, torch.tensor([len(x)], device=trained.device))
    return log_p[:, 0].cpu()
