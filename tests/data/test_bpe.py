"""Byte pair encoding: every text comes back, whatever was learned."""

import random
import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.data.bpe import LONGEST_WORD, RUN, BPEVocabulary, bounded_words
from unroll.data.vocabulary import BOUNDARY

BPE = BPEVocabulary.learn(["low lower lowest, newer and wider.\n" * 20], size=300)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=50))
@example("<s> and <unk> and </s>")
@example("👩‍👩‍👧 e\u0301 \r\n\t\0  ")
def test_pieces_of_words_come_back_for_every_text(text):
    ids = BPE.encode(text)
    assert BPE.decode(ids) == text and not (ids <= BOUNDARY).any()


def test_bpe_has_the_size_that_was_asked_for():
    assert len(BPEVocabulary.learn(["low lower lowest, newer and wider.\n" * 20], size=270)) == 270
    # never fewer than the bytes and the two marks
    assert len(BPEVocabulary.learn(["abc"], size=2)) == 258


def test_words_are_cut_only_where_they_are_longer_than_any_word():
    plain = ["some words, 12,345 of them " * 50 + "x" * LONGEST_WORD, "_" * 99 + "\n" * 50]
    assert list(bounded_words(plain)) == plain
    for long in ("ACGT" * 1000, "a b " + "é" * 2500, "7" * 1500, " " * 3000, "-_" * 1000 + " end"):
        parts = list(bounded_words([long]))
        assert "".join(parts) == long and len(parts) > 1
        assert max(len(run[0]) for part in parts for run in RUN.finditer(part)) == LONGEST_WORD
    mixed = "ab12" * 1000  # letters and digits are words of their own
    assert list(bounded_words([mixed])) == [mixed]


def test_learning_from_text_without_spaces_is_linear():
    draw = random.Random(0)
    seconds = []
    for size in (60_000, 120_000):
        text = "".join(draw.choices("ACGT", k=size))
        start = time.process_time()
        BPEVocabulary.learn([text], size=4096)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * seconds[0] + 0.1
