"""The vocabulary of a captioner: learned, kept in files and loaded again."""

import pytest

from unroll.errors import UserError
from unroll.tasks.caption.preprocessor import CaptionPreprocessor, learn_preprocessor
from unroll.tasks.caption.settings import CaptionSettings
from unroll.training.files import write_folder

TEXTS = ["A picture number 3.", "It is 3!", "It is 3!"]


def test_a_preprocessor_is_loaded_from_its_files(tmp_path):
    preprocessor = learn_preprocessor(TEXTS, (3, 16, 24), CaptionSettings(min_count=1))
    assert list(preprocessor.known.items()) == [("It is 3!", 2), ("A picture number 3.", 1)]
    write_folder(tmp_path / "run", preprocessor.files())
    loaded = CaptionPreprocessor.load(tmp_path / "run")
    assert (loaded.size, loaded.longest) == ((3, 16, 24), 5)
    assert loaded.known == preprocessor.known
    for text in TEXTS:
        assert (
            loaded.vocabulary.encode(text).tolist() == preprocessor.vocabulary.encode(text).tolist()
        )
    write_folder(tmp_path / "run", {"captions.json": b"{}"})
    with pytest.raises(UserError, match=r"captions\.json is damaged"):
        CaptionPreprocessor.load(tmp_path / "run")
