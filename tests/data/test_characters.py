"""Characters as tokens: every text comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.characters import CharacterVocabulary, ClosedAlphabet
from unroll.data.vocabulary import BOUNDARY, UNKNOWN, ids_read
from unroll.errors import UserError


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=50))
def test_characters_come_back(text):
    vocabulary = CharacterVocabulary.learn([text])
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text and not (ids <= BOUNDARY).any()
    assert len(ids) == len(text) and len(vocabulary) == len(set(text)) + 2
    assert vocabulary.unknown(text) == []


def test_a_character_that_was_never_seen_is_the_unknown():
    vocabulary = CharacterVocabulary("abc")
    assert vocabulary.encode("abzc\U0010ffff").tolist().count(UNKNOWN) == 2
    assert vocabulary.decode([2, UNKNOWN]) == "a\N{REPLACEMENT CHARACTER}"


def test_the_most_frequent_are_kept_in_the_order_of_their_code_points():
    assert CharacterVocabulary.learn(["ccbbba"], size=2).characters == "bc"


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=50), st.booleans())
def test_a_closed_alphabet_is_as_many_tokens_as_characters(text, ends):
    alphabet = ClosedAlphabet(CharacterVocabulary.learn([text]).characters, ends=ends)
    ids = alphabet.encode(text)
    assert alphabet.decode([alphabet.boundary, *ids.tolist()]) == text and len(ids) == len(text)
    assert len(alphabet) == len(set(text)) + ends and ids_read(alphabet) == len(set(text)) + 1
    assert alphabet.unknown(text) == [] and (ids < alphabet.boundary).all()


def test_other_characters_are_named_or_left_out():
    with pytest.raises(UserError, match=r"characters 'q', 'z', and the vocabulary"):
        ClosedAlphabet("abc", ends=False).encode("azbqc\U0010ffff"[:-1])
    skips = ClosedAlphabet("abc", ends=False, skips=True)
    assert skips.encode("azbqc\U0010ffff").tolist() == [0, 1, 2]
    assert ClosedAlphabet("abc", ends=True).name(3) == "\n"
