"""Byte pair encoding: every text comes back, whatever was learned."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.data.bpe import BPEVocabulary
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
