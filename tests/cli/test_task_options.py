"""Help and flags of commands that take data of any task."""

import subprocess
import sys
from pathlib import Path

import pytest

from unroll.cli.main import run
from unroll.cli.task_options import help_cells, setting_parameters, task_and_data
from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.settings.rows import SettingRow
from unroll.tasks import TASKS

COMMANDS = (["train"], ["data", "check"])


def printed(capsys, *words, code=0):
    assert run(list(words), False) == code
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERMINAL_WIDTH", "160")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_general_help_shows_what_tasks_share_and_how_to_see_the_rest(capsys, command):
    shown = printed(capsys, *command, "--help")
    training = ["--cell", "--layers", "--hidden", "--seed", "--resume"]
    for flag in ("--task", "--valid", "--set", "--json", *(training * (command == ["train"]))):
        assert flag in shown
    for flag in ("--horizon", "--level", "--label", "--per-line"):
        assert flag not in shown
    assert f"unroll {' '.join(command)} TASK --help" in shown
    assert all(task in shown for task in TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_help_of_a_task_is_the_same_both_ways_and_lists_every_setting(capsys, task):
    shown = printed(capsys, "train", task, "--help")
    assert shown == printed(capsys, "train", "--task", task, "--help")
    assert shown == printed(capsys, "train", "--help", f"--task={task}")
    kind = TASKS[task].settings_class()
    flags = kind.all_flags()
    for name in kind.model_fields:
        typed = f"--{name.replace('_', '-')}" if name in flags else f"--set {name}="
        assert typed in shown, name
    others = {name for entry in TASKS.values() for name in entry.settings_class().all_flags()}
    for name in others - set(flags):
        assert f"--{name.replace('_', '-')} " not in shown, name


def test_help_of_a_task_shows_its_own_default_and_one_meaning(capsys):
    shown = printed(capsys, "train", "classify", "--help")
    assert "--cell CELL" in shown and "default: gru" in shown  # everywhere else lstm
    (line,) = [line for line in shown.splitlines() if "--level" in line]
    assert "word|char|bpe" in line and "levels" not in line


@pytest.mark.parametrize("words", [["--set", "x=tag"], ["--out", "music"], ["--target", "frames"]])
def test_the_value_of_an_option_is_no_task(capsys, words):
    assert "Settings of the task" not in printed(capsys, "train", *words, "--help")


def test_a_flag_means_a_switch_in_every_task_or_in_none():
    flags = {parameter.name for parameter in setting_parameters()}
    for name in flags:
        kinds = [entry.settings_class() for entry in TASKS.values()]
        fields = [k.model_fields[name] for k in kinds if name in k.all_flags()]
        assert len({field.annotation is bool for field in fields}) == 1, name
    assert set(RecurrentSettings.all_flags()) < flags


def test_flags_come_in_any_order_and_before_the_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"2024-01-{d:02},{d}\n" for d in range(1, 31))
    Path("sales.csv").write_text("day,y\n" + rows)
    expected = printed(capsys, "data", "check", "sales.csv", "--target", "y", "--horizon", "2")
    for words in (
        ["--target", "y", "--horizon", "2", "sales.csv"],
        ["--horizon=2", "forecast", "--target=y", "sales.csv"],
        ["sales.csv", "--set", "horizon=2", "--task", "forecast", "--target", "y"],
    ):
        assert printed(capsys, "data", "check", *words) == expected


def test_a_word_before_the_data_is_the_task_and_a_file_may_have_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert task_and_data(["a.txt"], None, "train") == (None, "a.txt")
    assert task_and_data(["a.txt"], "tag", "train") == ("tag", "a.txt")
    assert task_and_data(["tag", "a.txt"], None, "train") == ("tag", "a.txt")
    assert task_and_data(["tag", "a.txt"], "tag", "train") == ("tag", "a.txt")
    with pytest.raises(UserError, match="train got the task tag and no data"):
        task_and_data(["tag"], None, "train")
    Path("tag").write_text("text")
    assert task_and_data(["tag"], None, "train") == (None, "tag")
    assert task_and_data(["tag", "tag"], None, "train") == ("tag", "tag")
    for words in (["a.txt", "b.txt"], ["tag", "a.txt", "b.txt"]):
        with pytest.raises(UserError, match="expected DATA, or a task and DATA"):
            task_and_data(words, None, "train")
    with pytest.raises(UserError, match="two tasks, tag and --task music"):
        task_and_data(["tag", "a.txt"], "music", "train")


def test_long_choices_stand_beside_the_sentence():
    row = SettingRow("colour", None, "|".join(["crimson"] * 5), "crimson", "The colour.")
    assert help_cells(row) == (
        "--set colour=VALUE",
        "The colour. [crimson|crimson|crimson|crimson|crimson, default: crimson]",
    )


def test_help_and_refused_flags_load_no_torch(tmp_path):
    (tmp_path / "words.conll").write_text("a\tO\nb\tO\n\n" * 5)
    code = (
        "import sys\nfrom unroll.cli.main import run\n"
        "codes = [run(words, False) for words in (['train', 'tag', '--help'], "
        "['data', 'check', '--task', 'music', '--help'], ['train', 'tag'], "
        "['train', 'words.conll', '--horizon', '3'], "
        "['train', 'tag', 'words.conll', '--task', 'music'])]\n"
        "assert codes == [0, 0, 2, 2, 2], codes\n"
        "loaded = {'torch', 'numpy', 'tokenizers'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
