"""A tagger of words: part of speech, names in texts."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from unroll.errors import UserError
from unroll.in_memory.cells import as_list
from unroll.in_memory.datasets import items_of
from unroll.sklearn.base import RunEstimator


class SequenceTagger(RunEstimator):
    """A recurrent tagger: a tag for each word of a sentence.

    When to use it: parts of speech, names, chunks; in cross-validation and searches.

    Args:
        See `RunEstimator`.

    Attributes:
        classes_: the tags of the training set, sorted.
        run_: the trained run.

    Examples:
        >>> from unroll.sklearn import SequenceTagger
        >>> X, y = [["Anna", "sings"], ["Paul", "runs"]] * 10, [["B-PER", "O"]] * 20
        >>> model = SequenceTagger(hidden=8, steps=3, random_state=0).fit(X, y)
        >>> [len(tags) for tags in model.predict(X[:2])]
        [2, 2]
    """

    task: ClassVar[str] = "tag"
    classes_: np.ndarray

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.required = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on sentences.

        Args:
            X: N lists of words.
            y: N lists of tags, one for each word.
        """
        words, tags = sentences(X, "X"), sentences(y, "y")
        if len(words) != len(tags):
            raise UserError(f"Got {len(words):,} sentences with {len(tags):,} lists of tags.")
        self.classes_ = np.array(sorted({tag for own in tags for tag in own}))
        return self._train(list(zip(words, tags, strict=True)))

    def predict(self, X: Any) -> list[list[str]]:
        """The tags of each sentence: N lists, a tag for each word."""
        self._check_is_fitted()
        return [one["tags"] for one in self.run_.predict(sentences(X, "X"))]

    def score(self, X: Any, y: Any) -> float:
        """The share of the words whose tag is right."""
        found, true = self.predict(X), sentences(y, "y")
        if [len(own) for own in found] != [len(own) for own in true]:
            raise UserError("X and y differ in length; expected one tag for each word.")
        flat, expected = ([tag for own in tags for tag in own] for tags in (found, true))
        return float(np.mean([a == b for a, b in zip(flat, expected, strict=True)]))


def sentences(values: Any, what: str) -> list[list[str]]:
    """Lists of words, or of tags.

    Raises:
        UserError: for a sentence that is no list of words, with its number.
    """
    found = []
    for row, item in enumerate(items_of(values)):
        if isinstance(item, str) or not hasattr(item, "__len__") or not len(item):
            raise UserError(f"{what} has {item!r:.40} at place {row}; expected a list of words.")
        found.append([str(word) for word in as_list(item)])
    return found
