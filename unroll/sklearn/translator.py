"""A translator of texts into texts."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from unroll.errors import UserError
from unroll.sklearn.base import RunEstimator
from unroll.sklearn.classifiers import texts


class Translator(RunEstimator):
    """A recurrent translator: an encoder, attention and a decoder.

    When to use it: translations, spellings, normalised forms; any text from a text.

    Args:
        See `RunEstimator`.

    Attributes:
        run_: the trained run.

    Examples:
        >>> from unroll.sklearn import Translator
        >>> X, y = [f"a {k}" for k in range(20)], [f"x {k}" for k in range(20)]
        >>> model = Translator(hidden=8, steps=3, random_state=0).fit(X, y)
        >>> len(model.predict(X[:2]))
        2
    """

    task: ClassVar[str] = "translate"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on pairs.

        Args:
            X: N texts.
            y: N texts, the translation of each.
        """
        return self._train(pairs_of(X, y))

    def predict(self, X: Any) -> list[str]:
        """The best translation of each text."""
        self._check_is_fitted()
        return [one["translation"] for one in self.run_.predict(texts(X, "predict"))]

    def score(self, X: Any, y: Any) -> float:
        """chrF of the translations, 0 to 100."""
        self._check_is_fitted()
        return float(self.run_.evaluate(pairs_of(X, y))["chrf"])


def pairs_of(X: Any, y: Any) -> list[tuple[str, str]]:
    """Texts with their translations.

    Raises:
        UserError: for another number of translations than texts.
    """
    sources, targets = texts(X, "X"), texts(y, "y")
    if len(sources) != len(targets):
        raise UserError(f"Got {len(sources):,} texts with {len(targets):,} translations.")
    return list(zip(sources, targets, strict=True))
