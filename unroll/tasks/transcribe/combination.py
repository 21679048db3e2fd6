"""Closed texts: the network's log-probability of each beside the simple model's score.

S steps, V tokens with the blank, R recordings, K texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from unroll.tasks.transcribe.ctc import IMPOSSIBLE, Labelling, alignment, path_sums
from unroll.tasks.transcribe.floor import ClosedTextModel
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.segment_statistics import recording_statistics

LOWEST = 100.0  # nats below the most likely text, which is as good as impossible
NEVER = 1e30  # nats that no other text exceeds
# what few recordings say of the weights is drawn towards this: the network changes the logits by so
# many nats, and the sharpness of the simple model is right to such a share
USUAL_NATS, USUAL_SHARE = 3.0, 0.5
NOTHING = 0.01  # nats that count as none
SPARE = 3.0  # nats by which another text has to exceed those of the validation set
TRUSTED = 0.5  # share of the validation set that the network has to read by itself


@dataclass(frozen=True)
class CombinationWeights:
    """How much the network and the simple model count.

        log p(text_k | recording) = network * log p_ctc(text_k) + floor * score_k + constant

    Attributes:
        network: weight of the log-probability of the network.
        floor: weight of the score of the simple model.
        margin: nats by which the network's own reading has to be likelier than every closed text to
            be kept, as for texts that the training set does not have.
    """

    network: float
    floor: float
    margin: float

    def logits(self, network: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """The combination of log-probabilities [..., K] and scores [..., K]."""
        found: np.ndarray = self.network * network + self.floor * floor
        return found


class ClosedTexts:
    """The closed texts of a run, as the network and the simple model see them.

    Args:
        model: the simple model.
        preprocessor: of the run.
    """

    def __init__(self, model: ClosedTextModel, preprocessor: TranscribePreprocessor) -> None:
        self.model, self._preprocessor = model, preprocessor
        self.labellings = [tuple(preprocessor.encode(text)) for text in model.texts]
        self._numbers = {text: k for k, text in enumerate(model.texts)}
        self._known = set(self.labellings)

    def number(self, text: str) -> int | None:
        """Which closed text this is; None where it is none of them."""
        return self._numbers.get(self._preprocessor.normalise_text(text))

    def floor_scores(self, raw: np.ndarray) -> np.ndarray:
        """Scores [K] of the simple model for the contents of a file."""
        return self.model.scores(recording_statistics(self._preprocessor, raw))[0]

    def network_scores(self, log_p: Tensor) -> np.ndarray:
        """Log-probability [K] of each text, in nats, from the network's log p [S, V].

        Texts that are too long for the steps are as good as impossible; where all are, all are equal.
        """
        sums = path_sums(log_p.double().numpy(), self.labellings)
        if sums.max() == IMPOSSIBLE:
            return np.zeros(len(sums))
        return np.maximum(sums, sums.max() - LOWEST)

    def excess(self, log_p: Tensor, reading: Labelling, scores: np.ndarray) -> float:
        """Nats by which the network's own reading is likelier than every closed text.

        Args:
            log_p: [S, V].
            reading: what the search found.
            scores: those of `network_scores`.
        """
        own = float(path_sums(log_p.double().numpy(), [tuple(reading.tokens)])[0])
        return own - float(scores.max()) if own > IMPOSSIBLE else -NEVER

    def choose(
        self, log_p: Tensor, floor: np.ndarray, reading: Labelling, weights: CombinationWeights
    ) -> Labelling:
        """The most likely closed text, or the network's own reading where that exceeds all by the margin.

        Args:
            log_p: [S, V].
            floor: scores [K] of the simple model.
            reading: what the search found.
            weights: of the combination.
        """
        network = self.network_scores(log_p)
        is_closed = tuple(reading.tokens) in self._known
        if not is_closed and self.excess(log_p, reading, network) > weights.margin:
            return reading
        logits = weights.logits(network, floor)
        best = int(logits.argmax())
        share = float(logits[best] - logits.max() - np.log(np.exp(logits - logits.max()).sum()))
        tokens = list(self.labellings[best])
        return Labelling(tokens, token_times(log_p, self.labellings[best]), share, share)


def token_times(log_p: Tensor, labelling: tuple[int, ...]) -> list[tuple[int, int]]:
    """The first and last step of each token; equal parts of the recording where no path has them."""
    try:
        return alignment(log_p.double().numpy(), labelling)
    except ValueError:
        n, S = len(labelling), max(1, len(log_p))
        return [(k * S // n, max(k * S // n, (k + 1) * S // n - 1)) for k in range(n)]


def fit_weights(
    network: np.ndarray, floor: np.ndarray, y: np.ndarray, sharpness: float
) -> tuple[float, float]:
    """The weights a, b >= 0 of lowest cross-entropy of softmax(a * network + b * floor).

    It is convex. Few recordings are drawn towards weights 0 and `sharpness`.

    Args:
        network: log-probabilities [R, K] of recordings that neither model has learned from.
        floor: scores [R, K].
        y: the text of each, [R].
        sharpness: the weight that the simple model has by itself.

    Returns:
        a and b; 0 and `sharpness` where there is no recording.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.combination import fit_weights
        >>> floor = np.tile([1.0, -1.0], (50, 1))
        >>> wrong = np.tile([-9.0, 0.0], (50, 1))     # the network is always wrong
        >>> fit_weights(wrong, floor, np.zeros(50, dtype=int), 2.0)[0]
        0.0
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    if not len(y):
        return 0.0, sharpness
    spread = max(1e-6, float(network.std(1).mean()))
    rows = np.arange(len(y))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = weights[0] * network + weights[1] * floor
        p = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        drawn = weights * [spread / USUAL_NATS, 1 / (USUAL_SHARE * sharpness)] - [
            0,
            1 / USUAL_SHARE,
        ]
        total = -np.log(np.maximum(p[rows, y], 1e-300)).sum() + 0.5 * (drawn**2).sum()
        p[rows, y] -= 1
        slope = np.array([(p * network).sum(), (p * floor).sum()])
        slope += drawn * [spread / USUAL_NATS, 1 / (USUAL_SHARE * sharpness)]
        return float(total), slope

    found = minimize(
        loss, [0.1 / spread, sharpness], jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None)]
    )
    a, b = found.x
    return (float(a) if a * spread > NOTHING else 0.0), float(b)
