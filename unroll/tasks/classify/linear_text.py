"""The linear model of texts: two support vector machines on n-grams, and naive Bayes.

R texts, P features, W features of words, K classes, Z features of all texts that are not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unroll.models.text_features import CHARACTERS, FEWER_CHARACTERS, Sparse, TextFeatures

SCORES = 4  # of a text: two support vector machines, naive Bayes, how frequent each class is
SMOOTHINGS = (1.0, 0.3, 0.1)
MOST_WEIGHTS = 6_000_000  # of a matrix [P, K], in half precision
CHUNK = 128  # texts whose scores are summed at once
ARRAYS = ("weights", "bias", "scale", "scaled_weights", "scaled_bias", "bayes", "prior")
LEAST_SCALE = 1e-3  # of a feature that no class has more often than others
LARGEST = 6e4  # of a weight in half precision
FINE, COARSE = 0.1, 1.0  # tolerance of the solver: of a machine for each class, of one for all
# seconds of a processor for a character of the texts, and for a character and a class: of one machine
# for all classes, and of one for each
COSTS = {CHARACTERS: (2e-6, 5e-8, 14e-8), FEWER_CHARACTERS: (1e-6, 1.5e-8, 6e-8)}


@dataclass(frozen=True)
class LinearTextModel:
    """Four scores of each class for a text, each linear in its features.

    When to use it: as the model that a network of texts has to beat, and is combined with.

        s_1 = x W + b        a linear support vector machine, x from `TextFeatures`
        s_2 = y V + c        another, y_f = scale_f / |y| for each feature f of the text, else 0,
                             scale_f = max_k |log p(f | k) / p(f | not k)|
        s_3 = sum of log p(w | k), centred, over the different words and pairs w, / sqrt(their number)
        s_4 = log p(k)

    Where a text may have several classes, s_3 and s_4 are logarithms of odds against all other texts.
    How much each counts is fitted elsewhere. Sources: T. Joachims, Text categorization with support
    vector machines, 1998; K. Crammer and Y. Singer, On the algorithmic implementation of multiclass
    kernel-based vector machines, 2001 (https://jmlr.org/papers/v2/crammer01a.html), where a text has
    one of several classes; S. Wang and C. Manning, Baselines and bigrams, 2012
    (https://aclanthology.org/P12-2018), for s_2 and s_3; one scale for all classes is a change.

    Attributes:
        features: of texts.
        weights: W, float16 [P, K].
        bias: b, float32 [K].
        scale: of each feature, float32 [P].
        scaled_weights: V, float16 [P, K].
        scaled_bias: c, float32 [K].
        bayes: of each word and pair what it adds to s_3, float16 [W, K].
        prior: s_4, float32 [K].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.classify.linear_text import LinearTextModel
        >>> texts, y = ["a good film", "a bad film", "good", "bad"], np.array([0, 1, 0, 1])
        >>> model = LinearTextModel.fit(texts, y, 2)[0]
        >>> model.scores(["bad story"]).argmax(2).tolist()
        [[1, 1, 1, 0]]
    """

    features: TextFeatures
    weights: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    scaled_weights: np.ndarray
    scaled_bias: np.ndarray
    bayes: np.ndarray
    prior: np.ndarray

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: np.ndarray,
        classes: int,
        *,
        lower: bool = True,
        characters: tuple[int, ...] = CHARACTERS,
        balanced: bool = False,
        smoothings: Sequence[float] = SMOOTHINGS[:1],
        seed: int = 0,
    ) -> list[LinearTextModel]:
        """Fit to texts: a model for each smoothing of naive Bayes.

        Args:
            texts: of the training set.
            targets: classes [R], or bool [R, K] where a text may have several.
            classes: K.
            lower: whether texts are lowercased.
            characters: how many characters an n-gram of characters has.
            balanced: whether all classes have the same weight together.
            smoothings: what is added to each count of naive Bayes, one for each model.
            seed: of the order in which the solver reads texts.
        """
        own = targets if targets.ndim == 2 else targets[:, None] == np.arange(classes)
        most = max(1000, MOST_WEIGHTS // classes)
        features = TextFeatures.fit(texts, lower, characters, most)
        found = features.transform(texts)
        weights, bias = fit_support_vectors(found, len(features.places), own, balanced, seed)
        counts = count_features(found, len(features.places), own)
        odds = ngram_weights(counts, SMOOTHINGS[0], several=True)
        scale = np.abs(odds).max(1).clip(min=LEAST_SCALE).astype(np.float32)
        starts, columns, _ = found
        other = starts, columns, unit_rows(starts, scale[columns])
        second = fit_support_vectors(other, len(features.places), own, balanced, seed)
        counts = counts[features.words_from :]
        records = own.sum(0)
        if targets.ndim == 2:
            prior = np.log(records + 1.0) - np.log(len(own) - records + 1.0)
        else:
            prior = np.log((records + 1.0) / (len(own) + classes))
        if balanced:
            prior = np.zeros(classes)
        each = [ngram_weights(counts, a, several=targets.ndim == 2) for a in smoothings]
        return [
            cls(
                features,
                weights,
                bias,
                scale,
                *second,
                bayes.astype(np.float16),
                prior.astype(np.float32),
            )
            for bayes in each
        ]

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """The four scores of each class, float64 [R, 4, K]."""
        K = len(self.bias)
        scores = np.zeros((len(texts), SCORES, K))
        scores[:, 0], scores[:, 1], scores[:, 3] = self.bias, self.scaled_bias, self.prior
        first_word = self.features.words_from
        for begin in range(0, len(texts), CHUNK):
            starts, columns, values = self.features.transform(texts[begin : begin + CHUNK])
            some = scores[begin : begin + CHUNK]
            rows = np.repeat(np.arange(len(some)), np.diff(starts))
            add_by_row(some[:, 0], rows, self.weights[columns].astype(np.float32) * values[:, None])
            scaled = unit_rows(starts, self.scale[columns])
            parts = self.scaled_weights[columns].astype(np.float32) * scaled[:, None]
            add_by_row(some[:, 1], rows, parts)
            is_word = columns >= first_word
            rows, words = rows[is_word], columns[is_word] - first_word
            number = np.bincount(rows, minlength=len(some))[rows]
            bayes = self.bayes[words].astype(np.float32)
            add_by_row(some[:, 2], rows, bayes / np.sqrt(number)[:, None])
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        own = {name: getattr(self, name) for name in ARRAYS}
        return {**self.features.arrays(), **own}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], classes: int) -> LinearTextModel:
        """From the arrays of a file.

        Args:
            arrays: as `arrays` returned them.
            classes: K, which they have to have.

        Raises:
            ValueError: where they are not those of such a model.
        """
        features = TextFeatures.from_arrays(arrays)
        P = len(features.places)
        shapes = (
            *((P, classes), (classes,), (P,), (P, classes), (classes,)),
            *((P - features.words_from, classes), (classes,)),
        )
        for name, shape in zip(ARRAYS, shapes, strict=True):
            array = arrays.get(name)
            if array is None or array.shape != shape or not np.issubdtype(array.dtype, np.floating):
                raise ValueError(f"expected {name} of the shape {shape}")
            if not bool((np.abs(array) < LARGEST).all()):
                raise ValueError(f"expected {name} below {LARGEST:g}")
        return cls(features, *(arrays[name] for name in ARRAYS))


def add_by_row(totals: np.ndarray, rows: np.ndarray, parts: np.ndarray) -> None:
    """Add parts [n, K] to the rows [n] of totals [R, K]; the rows rise."""
    if not len(rows):
        return
    first = np.flatnonzero(np.concatenate([[True], np.diff(rows) > 0]))
    totals[rows[first]] += np.add.reduceat(parts, first, axis=0, dtype=np.float64)


def unit_rows(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values [Z] of a sparse matrix whose rows begin at `starts`, each row divided by its length."""
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    norms = np.sqrt(np.bincount(row, weights=values.astype(np.float64) ** 2))
    return (values / norms[row]).astype(np.float32)


def fit_support_vectors(
    found: Sparse, features: int, own: np.ndarray, balanced: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float16 [P, K] and bias float32 [K] of a linear support vector machine.

    Of one of several classes it is one machine, which is fitted in a third of the time of one for each
    class and has a lower loss; a coarse solution is as good as an exact one. Where a text may have
    several classes, or there are two, each class has a machine of its own.

    Args:
        found: the features of texts, as `TextFeatures.transform` returns them.
        features: P.
        own: the classes of each text, bool [R, K].
        balanced: whether all classes have the same weight together.
        seed: of the order in which texts are read.
    """
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    starts, columns, values = found
    R, K = own.shape
    X = csr_matrix((values.astype(np.float64), columns, starts), shape=(R, features))
    weights, bias = np.zeros((features, K), dtype=np.float16), np.zeros(K, dtype=np.float32)
    balance = "balanced" if balanced else None
    is_single = bool((own.sum(1) == 1).all())
    occurring = np.flatnonzero(own.any(0))
    if is_single and 2 < len(occurring) <= R / 2:  # of more it warns that they are no classes
        machine = LinearSVC(
            multi_class="crammer_singer", tol=COARSE, random_state=seed, class_weight=balance
        ).fit(X, own.argmax(1))
        bias[~own.any(0)] = -1.0
        weights[:, occurring], bias[occurring] = machine.coef_.T, machine.intercept_
        return weights, bias
    for k in range(K):
        if is_single and K == 2 and k == 1:  # two classes are one machine
            weights[:, 1], bias[1] = -weights[:, 0], -bias[0]
        elif own[:, k].all() or not own[:, k].any():
            bias[k] = 1.0 if own[0, k] else -1.0
        else:
            machine = LinearSVC(tol=FINE, random_state=seed, class_weight=balance)
            machine.fit(X, own[:, k])
            weights[:, k], bias[k] = machine.coef_[0], machine.intercept_[0]
    return weights, bias


def count_features(found: Sparse, features: int, own: np.ndarray) -> np.ndarray:
    """In how many texts of each class each feature occurs, float64 [P, 2 K].

    The second K columns count the texts without the class.

    Args:
        found: the features of the texts.
        features: P.
        own: the classes of each text, bool [R, K].
    """
    from scipy.sparse import csr_matrix

    starts, columns, _ = found
    X = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(own), features))
    counts = np.asarray(X.T @ own.astype(np.float64))
    all_texts = np.asarray(X.sum(0)).reshape(-1, 1)
    return np.concatenate([counts, all_texts - counts], 1)


def ngram_weights(counts: np.ndarray, smoothing: float, *, several: bool) -> np.ndarray:
    """What each n-gram adds to the score of each class, [P, K].

    Args:
        counts: as `count_features` returns them, [P, 2 K].
        smoothing: a of (n + a) / (total + a P).
        several: whether a text may have several classes; then odds against texts without the class.
    """
    K = counts.shape[1] // 2
    logs = np.log(counts + smoothing) - np.log(counts.sum(0) + smoothing * len(counts))
    own, others = logs[:, :K], logs[:, K:]
    weights: np.ndarray = own - others if several else own - own.mean(1, keepdims=True)
    return weights


def affordable(
    characters: int, classes: int, most: float, *, several: bool
) -> tuple[tuple[int, ...], float]:
    """Which n-grams of characters are used, and the share of the texts that the model is fitted on.

    Fewer n-grams of all texts are better than all n-grams of fewer texts.

    Args:
        characters: of all texts.
        classes: K.
        most: seconds that fitting may take.
        several: whether a text may have several classes.
    """
    needed = 0.0
    for lengths, (each, together, apart) in COSTS.items():
        needed = characters * (each + (apart if several else together) * classes)
        if needed <= most:
            return lengths, 1.0
    return FEWER_CHARACTERS, most / needed
