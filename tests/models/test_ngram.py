"""The baseline is the baseline: against counts in a dictionary, and a figure known beforehand."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from unroll.data.characters import CharacterVocabulary
from unroll.models.ngram import NGramModel

SHARED = Path(__file__).parents[2].parent / "shared"
SHAKESPEARE = SHARED / "data" / "char_lm" / "tinyshakespeare" / "input.txt"


class Dictionary:
    """Interpolated Witten-Bell, straight from the equation."""

    def __init__(self, ids, V, order):
        self.V = V
        self.count = Counter(
            tuple(ids[i : i + k]) for k in range(1, order + 1) for i in range(len(ids) - k + 1)
        )
        self.following = {}
        for gram in self.count:
            self.following.setdefault(gram[:-1], []).append(gram)

    def p(self, history, word):
        shorter = self.p(history[1:], word) if history else 1 / self.V
        grams = self.following.get(history, [])
        if not grams:
            return shorter
        total = sum(self.count[g] for g in grams)
        return (self.count[(*history, word)] + len(grams) * shorter) / (total + len(grams))

    def log_probabilities(self, ids, order):
        histories = (tuple(ids[max(0, i - order + 1) : i]) for i in range(1, len(ids)))
        return [math.log(self.p(h, w)) for h, w in zip(histories, ids[1:], strict=True)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("V", [2, 5, 50])
def test_probabilities_are_those_of_a_dictionary(order, V):
    random = np.random.default_rng((order, V))
    for size in (1, 2, 3, 7, 60):
        train, test = (random.integers(V, size=n).tolist() for n in (size, 40))
        model, dictionary = NGramModel.fit(np.array(train), V, order), Dictionary(train, V, order)
        for k in range(1, order + 1):
            found = model.log_probabilities(np.array(test), k)
            np.testing.assert_allclose(found, dictionary.log_probabilities(test, k), rtol=1e-12)
        np.testing.assert_array_equal(found, model.log_probabilities(np.array(test)))


def test_a_worked_example():
    # a b a b b: after a always b, twice; after b: a once, b once; a twice and b three times in all
    model = NGramModel.fit(np.array([0, 1, 0, 1, 1]), 2, 2)
    a, b = (2 + 2 / 2) / 7, (3 + 2 / 2) / 7
    expected = [(2 + 1 * b) / 3, (1 + 2 * a) / 4, (0 + 1 * a) / 3]
    np.testing.assert_allclose(np.exp(model.log_probabilities(np.array([0, 1, 0, 0]))), expected)


@pytest.mark.parametrize("history", [[], [3], [0, 1], [1, 1, 1], [4, 4, 4, 4, 0]])
def test_probabilities_over_the_vocabulary_sum_to_one(history):
    V = 5
    model = NGramModel.fit(np.random.default_rng(0).integers(4, size=300), V, 4)
    after = [model.log_probabilities(np.array([2, *history, w]))[-1] for w in range(V)]
    assert math.fsum(map(math.exp, after)) == pytest.approx(1, abs=1e-12)


def test_small_integer_ids_do_not_overflow():
    ids = np.random.default_rng(0).integers(40_000, 60_000, size=500)
    wide, narrow = (NGramModel.fit(ids.astype(t), 60_000, 3) for t in ("int64", "uint16"))
    np.testing.assert_array_equal(
        wide.log_probabilities(ids), narrow.log_probabilities(ids.astype("uint16"))
    )


@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="the shared data folder is not here")
def test_five_grams_of_shakespeare_reach_the_published_floor():
    text = SHAKESPEARE.read_text()
    cut = int(0.9 * len(text))
    vocabulary = CharacterVocabulary.learn([text[:cut]])
    # no boundary and no unknown, as in the figure's own count: the 65 characters are the vocabulary
    train, test = (vocabulary.encode(part) - 2 for part in (text[:cut], text[cut - 4 :]))
    model = NGramModel.fit(train, len(vocabulary) - 2, 5)
    assert -model.log_probabilities(test)[3:].mean() == pytest.approx(1.669, abs=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"keys.0": np.array([3, 2, 1])},
        {"keys.0": np.array([[0, 1, 2]])},
        {"keys.0": np.array([0.0, 1.0, 2.0])},
        {"counts.0": np.array([1, 2])},
        {"counts.1": np.zeros(1, np.int64)},
        {"keys.1": np.array([900])},
        {"more": np.zeros(1)},
    ],
)
def test_arrays_that_are_no_model_are_refused(change):
    arrays = NGramModel.fit(np.array([0, 1, 2, 1]), 3, 2).arrays()
    assert NGramModel.from_arrays(3, arrays).order == 2
    with pytest.raises(ValueError, match="expected"):
        NGramModel.from_arrays(3, {**arrays, **change})
    del arrays["keys.1"]
    with pytest.raises(ValueError, match="expected"):
        NGramModel.from_arrays(3, arrays)
