"""A run as a folder: complete or not there, compared, and refused in a sentence where it cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError
from unroll.export.onnx import run as exporting
from unroll.export.onnx.run import TASKS, export_run, load_program


def test_the_folder_says_what_it_is_and_what_was_compared(exported, language_runs):
    found = exported["language", "characters"]
    assert set(found.files) == {"model.onnx", "model.json", "ngrams.npz", "predict.py"}
    about = json.loads((found.path / "model.json").read_text())
    assert about["task"] == found.task == "language" and found.nodes == ("LSTM",)
    assert about["weights"] == language_runs["characters"].weights_hash
    checked = about["checked"]
    assert checked["largest_difference"] == found.difference < 1e-5
    assert checked["largest_difference_of_answers"] == found.difference_of_answers < 1e-5
    assert checked["steps"] == [1, 7, 300] and checked["batches"] == [1, 3]


def test_programs_need_neither_unroll_nor_torch_and_can_be_read_at_once(exported):
    path = exported["language", "characters"].path / "predict.py"
    alone = (
        "import runpy, sys; sys.modules['unroll'] = sys.modules['torch'] = None; "
        f"sys.argv = ['predict.py', 'The ap']; runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", alone]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)) == 10
    for program in Path(exporting.__file__).parent.glob("predict_*.py"):
        assert len(program.read_text().splitlines()) < 100, program.name


def test_a_folder_that_is_there_is_replaced_only_where_an_export_made_it(
    language_runs, exported, tmp_path
):
    run = language_runs["alone"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("kept")
    with pytest.raises(UserError, match="exists already; nothing was overwritten"):
        export_run(run, tmp_path / "mine")
    with pytest.raises(UserError, match="is not a folder that an export made"):
        export_run(run, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "kept"
    found = export_run(run, tmp_path / "new" / "model")
    again = export_run(run, found.path, overwrite=True)
    assert again.files == found.files and [p.name for p in (tmp_path / "new").iterdir()] == [
        "model"
    ]


def test_answers_that_differ_leave_nothing_behind(language_runs, tmp_path, monkeypatch):
    exporter = TASKS["language"]
    changed = exporting.TaskExporter(exporter.model, exporter.program, lambda *given: 1e-3)
    monkeypatch.setitem(exporting.TASKS, "language", changed)
    with pytest.raises(UserError, match=r"differ from those of the run by 1.0e-03"):
        export_run(language_runs["alone"], tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_is_not_exported_is_refused_with_those_that_are(tmp_path):
    (tmp_path / "tags.txt").write_text("Anna B-PER\nsleeps O\n\nBob B-PER\nruns O\n\n" * 20)
    options = {"steps": 2, "hidden": 6, "threads": 1, "quiet": True, "backend": "loop"}
    run = unroll.train(tmp_path / "tags.txt", tmp_path / "run", task="tag", floor="none", **options)
    with pytest.raises(UserError, match=r"task tag, which is not exported.*language, classify"):
        export_run(run, tmp_path / "model")


def test_a_program_is_loaded_without_a_name_in_the_list_of_modules(tmp_path):
    (tmp_path / "predict.py").write_text("answer = 42\n")
    assert load_program(tmp_path / "predict.py").answer == 42
    assert "exported_program" not in sys.modules
