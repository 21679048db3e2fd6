"""Sentences as numbers, and batches of them."""

import torch

from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import (
    SHAPES,
    EncodedSentences,
    TagBatches,
    word_shape,
)
from unroll.tasks.tag.preprocessor import UNSEEN, TagPreprocessor

SENTENCES = [
    Sentence(("The", "rose", "is", "red"), ("DET", "NOUN", "AUX", "ADJ")),
    Sentence(("the", "Rose"), ("DET", "PROPN")),
    Sentence(("the", "7", "roses"), ("DET", "NUM", "NOUN")),
]
LABELS = ["ADJ", "AUX", "DET", "NOUN", "NUM", "PROPN"]


def preprocessor(**choices):
    return TagPreprocessor.learn(SENTENCES, LABELS, **choices)


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
            assert int(batch.shapes[u]) == word_shape(word)
            assert int(batch.words[t, b]) == found.words[word.lower()]
            assert found.labels[int(batch.labels[t, b])] == sentence.tags[t]


def test_sentences_without_words_or_tags():
    encoded = EncodedSentences([Sentence(()), Sentence(("lily",))], preprocessor(), labels=False)
    batch = encoded.batch([0, 1])
    assert batch.lengths.tolist() == [0, 1]
    assert batch.labels is None
    assert encoded.batch([0]).words.shape == (0, 1)
    strange = EncodedSentences([Sentence(("lily",), ("X",))], preprocessor())
    assert strange.known.tolist() == [False] and strange.batch([0]).labels.tolist() == [[UNSEEN]]


def test_batches_depend_on_seed_and_number_alone():
    encoded = EncodedSentences(SENTENCES * 5, preprocessor())
    one, other = (TagBatches(encoded, 4, seed=3) for _ in range(2))
    other.batch(7)
    for number in (5, 0, 3):
        torch.testing.assert_close(one.batch(number).words, other.batch(number).words)
    seen = sum(one.batch(n).tokens for n in range(one.per_epoch))
    assert seen == encoded.tokens


def test_shapes_are_few():
    words = ["a", "A", "AB", "Ab", "aB", "1", "a1", "A1", "AB1", "Ab-1", "-", "1-", "É", "ß", "中"]
    assert all(0 <= word_shape(word) < SHAPES for word in words)
    assert word_shape("Rose") == word_shape("Lily") != word_shape("LILY")
