"""Text to ids and back: nothing is lost that a vocabulary promises to keep."""

import json

import numpy as np
import pytest

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import UNKNOWN
from unroll.data.words import WordVocabulary, punctuation_is_separate
from unroll.errors import UserError
from unroll.training.files import write_folder

BPE = BPEVocabulary.learn(["low lower lowest, newer and wider.\n" * 20], size=300)


@pytest.mark.parametrize(
    "vocabulary",
    [CharacterVocabulary("abc"), WordVocabulary(["ab", "c"])],
    ids=["characters", "words"],
)
def test_what_was_never_seen_is_the_unknown(vocabulary):
    text = {"char": "abzc\U0010ffff", "word": "ab zz c yy zz"}[vocabulary.level]
    ids = vocabulary.encode(text).tolist()
    assert ids.count(UNKNOWN) == {"char": 2, "word": 3}[vocabulary.level]
    expected = {"char": ["z", "\U0010ffff"], "word": ["yy", "zz"]}[vocabulary.level]
    assert vocabulary.unknown(text) == expected
    assert vocabulary.name(UNKNOWN) == "<unk>"


@pytest.mark.parametrize("kind", [CharacterVocabulary, WordVocabulary])
def test_rare_and_surplus_tokens_are_left_out(kind):
    texts = ["a a a b b c\n"] if kind is WordVocabulary else ["aaabbc"]

    def known(vocabulary):
        return {vocabulary.name(i) for i in range(2, len(vocabulary))}

    assert known(kind.learn(texts)) == {"a", "b", "c"}
    assert known(kind.learn(texts, min_count=2)) == {"a", "b"}
    assert known(kind.learn(texts, min_count=2, size=1)) == {"a"}
    assert known(kind.learn(texts * 3, min_count=3)) == {"a", "b", "c"}  # counted over all texts


@pytest.mark.parametrize(
    "vocabulary",
    [
        CharacterVocabulary('\0\t\n\r"\\aé\u2028\x85😀'),
        WordVocabulary(["a", "é", "￭,", "\\", '"'], "punctuation", "sentence", True),
        BPE,
    ],
    ids=["characters", "words", "bpe"],
)
def test_what_is_saved_loads_as_it_was(vocabulary, tmp_path):
    write_folder(tmp_path / "run", vocabulary.files())
    loaded = load_vocabulary(tmp_path / "run")
    text = 'A é, b "\\\n😀\r<s>\x85'
    assert loaded.level == vocabulary.level and len(loaded) == len(vocabulary)
    assert np.array_equal(loaded.encode(text), vocabulary.encode(text))
    assert loaded.files() == vocabulary.files()


def test_folders_without_a_vocabulary_that_can_be_read_are_refused(tmp_path):
    write_folder(tmp_path / "run", {})
    with pytest.raises(UserError, match="holds no vocabulary"):
        load_vocabulary(tmp_path / "run")
    write_folder(tmp_path / "run", {"vocabulary.json": b'{"level": "syllable"}'})
    with pytest.raises(UserError, match="level 'syllable'; expected one of char, word"):
        load_vocabulary(tmp_path / "run")


REGEX = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (("normalizer",), {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 1000}),
        (("pre_tokenizer",), REGEX),
        (("pre_tokenizer",), None),
        (("decoder", "type"), "BPEDecoder"),
        (("model", "type"), "Unigram"),
        (("model", "unk_token"), "<unk>"),
        (("model", "vocab", "<s>"), 0),
        (("model", "vocab", "x"), -1),
        (("model", "merges"), [["a", "zz"]]),
        (("model", "merges"), ["a b c"]),
        (("added_tokens",), [{"id": 0}]),
        (("padding",), {"strategy": {"Fixed": 1 << 40}}),
    ],
)
def test_a_tokenizer_with_other_parts_is_refused(tmp_path, part, value):
    record = json.loads(BPE.files()["tokenizer.json"])
    place = record
    for name in part[:-1]:
        place = place[name]
    place[part[-1]] = value
    write_folder(tmp_path / "run", {"tokenizer.json": json.dumps(record).encode()})
    with pytest.raises(UserError, match=r"tokenizer\.json is damaged"):
        load_vocabulary(tmp_path / "run")


def test_boundaries_stand_for_no_text():
    assert CharacterVocabulary("ab").decode([1, 2, 1, 3]) == "ab"
    assert BPE.decode([1, *BPE.encode("low"), 1]) == "low"
    assert WordVocabulary(["a", "b"]).decode([2, 1, 3]) == "a\nb"


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
