"""Characters as tokens: every text comes back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabulary import BOUNDARY, UNKNOWN


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
