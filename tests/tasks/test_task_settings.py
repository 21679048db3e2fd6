"""Settings by the name of the task, and tasks by the settings."""

import pytest

from unroll.errors import UserError
from unroll.tasks.task_settings import choose_task, task_settings


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.conll"
    path.write_text("the\tO\ncat\tB-animal\n\n" * 5)
    return str(path)


def test_values_become_the_settings_of_the_task():
    assert task_settings("forecast", {"horizon": "3"}).model_dump()["horizon"] == 3
    with pytest.raises(UserError, match="no setting 'colour' in the task tag"):
        task_settings("tag", {"colour": "red"})
    with pytest.raises(UserError, match="--task got 'juggle'"):
        task_settings("juggle", {})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "horizon",
            "--horizon is a setting of the task forecast, and the data is read for the task ",
        ),
        ("label", "--label is a setting of the tasks frames, classify, and"),
        ("bands", r"--set bands=\.\.\. is a setting of the task transcribe, and"),
    ],
)
def test_a_setting_of_another_task_is_refused_with_the_name_of_that_task(words, name, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        task_settings("tag", {name: "3"})
    assert len(str(error.value)) < 300
    if name != "label":  # a classifier would read these words
        with pytest.raises(UserError, match=sentence):
            choose_task(words, None, {name: "3"})


def test_the_task_is_as_asked_or_guessed(words):
    assert choose_task("anything", "music", {}) == ("music", "the task is given")
    assert choose_task(words, None, {"seed": "3"})[0] == "tag"
    with pytest.raises(UserError, match="There is no file"):
        choose_task("gone.txt", None, {"horizon": "3"})
