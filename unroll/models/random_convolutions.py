"""Features of sequences of numbers by fixed convolutions, and a ridge classifier of them.

R sequences, N steps of all of them, F columns, K classes, D dilations, Q biases, P features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from unroll.data.split import evenly_spread
from unroll.models.ridge_classifier import RidgeClassifier

LENGTH = 9  # of a kernel
TRIPLES = np.array(list(combinations(range(LENGTH), 3)))  # where a kernel is 2; elsewhere it is -1
MOST_DILATIONS = 8
MOST_CHANNELS = 9  # that a kernel reads
SAMPLED = 64  # sequences whose convolutions give the biases
CHUNK = 1 << 22  # numbers that are convolved at once
STATISTICS = 5  # of each column, beside the convolutions
FEATURES, FEWER_FEATURES = 5000, 2000
FEW_SEQUENCES = 2000  # up to which there are so many
MOST_SEQUENCES = 10_000  # that a classifier is fitted on


@dataclass(frozen=True)
class RandomConvolutions:
    """Shares of steps at which fixed convolutions exceed fixed thresholds.

    When to use it: as features of a linear classifier of sequences of numbers, such as gestures or
    sensors; it is fitted in seconds, and hard to beat with a few hundred sequences.

        c_t = sum_j w_j x_(t + (j - 4) d),   w_j in {-1, 2}, three of nine are 2
        feature = share of steps t with c_t > bias

    There are 84 such kernels. Dilations d are powers of two up to an eighth of the length; biases
    are quantiles of the convolutions of training sequences. A kernel reads a random few of several
    columns. Ends are padded with zeros, so columns should have mean 0. Mean, deviation, least and
    greatest value of each column and the deviation of its changes are features too, and the length.
    Source: A. Dempster et al., MiniRocket, 2021 (https://arxiv.org/abs/2012.08791); the statistics
    of the columns are an addition.

    Attributes:
        dilations: d, int64 [D].
        channels: which columns each kernel reads at each dilation, bool [D, 84, F].
        biases: thresholds, float32 [D, 84, Q].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.random_convolutions import RandomConvolutions
        >>> x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
        >>> lengths = np.array([20, 40])
        >>> convolutions = RandomConvolutions.fit(x, lengths, features=500)
        >>> convolutions.transform(x, lengths).shape
        (2, 515)
    """

    dilations: np.ndarray
    channels: np.ndarray
    biases: np.ndarray

    @classmethod
    def fit(
        cls, items: np.ndarray, lengths: np.ndarray, seed: int = 0, features: int = FEATURES
    ) -> RandomConvolutions:
        """Choose dilations, columns and biases.

        Args:
            items: the steps of all sequences, end to end, [N, F].
            lengths: steps of each sequence, [R].
            seed: of the columns and of the sequences that give the biases.
            features: about how many convolutions are wanted.
        """
        draw = np.random.default_rng(seed)
        typical, F = max(1.0, float(np.quantile(lengths, 0.9))), items.shape[1]
        largest = max(0, int(np.log2(max(1.0, (typical - 1) / (LENGTH - 1)))))
        dilations = 2 ** np.arange(min(largest + 1, MOST_DILATIONS))
        D, M = len(dilations), len(TRIPLES)
        Q = max(1, round(features / (D * M)))
        channels = np.zeros((D, M, F), dtype=bool)
        for d in range(D):
            for m in range(M):
                most = min(F, MOST_CHANNELS)
                count = int(2 ** draw.uniform(0, np.log2(most + 1)))  # few more often than many
                channels[d, m, draw.choice(F, min(F, count), replace=False)] = True
        starts = np.cumsum([0, *lengths])
        chosen = draw.choice(len(lengths), min(len(lengths), SAMPLED), replace=False)
        quantiles = (np.arange(1, D * M * Q + 1) * ((np.sqrt(5) + 1) / 2)) % 1  # evenly spread
        x, real = padded(items, starts, np.sort(chosen))
        biases = np.zeros((D, M, Q), dtype=np.float32)
        for d in range(D):
            convolved = convolve(x, int(dilations[d]), channels[d])[:, real]  # [84, steps]
            own = quantiles.reshape(D, M, Q)[d]
            for m in range(M):
                biases[d, m] = np.quantile(convolved[m], own[m])
        return cls(dilations, channels, biases)

    @property
    def size(self) -> int:
        """P."""
        return int(self.biases.size) + STATISTICS * self.channels.shape[2] + 1

    def transform(self, items: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The features, float32 [R, P].

        Args:
            items: the steps of all sequences, end to end, [N, F].
            lengths: steps of each sequence, [R].
        """
        found = np.zeros((len(lengths), self.size), dtype=np.float32)
        for rows, X in self.batches(items, lengths):
            found[rows] = X
        return found

    def batches(
        self, items: np.ndarray, lengths: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The features of some sequences at a time, so that memory is bounded.

        Args:
            items: the steps of all sequences, end to end, [N, F].
            lengths: steps of each sequence, [R].

        Yields:
            Which sequences, [B], and their features, float32 [B, P].
        """
        starts = np.cumsum([0, *lengths])
        order = np.argsort(lengths, kind="stable")  # of similar length, so that little is padding
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end + 1 - begin) * lengths[order[end]] * 84 <= CHUNK:
                end += 1
            rows = order[begin:end]
            yield rows, self._features(*padded(items, starts, rows))
            begin = end

    def _features(self, x: np.ndarray, real: np.ndarray) -> np.ndarray:
        steps = np.maximum(1, real.sum(1)).astype(np.float32)  # [B]
        D, M, Q = self.biases.shape
        shares = np.zeros((len(x), D, M, Q), dtype=np.float32)
        for d in range(D):
            convolved = convolve(x, int(self.dilations[d]), self.channels[d])
            convolved[:, ~real] = -np.inf  # padding exceeds no threshold
            for q in range(Q):
                over = convolved > self.biases[d, :, q, None, None]  # [84, B, T]
                shares[:, d, :, q] = (np.count_nonzero(over, 2) / steps).T
        return np.concatenate(
            [shares.reshape(len(x), -1), column_statistics(x, real), np.log(steps)[:, None]], 1
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        return {"dilations": self.dilations, "channels": self.channels, "biases": self.biases}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], columns: int) -> RandomConvolutions:
        """From the arrays of a file.

        Args:
            arrays: as `arrays` returned them.
            columns: F, which they have to have.

        Raises:
            ValueError: where they are not those of such features.
        """
        names = ("dilations", "channels", "biases")
        if any(name not in arrays for name in names):
            raise ValueError(f"expected the arrays {', '.join(names)}")
        dilations, channels, biases = (arrays[name] for name in names)
        D, M = dilations.size, len(TRIPLES)
        shapes = dilations.shape == (D,) and channels.shape == (D, M, columns)
        kinds = np.issubdtype(dilations.dtype, np.integer) and channels.dtype == bool
        if not (shapes and kinds and biases.ndim == 3 and biases.shape[:2] == (D, M) and D):
            raise ValueError(f"expected dilations, columns and biases of {columns} columns")
        if biases.dtype != np.float32 or not np.isfinite(biases).all():
            raise ValueError("expected finite biases")
        if not ((dilations >= 1) & (dilations <= 1 << 20)).all():
            raise ValueError("expected dilations of at least 1")
        return cls(dilations, channels, biases)


def padded(
    items: np.ndarray, starts: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences side by side: float32 [B, T, F], zero where padded, and which steps are real, [B, T].

    Args:
        items: the steps of all sequences, [N, F].
        starts: where each begins, and N, [R + 1].
        rows: which sequences, [B].
    """
    lengths = starts[rows + 1] - starts[rows]
    steps = np.arange(max(1, lengths.max(initial=1)))
    real = steps < lengths[:, None]
    x = np.zeros((*real.shape, items.shape[1]), dtype=np.float32)
    x[real] = items[(starts[rows, None] + steps)[real]]
    return x, real


def convolve(x: np.ndarray, dilation: int, channels: np.ndarray) -> np.ndarray:
    """All kernels over sequences [B, T, F], summed over the columns that each reads: [84, B, T].

    Args:
        x: zero where padded.
        dilation: steps between neighbours in a kernel.
        channels: the columns that each kernel reads, bool [84, F].
    """
    B, T, F = x.shape
    reach = (LENGTH // 2) * dilation
    wide = np.zeros((F, B, T + 2 * reach), dtype=np.float32)
    wide[:, :, reach : reach + T] = x.transpose(2, 0, 1)
    summed = (channels.astype(np.float32) @ wide.reshape(F, -1)).reshape(-1, *wide.shape[1:])
    shifted = [summed[:, :, j * dilation : j * dilation + T] for j in range(LENGTH)]
    total = -sum(shifted[1:], start=shifted[0].copy())
    for j in range(LENGTH):
        doubled = (TRIPLES == j).any(1)
        total[doubled] += 3 * shifted[j][doubled]
    return total


def column_statistics(x: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Mean, deviation, least, greatest value, deviation of changes of each column: [B, 5 F]."""
    x = x.astype(np.float64)  # so that sums do not depend on the padding
    steps, is_real = np.maximum(1, real.sum(1))[:, None], real[..., None]
    mean = x.sum(1) / steps
    deviation = np.sqrt((((x - mean[:, None]) * is_real) ** 2).sum(1) / steps)
    least = np.where(is_real, x, np.inf).min(1)
    greatest = np.where(is_real, x, -np.inf).max(1)
    changes = (x[:, 1:] - x[:, :-1]) * is_real[:, 1:]
    change = np.sqrt((changes**2).sum(1) / np.maximum(1, steps - 1))
    found = np.concatenate([mean, deviation, least, greatest, change], 1)
    return np.nan_to_num(found, posinf=0.0, neginf=0.0).astype(np.float32)


@dataclass(frozen=True)
class ConvolutionClassifier:
    """Ridge regression of the classes on `RandomConvolutions`.

    Attributes:
        convolutions: the features.
        ridge: the regression.

    Examples:
        >>> import numpy as np
        >>> from unroll.models.random_convolutions import ConvolutionClassifier
        >>> t = np.arange(30)
        >>> slow, fast = np.sin(t / 3), np.sin(t)
        >>> items = np.concatenate([slow, fast, slow + 0.1, fast + 0.1])[:, None]
        >>> classifier = ConvolutionClassifier.fit(
        ...     items, np.array([30] * 4), np.array([0, 1, 0, 1]), 2, features=500
        ... )
        >>> classifier.scores(items[:60], np.array([30, 30])).argmax(1).tolist()
        [0, 1]
    """

    convolutions: RandomConvolutions
    ridge: RidgeClassifier

    @classmethod
    def fit(
        cls,
        items: np.ndarray,
        lengths: np.ndarray,
        targets: np.ndarray,
        classes: int,
        seed: int = 0,
        features: int | None = None,
    ) -> ConvolutionClassifier:
        """Fit features and regression; of more than 10,000 sequences an even sample.

        Args:
            items: the steps of all sequences, end to end, [N, F].
            lengths: steps of each sequence, [R].
            targets: classes [R], or bool [R, K] where a sequence may have several.
            classes: K.
            seed: of the features.
            features: about how many convolutions. Default: 5,000, and 2,000 from 2,000 sequences on.
        """
        items, lengths, targets = sampled(items, lengths, targets)
        if features is None:
            features = FEATURES if len(lengths) <= FEW_SEQUENCES else FEWER_FEATURES
        convolutions = RandomConvolutions.fit(items, lengths, seed, features)
        X = convolutions.transform(items, lengths)
        return cls(convolutions, RidgeClassifier.fit(X, targets, classes))

    def scores(self, items: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores, float64 [R, K]; arguments as `RandomConvolutions.transform` takes them."""
        scores = np.zeros((len(lengths), len(self.ridge.bias)))
        for rows, X in self.convolutions.batches(items, lengths):
            scores[rows] = self.ridge.scores(X)
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        return {**self.convolutions.arrays(), **self.ridge.arrays()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], columns: int, classes: int
    ) -> ConvolutionClassifier:
        """From the arrays of a file.

        Args:
            arrays: as `arrays` returned them.
            columns: F, which they have to have.
            classes: K, which they have to have.

        Raises:
            ValueError: where they are not those of such a classifier.
        """
        convolutions = RandomConvolutions.from_arrays(arrays, columns)
        return cls(convolutions, RidgeClassifier.from_arrays(arrays, convolutions.size, classes))


def sampled(
    items: np.ndarray, lengths: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An even sample of many sequences; arguments as `ConvolutionClassifier.fit` takes them."""
    if len(lengths) <= MOST_SEQUENCES:
        return items, lengths, targets
    rows = evenly_spread(len(lengths), MOST_SEQUENCES)
    starts = np.cumsum([0, *lengths])
    parts = [items[starts[row] : starts[row + 1]] for row in rows]
    return np.concatenate(parts), lengths[rows], targets[rows]
