"""The nearest texts, beside scikit-learn's counts and cosines."""

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from unroll.tasks.translate import neighbours
from unroll.tasks.translate.neighbours import NeighbourIndex, largest

KNOWN = ["the red dog eats", "The cat!", "a dog", "two big cats eat", "the cat!"]
TEXTS = ["dogs eat", "the cat", "zzz"]


def test_similarities_are_cosines_of_counts_by_scikit_learn():
    expected = np.zeros((len(TEXTS), len(KNOWN)))
    words = CountVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+|[^\w\s]")
    characters = CountVectorizer(
        analyzer="char", ngram_range=(2, 5), preprocessor=lambda t: f" {t.lower()} "
    )
    for vectorizer in (words, characters):
        counts = vectorizer.fit_transform([*KNOWN, *TEXTS]).toarray().astype(float)
        frequency = (counts[: len(KNOWN)] > 0).sum(0)
        weights = 1 + np.log((1 + len(KNOWN)) / (1 + frequency))
        vectors = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * weights
        known, texts = vectors[: len(KNOWN)], vectors[len(KNOWN) :]
        expected += 0.5 * cosine_similarity(texts, known)
    rows, similarity = NeighbourIndex(KNOWN).search(TEXTS, 5)
    np.testing.assert_allclose(similarity, np.take_along_axis(expected, rows, 1), atol=1e-5)
    np.testing.assert_allclose(similarity, -np.sort(-expected, axis=1), atol=1e-5)
    assert rows[1, :2].tolist() == [1, 4]  # equal ones in their order
    assert rows[2].tolist() == [0, 1, 2, 3, 4] and not similarity[2].any()


def test_a_search_in_parts_is_the_same(monkeypatch):
    index = NeighbourIndex(KNOWN)
    whole = index.search(TEXTS, 2)
    monkeypatch.setattr(neighbours, "LARGEST_PRODUCT", 1)
    for a, b in zip(whole, index.search(TEXTS, 2), strict=True):
        np.testing.assert_array_equal(a, b)
    assert index.search([], 2)[0].shape == (0, 2)


def test_common_ngrams_of_many_texts_are_left_out(monkeypatch):
    before = NeighbourIndex(["aa b", "aa c", "aa d"]).search(["aa x"], 1)[1]
    monkeypatch.setattr(neighbours, "MANY", 2)
    after = NeighbourIndex(["aa b", "aa c", "aa d"]).search(["aa x"], 1)[1]
    assert after < before


def test_the_largest_numbers_of_each_row():
    numbers = np.array([[0.2, 0.9, 0.9], [0.1, 0.0, 0.3]], dtype=np.float32)
    assert largest(numbers, 2).tolist() == [[1, 2], [2, 0]]
