"""What the simple model sees of words: the same for the same surroundings, and nothing else."""

import numpy as np

from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor_features import TEMPLATES, hash_features, word_attributes


def test_attributes_are_the_word_its_shape_and_its_ends():
    assert word_attributes("Rome5") == (
        "Rome5", "rome0", "Xxxx0", "Xx0", "R", "Ro", "Rom", "Rome", "5", "e5", "me5", "ome5",
    )  # fmt: skip
    assert word_attributes("a")[4:] == ("a", "", "", "", "a", "", "", "")


def test_features_do_not_depend_on_other_sentences():
    one, other = Sentence(("She", "left", "Rome")), Sentence(("Left", "alone"))
    together = hash_features([other, one, other])
    assert together.shape == (7, len(TEMPLATES)) and together.dtype == np.uint64
    np.testing.assert_array_equal(together[2:5], hash_features([one]))
    # another template is another number, also of the same attribute
    assert len(set(together[0].tolist())) == len(TEMPLATES)


def test_a_feature_is_shared_by_words_that_share_it():
    found = hash_features([Sentence(("Rome",)), Sentence(("rome",))])
    same = found[0] == found[1]
    assert not same[0] and same[1]  # the word; the word in lower case
    assert len(hash_features([])) == 0
