"""Classifiers of sequences of numbers and of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.errors import UserError
from unroll.in_memory.cells import is_missing
from unroll.in_memory.datasets import items_of, plain_item
from unroll.in_memory.forms import as_array, item_rows, label_list, sequences_of
from unroll.in_memory.tables import is_frame, is_series, read_frame
from unroll.sklearn.base import RunEstimator
from unroll.tasks.classify.labelled import encode_records
from unroll.tasks.classify.metrics import predict_probabilities
from unroll.tasks.run import no_progress


class RunClassifier(ClassifierMixin, RunEstimator):
    """What the classifiers share.

    Attributes:
        classes_: the labels, sorted.
    """

    task: ClassVar[str] = "classify"
    classes_: np.ndarray

    def _train_classes(self, inputs: list[Any], y: Any) -> Self:
        """Train with the labels as their numbers, which `predict` gives back as they were."""
        labels = single_labels(y)
        if len(labels) != len(inputs):
            raise UserError(
                f"Got {len(inputs):,} inputs with {len(labels):,} labels; expected a label for each."
            )
        self.classes_, numbers = np.unique(np.asarray(labels), return_inverse=True)
        if len(self.classes_) < 2:
            raise UserError(
                f"y holds one class, {self.classes_[0]!r}; expected two classes or more."
            )
        return self._train(inputs, [str(number) for number in numbers.tolist()])

    def _probabilities(self, inputs: list[Any]) -> np.ndarray:
        """The probability of each class [N, K], in the order of `classes_`."""
        trained, preprocessor = self.run_.trained, self.run_.preprocessor
        values = [preprocessor.check_input(each) for each in inputs]
        records = encode_records(
            (Record(value, (), "") for value in values), preprocessor, Problems()
        )
        p = predict_probabilities(trained.model, records, trained.device, no_progress)
        # the classes of the run are the places of the labels, as texts
        order = [preprocessor.class_numbers[str(k)] for k in range(len(self.classes_))]
        return np.asarray(p, dtype=np.float64)[:, order]


class SequenceClassifier(RunClassifier):
    """A recurrent classifier of sequences of numbers.

    When to use it: sensors, gestures, curves; in pipelines, cross-validation and searches.

    Args:
        See `RunEstimator`.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_: columns of an X of two dimensions.
        run_: the trained run.

    Examples:
        >>> import numpy as np
        >>> from unroll.sklearn import SequenceClassifier
        >>> X = np.random.default_rng(0).normal(size=(40, 12, 3))
        >>> y = np.where(X[:, :, 0].mean(1) > 0, "up", "down")
        >>> model = SequenceClassifier(hidden=8, steps=5, random_state=0).fit(X, y)
        >>> model.predict_proba(X[:2]).shape
        (2, 2)
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on sequences with their labels.

        Args:
            X: [N, T, F], or [N, T] where a step is one number; or a list of N arrays [T, F].
            y: N labels.

        Raises:
            ValueError: for inputs and labels that cannot be used.
        """
        if is_flat(X):
            X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
            check_classification_targets(y)
        return self._train_classes(sequences(X), y)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class [N, K], in the order of `classes_`."""
        self._check_is_fitted()
        if is_flat(X):
            X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._probabilities(sequences(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most likely class of each sequence [N]."""
        p = self.predict_proba(X)
        found: np.ndarray = self.classes_[p.argmax(1)]
        return found


class TextClassifier(RunClassifier):
    """A recurrent classifier of texts.

    When to use it: sentiment, topics, intents; in cross-validation and searches.

    Args:
        level: what a token is: "word", "char" or "bpe". Others: see `RunEstimator`.

    Attributes:
        classes_: the labels, sorted.
        run_: the trained run.

    Examples:
        >>> from unroll.sklearn import TextClassifier
        >>> texts, labels = ["good food", "bad food"] * 20, [1, 0] * 20
        >>> model = TextClassifier(hidden=8, steps=5, random_state=0).fit(texts, labels)
        >>> model.predict(["good"]).shape
        (1,)
    """

    def __init__(
        self,
        *,
        level: str = "word",
        cell: str | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        seconds: float | None = None,
        random_state: Any = None,
        settings: Any = None,
        out: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            cell=cell, hidden=hidden, layers=layers, dropout=dropout, learning_rate=learning_rate,
            batch_size=batch_size, epochs=epochs, steps=steps, seconds=seconds,
            random_state=random_state, settings=settings, out=out, verbose=verbose,
        )  # fmt: skip
        self.level = level

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on texts with their labels.

        Args:
            X: N texts, in a list, an array, a Series or a frame of one column.
            y: N labels.
        """
        return self._train_classes(texts(X, "fit"), y)

    def _train(self, data: Any, labels: Any = None, **more: Any) -> Self:
        return super()._train(data, labels, level=self.level, **more)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class [N, K], in the order of `classes_`."""
        self._check_is_fitted()
        return self._probabilities(texts(X, "predict"))

    def predict(self, X: Any) -> np.ndarray:
        """The most likely class of each text [N]."""
        p = self.predict_proba(X)
        found: np.ndarray = self.classes_[p.argmax(1)]
        return found


def single_labels(y: Any) -> list[Any]:
    """The labels of a y of any form, one for each input.

    Raises:
        UserError: for a missing label, and for several in the place of one.
    """
    labels = label_list(y)
    for place, label in enumerate(labels):
        plain = plain_item(label)
        if is_missing(plain):
            raise UserError(
                f"y has {plain!r} at place {place}; expected a label for each input. Leave out the inputs "
                "without one."
            )
        if not isinstance(plain, (str, bytes)) and hasattr(plain, "__len__"):
            raise UserError(
                f"y has {plain!r:.40} at place {place}; expected one label for each input: y [N]."
            )
    return labels


def is_flat(X: Any) -> bool:
    """Whether inputs are rows of two dimensions (or none at all), as scikit-learn checks them."""
    if is_frame(X) or type(X).__module__.startswith("scipy"):
        return True
    array = as_array(X)
    if array is not None:
        return array.ndim != 3
    if not isinstance(X, Sequence) or isinstance(X, str):
        return True
    return not any(np.ndim(row) == 2 for row in X[:1]) and len({np.size(row) for row in X}) <= 1


def sequences(X: Any) -> list[np.ndarray]:
    """The sequences [T, F] of an X of any form.

    Raises:
        UserError: for rows that are no numbers.
    """
    array = as_array(X)
    if array is not None and array.ndim in (2, 3):
        return sequences_of(array)
    return [item_rows(item, row, "X") for row, item in enumerate(items_of(X))]


def texts(X: Any, verb: str) -> list[str]:
    """The texts of an X of any form.

    Raises:
        UserError: for anything but texts, with its row.
    """
    if is_frame(X):
        table = read_frame(X)
        if len(table.names) > 1:
            raise UserError(f"{verb} got {len(table.names)} columns; expected one of texts.")
        items = table.columns[0]
    elif isinstance(X, str):
        raise UserError(f"{verb} got one text; expected a list of texts: [text].")
    else:
        array = as_array(X) if not is_series(X) else None
        items = list(array.ravel()) if array is not None else items_of(X)
    for row, item in enumerate(items):
        if not isinstance(item, str) or not item.strip():
            raise UserError(
                f"{verb} got {item!r:.40} at place {row}; expected a text with words in it."
            )
    return [str(item) for item in items]
