"""Words and tags as numbers, learned from the training set."""

import pytest
import torch

from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import scheme_labels
from unroll.training.files import write_folder

SENTENCES = [
    Sentence(("The", "rose", "is", "red"), ("DET", "NOUN", "AUX", "ADJ")),
    Sentence(("the", "Rose"), ("DET", "PROPN")),
    Sentence(("the", "7", "roses"), ("DET", "NUM", "NOUN")),
]
LABELS = ["ADJ", "AUX", "DET", "NOUN", "NUM", "PROPN"]


def preprocessor(**choices):
    return TagPreprocessor.learn(SENTENCES, LABELS, **choices)


def test_words_fold_and_keep_their_letters():
    found = preprocessor()
    assert set(found.words) == {"the", "rose", "is", "red", "0", "roses"}
    assert next(iter(found.words)) == "the"  # the most frequent
    assert found.counts.tolist()[:3] == [torch.inf, 3, 2]
    assert set(preprocessor(fold=False).words) == {
        "The",
        "the",
        "rose",
        "Rose",
        "is",
        "red",
        "7",
        "roses",
    }
    assert set(preprocessor(min_count=2).words) == {"the", "rose"}
    assert set(preprocessor(vocabulary_size=1).words) == {"the"}


def test_a_preprocessor_comes_back_from_its_file(tmp_path):
    found = preprocessor()
    write_folder(tmp_path / "run", found.files())
    again = TagPreprocessor.load(tmp_path / "run")
    assert again == found
    assert again.words == found.words
    with pytest.raises(UserError, match=r"manifest\.json is missing"):
        TagPreprocessor.load(tmp_path / "elsewhere")


def test_the_baseline_is_the_most_frequent_tag():
    assert preprocessor().most_frequent_tags(["the", "Rose", "lily"]) == ["DET", "NOUN", "NOUN"]


def test_labels_of_spans_are_learned_in_another_scheme_than_they_are_answered():
    sentences = [Sentence(("New", "York", "Rome"), ("B-x", "I-x", "B-x"))]
    found = TagPreprocessor.learn(
        sentences, scheme_labels(["x"], "BIOES"), scheme="BIOES", file_scheme="BIO"
    )
    numbers = found.label_numbers(("B-x", "I-x", "B-x"))
    assert [found.labels[k] for k in numbers] == ["B-x", "E-x", "S-x"]
    assert found.tags(numbers) == ["B-x", "I-x", "B-x"]
