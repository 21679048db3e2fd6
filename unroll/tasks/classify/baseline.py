"""The baselines of a classifier: the most frequent class, and naive Bayes on the tokens of texts.

R records, K classes, V tokens of the vocabulary, N tokens of all records together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.models.classification_metrics import classification_metrics
from unroll.tasks.baseline import FILE, check_shares, load_baseline, pack_baseline
from unroll.tasks.classify.labelled import LabelledSequences, class_counts
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.training.folder import damaged_baseline

SMOOTHINGS = (1.0, 0.3, 0.1)
LARGEST = 1e6  # of the logarithms of probabilities and their ratios


@dataclass(frozen=True)
class NaiveBayes:
    """Multinomial naive Bayes.

        p(k | x) ~ p(k) prod_t p(x_t | k),   p(w | k) = (n_kw + a) / (n_k + a V)

    Where a text may have several classes, each class is distinguished from all others in the same way.
    Source: A. McCallum and K. Nigam, A comparison of event models for naive Bayes text
    classification, 1998.

    Attributes:
        prior: log p(k), [K].
        words: log p(w | k), [V, K].
        multi_label: whether these are logarithms of odds, because a text may have several classes.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.classify.baseline import NaiveBayes
        >>> model = NaiveBayes.fit(np.array([2, 3]), np.array([0, 1, 2]), np.array([0, 1]), 4, 2)
        >>> model.probabilities(np.array([3, 3]), np.array([0, 2])).round(2).tolist()
        [[0.2, 0.8]]
    """

    prior: np.ndarray
    words: np.ndarray
    multi_label: bool = False

    @classmethod
    def fit(
        cls,
        ids: np.ndarray,
        starts: np.ndarray,
        targets: np.ndarray,
        inputs: int,
        classes: int,
        smoothing: float = 1.0,
    ) -> NaiveBayes:
        """Count the tokens of each class.

        Args:
            ids: the tokens of all texts, end to end, [N].
            starts: where each text begins, and N, [R + 1].
            targets: classes [R], or bool [R, K] where a text may have several.
            inputs: V.
            classes: K.
            smoothing: a, which is added to each count; 1 is Laplace's.
        """
        multi_label = targets.ndim == 2
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))  # of each token
        counts = np.zeros((inputs, classes))
        if multi_label:
            for k in range(classes):
                counts[:, k] = np.bincount(ids[targets[row, k]], minlength=inputs)
            labelled = targets.sum(0)
        else:
            np.add.at(counts, (ids, targets[row]), 1.0)
            labelled = np.bincount(targets, minlength=classes)
        prior = np.log(labelled + 1.0)
        words = log_probabilities(counts, smoothing)
        if multi_label:
            total = np.bincount(ids, minlength=inputs)[:, None]
            words = words - log_probabilities(total - counts, smoothing)
            return cls(prior - np.log(len(targets) - labelled + 1.0), words, multi_label)
        return cls(prior - np.log(np.exp(prior).sum()), words)

    def probabilities(self, ids: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The probability of each class, [R, K]. ids, starts: texts, as `fit` takes them."""
        scores = np.zeros((len(starts) - 1, len(self.prior)))
        row = np.repeat(np.arange(len(scores)), np.diff(starts))
        np.add.at(scores, row, self.words[ids])
        scores += self.prior
        if self.multi_label:
            sigmoids: np.ndarray = 1 / (1 + np.exp(-scores.clip(-500, 500)))
            return sigmoids
        scores -= scores.max(1, keepdims=True)
        p = np.exp(scores)
        softmax: np.ndarray = p / p.sum(1, keepdims=True)
        return softmax


def log_probabilities(counts: np.ndarray, smoothing: float) -> np.ndarray:
    """log p(w | k) from counts [V, K]."""
    totals = counts.sum(0) + smoothing * len(counts)
    logs: np.ndarray = np.log(counts + smoothing) - np.log(totals)
    return logs


def fit_naive_bayes(
    train: LabelledSequences, valid: LabelledSequences, inputs: int, classes: int
) -> NaiveBayes:
    """Naive Bayes of the training set, with the smoothing that is most accurate on the validation set.

    Many small classes need less than Laplace's: of 77 intents 86 % are right instead of 78 %.

    Args:
        train: the training set, texts.
        valid: the validation set.
        inputs: V.
        classes: K.
    """
    models = [
        NaiveBayes.fit(train.items, train.starts, train.targets, inputs, classes, smoothing)
        for smoothing in SMOOTHINGS
    ]

    def accuracy(model: NaiveBayes) -> float:
        p = model.probabilities(valid.items, valid.starts)
        return classification_metrics(p, valid.targets)["accuracy"]

    return max(models, key=accuracy)


@dataclass(frozen=True)
class ClassifyBaselines:
    """The fitted baselines, and which records they were fitted to.

    Attributes:
        shares: the share of the training records that have each class, [K].
        naive_bayes: None where the records are numbers, or a simple model is better than this.
        train_hashes: the content hashes of the training records, each once.
    """

    shares: np.ndarray
    naive_bayes: NaiveBayes | None
    train_hashes: np.ndarray

    @classmethod
    def fit(
        cls,
        train: LabelledSequences,
        valid: LabelledSequences,
        preprocessor: ClassifyPreprocessor,
    ) -> ClassifyBaselines:
        """Fit to a training set.

        Args:
            train: the training set.
            valid: the validation set, which chooses a smoothing.
            preprocessor: of the two.
        """
        K, bayes = len(preprocessor.classes), None
        if preprocessor.vocabulary is not None and preprocessor.floor is None:
            bayes = fit_naive_bayes(train, valid, preprocessor.inputs, K)
        shares = class_counts(train, K) / max(1, len(train))
        return cls(shares, bayes, np.unique(train.content_hashes))

    def probabilities(self, records: LabelledSequences) -> dict[str, np.ndarray]:
        """The name of each baseline, and its probabilities [R, K] for records."""
        shares = np.broadcast_to(self.shares, (len(records), len(self.shares)))
        found = {"most frequent class": shares}
        if self.naive_bayes is not None:
            found["naive Bayes"] = self.naive_bayes.probabilities(records.items, records.starts)
        return found

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds them, by name."""
        arrays = {"share": self.shares, "train": self.train_hashes}
        if self.naive_bayes is not None:
            arrays["prior"] = self.naive_bayes.prior
            arrays["words"] = self.naive_bayes.words.astype(np.float32)
        return pack_baseline(arrays)

    @classmethod
    def load(cls, folder: Path, preprocessor: ClassifyPreprocessor) -> ClassifyBaselines:
        """Those of a run folder.

        Args:
            folder: the run folder.
            preprocessor: of the run.

        Raises:
            UserError: where the file is damaged.
        """
        K, V = len(preprocessor.classes), preprocessor.inputs
        shapes: dict[str, tuple[int | None, ...]] = {"share": (K,), "train": (None,)}
        has_bayes = preprocessor.vocabulary is not None and preprocessor.floor is None
        if has_bayes:
            shapes |= {"prior": (K,), "words": (V, K)}
        arrays, bayes = load_baseline(folder, shapes), None
        check_shares(folder, arrays["share"])
        if has_bayes:
            for name in ("prior", "words"):
                if not bool((np.abs(arrays[name]) < LARGEST).all()):
                    raise damaged_baseline(f"{folder / FILE}: {name} are no log-probabilities")
            bayes = NaiveBayes(arrays["prior"], arrays["words"], preprocessor.multi_label)
        return cls(arrays["share"], bayes, arrays["train"])
