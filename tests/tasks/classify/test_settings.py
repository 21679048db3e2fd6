"""Which files look like labelled texts, and which settings exclude each other."""

import pytest

from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.tasks.classify.settings import ClassifySettings


def test_a_folder_for_each_class_is_recognised(tmp_path):
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        for k in range(2):
            (tmp_path / name / f"{k}.txt").write_text("a film")
    assert ClassifySettings.guess(tmp_path, {}) == "a folder for each of 2 classes"
    (tmp_path / "readme.txt").write_text("a text beside the folders")
    assert ClassifySettings.guess(tmp_path, {}) is None


def test_a_closed_form_has_no_class_weights_and_no_counts():
    for other in ({"class_weights": "balanced"}, {"counts": True}):
        with pytest.raises(UserError, match="readout=ridge is given with"):
            settings_from(ClassifySettings, {"readout": "ridge", **other})
