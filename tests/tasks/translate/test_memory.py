"""Known pairs as a translator."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.saved_files import Damaged
from unroll.tasks.translate.memory import (
    TranslationMemory,
    load_table,
    pack_texts,
    replace_words,
    unpack_texts,
)
from unroll.tasks.translate.pairs import Pair
from unroll.training.files import write_folder

KNOWN = [
    Pair("a red dog", "un chien rouge"),
    Pair("a red cat", "un chat rouge"),
    Pair("a bird", "un oiseau"),
    Pair("My dog.", "Mon chien."),
]


@pytest.fixture(scope="module")
def memory():
    return TranslationMemory.learn(KNOWN)


def test_candidates_are_near_pairs_mended_ones_and_words(memory):
    (found,) = memory.candidates(["a red bird"])
    assert [each.origin for each in found[:4]] == ["neighbour"] * 4
    similar = [each.similarity for each in found[:4]]
    assert similar == sorted(similar, reverse=True) and not any(each.same_source for each in found)
    assert "un oiseau rouge" in [e.text for e in found if e.origin == "mended neighbour"]
    assert found[-1].origin == "word by word" and "oiseau" in found[-1].text
    seen = memory.candidates(["a bird"])[0][0]
    assert seen.text == "un oiseau" and seen.same_source and seen.similarity > 0.999


def test_a_word_is_replaced_where_both_are_known(memory):
    assert memory.mend("My cat.", KNOWN[3]) == "Mon chat."
    assert memory.mend("My zebra.", KNOWN[3]) is None
    assert memory.mend("My dog.", KNOWN[3]) is None
    assert replace_words("a  b, a", ["a", "b", ",", "a"], {3: "c"}) == "a  b, c"


def test_words_without_spaces_are_joined_without():
    memory = TranslationMemory.learn(
        [Pair("red dog", "赤犬"), Pair("red", "赤"), Pair("dog", "犬")]
    )
    assert not memory.has_spaces and memory.word_by_word("dog red") == "犬赤"


def test_it_is_loaded_from_its_file(memory, tmp_path):
    write_folder(tmp_path / "run", memory.files())
    again = TranslationMemory.load(tmp_path / "run")
    assert again.pairs == KNOWN
    assert again.candidates(["red birds"]) == memory.candidates(["red birds"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"target.lengths": np.array([3, 3], dtype=np.int64)},
        {"source.lengths": np.array([-1], dtype=np.int64)},
        {"forward.keys": np.array([10**9], dtype=np.int64)},
        {"backward.probability": np.array([np.nan], dtype=np.float32)},
        {"forward.given.bytes": np.zeros((2, 2), dtype=np.uint8)},
    ],
    ids=str,
)
def test_a_damaged_file_is_told(memory, tmp_path, wrong):
    import safetensors.numpy

    ((name, content),) = memory.files().items()
    arrays = safetensors.numpy.load(content) | wrong
    write_folder(tmp_path / "run", {name: safetensors.numpy.save(arrays)})
    with pytest.raises(Damaged, match="damaged"):
        TranslationMemory.load(tmp_path / "run")


def test_texts_of_any_kind_are_packed(tmp_path):
    texts = ["", "a\nb", "東京", "\udc80"]
    assert unpack_texts("x", pack_texts("x", texts), tmp_path) == texts
    with pytest.raises(UserError, match="UTF-8"):
        broken = {"x.bytes": np.array([255], np.uint8), "x.lengths": np.array([1], np.int64)}
        unpack_texts("x", broken, tmp_path)
    with pytest.raises(UserError, match="words of t"):
        load_table("t", pack_texts("t.given", ["a"]) | pack_texts("t.written", []), tmp_path)


def test_a_memory_of_nothing():
    memory = TranslationMemory.learn([])
    assert [each.origin for each in memory.candidates(["a"])[0]] == ["word by word"]
    assert memory.growth == 1.0 and memory.longest_target == 0
