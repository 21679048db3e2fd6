"""The preprocessor comes back from the files of a run folder."""

from unroll.data.characters import CharacterVocabulary
from unroll.tasks.language.preprocessor import CATEGORIES, LanguagePreprocessor
from unroll.training.files import write_folder


def kept(preprocessor, folder):
    write_folder(folder / "run", preprocessor.files())
    return LanguagePreprocessor.load(folder / "run")


def test_vocabulary_and_conditions_come_back(tmp_path):
    preprocessor = LanguagePreprocessor(CharacterVocabulary.learn(["a rose"]), ["é", "f"])
    again = kept(preprocessor, tmp_path)
    assert again.categories == ["é", "f"]
    assert (
        again.vocabulary.encode("rose a").tolist()
        == preprocessor.vocabulary.encode("rose a").tolist()
    )


def test_without_conditions_no_file_is_kept_for_them(tmp_path):
    preprocessor = LanguagePreprocessor(CharacterVocabulary.learn(["a rose"]), [])
    assert CATEGORIES not in preprocessor.files()
    assert kept(preprocessor, tmp_path).categories == []
