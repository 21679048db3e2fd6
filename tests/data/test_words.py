"""Words as tokens: a text comes back with single spaces, and ends of lines or sentences are tokens."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.data.words import END_NAME, WordVocabulary, punctuation_is_separate


def one_space(text, lines=True):
    rows = text.split("\n") if lines else [text]
    return "\n".join(" ".join(row.split()) for row in rows)


@pytest.mark.parametrize("split", ["spaces", "punctuation"])
@settings(deadline=None, max_examples=60)
@given(
    text=st.text(
        st.sampled_from("aé9'\u2019.,!?-_ \t\n\u00a0\u2028￭<>\u0301") | st.characters(codec="utf-8")
    )
)
@example(text="Don't, I said: (no) — never!\n\n  Twice  ￭ ￭￭ a￭b.")
def test_words_come_back_with_single_spaces(split, text):
    vocabulary = WordVocabulary.learn([text], split=split)
    assert vocabulary.decode(vocabulary.encode(text)) == one_space(text)
    assert vocabulary.unknown(text) == []


def test_unknown_words_are_named_without_the_mark_of_glue():
    assert WordVocabulary(["a"]).unknown("a, b") == [",", "b"]


def test_words_can_drop_case():
    vocabulary = WordVocabulary.learn(["The THE the"], lower=True)
    assert vocabulary.words == ["the"]
    assert vocabulary.decode(vocabulary.encode("THE the")) == "the the"


def ends(text, **options):
    return " ".join(WordVocabulary([], split="spaces", **options).tokens(text))


def test_line_ends_become_eos():
    assert ends("a b\nc\n") == f"a b {END_NAME} c {END_NAME}"


def test_sentences_and_blank_lines_become_eos():
    eos = END_NAME
    assert ends("a b .\nc d\n\ne ! f", end="sentence") == f"a b . {eos} c d {eos} e ! {eos} f"


def test_sentence_ends_do_not_depend_on_where_a_text_is_cut_into_pieces():
    text = "a b\nc d .\ne\n\nf\n"
    whole = ends(text, end="sentence")
    cuts = [k + 1 for k, c in enumerate(text) if c == "\n"]
    for cut in cuts:
        parts = [ends(part, end="sentence") for part in (text[:cut], text[cut:])]
        assert " ".join(filter(None, parts)) == whole


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("the cat , it said , sat .", True),
        ("The cat, it said, sat. At 5.30.", False),
        ("no marks at all", False),
        ("", False),
    ],
)
def test_tokenised_texts_are_recognised(text, alone):
    assert punctuation_is_separate(text) is alone
