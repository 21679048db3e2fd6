"""Weighted n-grams equal scikit-learn's; a text has the same features alone and among others."""

import numpy as np
import pytest

from unroll.models import text_features
from unroll.models.text_features import TextFeatures

TEXTS = [
    "a good film , good",
    "a bad film",
    "the film was good ! 2nd",
    "wünderbar 映画 it's",
    "bad",
]


def dense(features, texts):
    starts, columns, values = features.transform(texts)
    found = np.zeros((len(texts), len(features.places)))
    found[np.repeat(np.arange(len(texts)), np.diff(starts)), columns] = values
    return found


def test_words_equal_those_of_scikit_learn():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    theirs = text.TfidfVectorizer(
        token_pattern=r"\w+(?:['’]\w+)*|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True
    ).fit_transform(TEXTS)
    features = TextFeatures.fit(TEXTS)
    ours = dense(features, TEXTS)[:, features.words_from :]
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours @ ours.T, (theirs @ theirs.T).toarray(), atol=1e-5)


def test_characters_are_those_within_words():
    (found,) = [text_features.count_ngrams(["ab a"], True, (2, 3))]
    _, places, counts = found
    is_character = places < text_features.IS_WORD
    # " a" twice, "ab", "b ", "a "; " ab", "ab ", " a "
    assert sorted(counts[is_character].tolist()) == [1, 1, 1, 1, 1, 1, 2]
    assert (~is_character).sum() == 3  # ab, a, and the pair


def test_a_text_has_the_same_features_alone_and_among_others(monkeypatch):
    features = TextFeatures.fit(TEXTS)
    together = dense(features, TEXTS)
    monkeypatch.setattr(text_features, "CHUNK", 12)
    np.testing.assert_array_equal(dense(features, TEXTS), together)
    np.testing.assert_array_equal(dense(features, TEXTS[3:4])[0], together[3])
    assert np.array_equal(TextFeatures.fit(TEXTS).places, features.places)
    assert dense(features, ["", "zzz"]).shape == (2, len(features.places))
    upper = dense(features, [TEXTS[0].upper()])[0]
    np.testing.assert_array_equal(upper, together[0])
    kept = TextFeatures.fit(TEXTS, lower=False)
    assert not np.array_equal(dense(kept, [TEXTS[0].upper()])[0], dense(kept, TEXTS[:1])[0])


def test_the_most_frequent_are_kept():
    features = TextFeatures.fit(TEXTS, most=10)
    assert len(features.places) == 10 and (np.diff(features.places) > 0).all()


def test_they_load_again_and_damage_is_refused():
    arrays = TextFeatures.fit(TEXTS, characters=(4,)).arrays()
    again = TextFeatures.from_arrays(arrays)
    assert again.characters == (4,) and np.array_equal(again.places, arrays["places"])
    for name, wrong in (
        ("places", arrays["places"][::-1]),
        ("places", arrays["places"].astype(np.float32)),
        ("idf", arrays["idf"][:-1]),
        ("idf", arrays["idf"] * np.float32(np.inf)),
        ("characters", np.array([99])),
        ("lower", np.array([True])),
    ):
        with pytest.raises(ValueError, match="expected"):
            TextFeatures.from_arrays({**arrays, name: wrong})
    with pytest.raises(ValueError, match="expected the arrays"):
        TextFeatures.from_arrays({})
