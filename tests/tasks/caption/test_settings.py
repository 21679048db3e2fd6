"""Settings of a captioner, and which files look like tables of captions."""

import pytest

from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.tasks import guess_task
from unroll.tasks.caption.settings import CaptionSettings


def test_a_table_with_paths_of_images_is_guessed(tmp_path):
    rows = "".join(f"pictures/{k}.JPG,A dog in the snow {k}\n" for k in range(9))
    (tmp_path / "a.csv").write_text("file,what\n" + rows)
    (tmp_path / "b.tsv").write_text(rows.replace(",", "\t"))
    (tmp_path / "c.jsonl").write_text('{"file": "a.png", "caption": "A dog."}\n' * 3)
    for name in ("a.csv", "b.tsv", "c.jsonl"):
        assert guess_task(str(tmp_path / name), {})[0] == "caption"
    assert guess_task(str(tmp_path / "a.csv"), {"image": "file"})[0] == "caption"
    (tmp_path / "d.csv").write_text("text,label\nI saw a.png once,good\nbad one,bad\n" * 9)
    assert guess_task(str(tmp_path / "d.csv"), {})[0] == "classify"


@pytest.mark.parametrize(
    "values, message",
    [
        ({"channels": "8,x"}, "whole numbers"),
        ({"consensus": 0, "beam": 2, "best": 3}, "a beam of at least that width"),
        ({"consensus": 2, "best": 3}, "at least as many drawn"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        settings_from(CaptionSettings, values)
