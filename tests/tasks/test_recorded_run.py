"""What a run folder has to hold: what is missing or damaged is named."""

import shutil

import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.recorded_run import baselines_of, check_needed, recorded_settings
from unroll.training.folder import RunFolder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("recorded")
    (place / "poem.txt").write_text("the apple and the pear\n" * 40)
    unroll.train(
        place / "poem.txt", place / "run", quiet=True, steps=2, hidden=8, floor="none", threads=1
    )
    return place / "run"


def test_settings_are_those_of_the_training(trained):
    folder = RunFolder(trained)
    assert recorded_settings(folder, folder.config()).hidden == 8


def test_settings_that_the_task_does_not_have_are_refused_with_the_file(trained):
    with pytest.raises(UserError, match=r"config\.json: "):
        recorded_settings(RunFolder(trained), {"task": "language", "settings": {"wings": 2}})


def test_a_damaged_vocabulary_is_named_and_a_lost_baseline_is_not_missed(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    for name in baselines_of(folder):
        (folder.path / name).unlink(missing_ok=True)
    check_needed(folder)
    (folder.path / "vocabulary.json").write_text("{}")
    with pytest.raises(UserError, match=r"is damaged: .*vocabulary\.json"):
        check_needed(folder)
