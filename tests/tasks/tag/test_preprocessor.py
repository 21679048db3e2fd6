"""Sentences as numbers: preprocessor and batches."""

import pytest
import torch

from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.preprocessor import (
    LONGEST_WORD,
    SHAPES,
    EncodedSentences,
    TaggedBatches,
    TagPreprocessor,
    shape_of,
    shortened,
)
from unroll.tasks.tag.schemes import labels_of

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
    assert next(iter(found.words)) == "the"  # the commonest
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


def test_a_codec_comes_back_from_its_file():
    found = preprocessor()
    again = TagPreprocessor.from_json(found.files()["tags.json"].decode())
    assert again == found
    assert again.words == found.words


def test_the_baseline_is_the_most_frequent_tag():
    assert preprocessor().baseline(["the", "Rose", "lily"]) == ["DET", "NOUN", "NOUN"]


def test_labels_of_spans_are_learned_in_another_scheme_than_they_are_answered():
    sentences = [Sentence(("New", "York", "Rome"), ("B-x", "I-x", "B-x"))]
    found = TagPreprocessor.learn(
        sentences, labels_of(["x"], "BIOES"), scheme="BIOES", file_scheme="BIO"
    )
    numbers = found.label_numbers(("B-x", "I-x", "B-x"))
    assert [found.labels[k] for k in numbers] == ["B-x", "E-x", "S-x"]
    assert found.tags(numbers) == ["B-x", "I-x", "B-x"]


def test_a_batch_holds_each_word_once_and_every_letter():
    found = preprocessor()
    encoded = EncodedSentences(SENTENCES, found)
    batch = encoded.batch([1, 0])
    assert batch.lengths.tolist() == [2, 4]
    assert batch.tokens == 6
    assert batch.letters.shape == (4, 6)
    for b, row in enumerate((1, 0)):
        sentence = SENTENCES[row]
        for t, word in enumerate(sentence.words):
            u = int(batch.which[t, b])
            letters = batch.letters[: int(batch.letter_lengths[u]), u]
            torch.testing.assert_close(letters, torch.from_numpy(found.alphabet.encode(word)))
            assert int(batch.shapes[u]) == shape_of(word)
            assert int(batch.words[t, b]) == found.words[word.lower()]
            assert found.labels[int(batch.labels[t, b])] == sentence.tags[t]


def test_sentences_without_words_or_tags():
    encoded = EncodedSentences([Sentence(()), Sentence(("lily",))], preprocessor(), labels=False)
    batch = encoded.batch([0, 1])
    assert batch.lengths.tolist() == [0, 1]
    assert batch.labels is None
    assert encoded.batch([0]).words.shape == (0, 1)
    with pytest.raises(KeyError):
        EncodedSentences([Sentence(("lily",), ("X",))], preprocessor())


def test_batches_depend_on_seed_and_number_alone():
    encoded = EncodedSentences(SENTENCES * 5, preprocessor())
    one, other = (TaggedBatches(encoded, 4, seed=3) for _ in range(2))
    other.batch(7)
    for number in (5, 0, 3):
        torch.testing.assert_close(one.batch(number).words, other.batch(number).words)
    seen = sum(one.batch(n).tokens for n in range(one.per_epoch))
    assert seen == encoded.tokens


def test_a_long_word_is_read_by_its_ends():
    word = "a" * 40 + "b" * 40
    assert shortened(word) == "a" * 16 + "b" * 16
    assert shortened("a" * LONGEST_WORD) == "a" * LONGEST_WORD


def test_shapes_are_few():
    words = ["a", "A", "AB", "Ab", "aB", "1", "a1", "A1", "AB1", "Ab-1", "-", "1-", "É", "ß", "中"]
    assert all(0 <= shape_of(word) < SHAPES for word in words)
    assert shape_of("Rose") == shape_of("Lily") != shape_of("LILY")
