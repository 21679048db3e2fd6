"""Vocabularies of both sides: learned, kept in files and loaded again."""

import pytest

from unroll.errors import UserError
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.preprocessor import PairPreprocessor, learn_preprocessor
from unroll.tasks.translate.settings import TranslateSettings
from unroll.training.files import write_folder

PAIRS = [
    Pair("the red dog", "le chien rouge"),
    Pair("the cat", "le chat"),
    Pair("a dog", "un chien"),
]


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("level", ["word", "char", "bpe"])
def test_a_preprocessor_is_loaded_from_its_files(tmp_path, level, joint):
    settings = TranslateSettings(level=level, joint=joint, min_count=1)
    preprocessor = learn_preprocessor(lambda: PAIRS, settings)
    write_folder(tmp_path / "run", preprocessor.files())
    again = PairPreprocessor.load(tmp_path / "run")
    assert again.joint == joint and again.longest == preprocessor.longest
    for pair in PAIRS:
        assert (
            again.source.encode(pair.source).tolist()
            == preprocessor.source.encode(pair.source).tolist()
        )
        assert again.text(again.target.encode(pair.target).tolist(), []) == pair.target
    (tmp_path / "run" / "pairs.json").unlink()
    with pytest.raises(UserError, match=r"pairs\.json"):
        PairPreprocessor.load(tmp_path / "run")


def test_unknown_words_are_put_in_their_tmp_paths():
    preprocessor = learn_preprocessor(lambda: PAIRS, TranslateSettings(level="word", min_count=1))
    ids = preprocessor.target.encode("le Rex rouge Tom").tolist()
    assert preprocessor.text(ids, ["Rex", "Tom"]) == "le Rex rouge Tom"
    assert preprocessor.text(ids, []) == "le <unk> rouge <unk>"
    assert preprocessor.source_tokens("the Rex!") == ["the", "Rex", "!", "<eos>"]
