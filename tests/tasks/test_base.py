"""The seam: typed, without Any, and what is optional has a default that says so."""

import ast
import inspect
from pathlib import Path

import pytest

from unroll.errors import UserError
from unroll.tasks import TASKS, load_task
from unroll.tasks.base import Task

OPTIONAL = {
    "fit_floor",
    "refit_floor",
    "baseline_files",
    "calibrate",
    "check_columns",
    "format_metrics",
    "format_prediction",
    "plot",
    "predict",
    "prediction_rows",
    "predicts_rows",
    "network",
    "network_part",
    "pictures",
    "read_inputs",
    "step_size",
}


@pytest.mark.parametrize("module", ["unroll.tasks.base", "unroll.training.objective"])
def test_no_signature_of_the_seam_has_any(module):
    tree = ast.parse(Path(inspect.getfile(__import__(module, fromlist=["_"]))).read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "Any" not in names


def test_methods_are_abstract_or_have_a_default():
    methods = {name for name, _ in inspect.getmembers(Task, inspect.isfunction) if name[0] != "_"}
    assert methods - set(Task.__abstractmethods__) == OPTIONAL


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_complete_and_named_as_its_row(name):
    task = load_task(name)
    settings = TASKS[name].settings_class().model_fields
    assert isinstance(task, Task) and task.name == name
    assert set(task.changeable) <= set(settings) and set(task.column_settings) <= set(settings)


def test_a_column_that_a_task_does_not_read_is_refused_with_those_that_it_reads():
    task = load_task("classify")
    task.check_columns({"text": "review"})
    with pytest.raises(UserError, match=r"--audio got 'path'.* --text, --label"):
        task.check_columns({"audio": "path"})


def test_groups_are_refused_where_the_data_has_no_columns():
    load_task("classify").check_columns({"by": "speaker"})
    with pytest.raises(UserError, match="--by got 'key'; the data of the task music has no column"):
        load_task("music").check_columns({"by": "key"})
